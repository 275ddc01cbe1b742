#include "services/messenger/outbox_gateway.h"

namespace cofactor::services {

void OutboxGateway::Send(const SmsMessage& message, Done done) {
  {
    MutexLock lock(mutex_);
    if (messages_.size() == capacity_) messages_.pop_front();
    messages_.push_back(message.Clone());
  }
  std::move(done)({.verdict = SmsVerdict::kAccepted,
                   .gateway = name_,
                   .provider_id = message.message_id});
}

std::vector<SmsMessage> OutboxGateway::Messages() const {
  MutexLock lock(mutex_);
  std::vector<SmsMessage> copies;
  copies.reserve(messages_.size());
  for (const SmsMessage& message : messages_) {
    copies.push_back(message.Clone());
  }
  return copies;
}

}  // namespace cofactor::services
