#include "services/messenger/outbox_gateway.h"

namespace cofactor::services {

void OutboxGateway::Send(const SmsMessage& message, Done done) {
  {
    MutexLock lock(mutex_);
    if (entries_.size() == capacity_) entries_.pop_front();
    entries_.push_back({message.Clone(), clock_.Now()});
  }
  std::move(done)({.verdict = SmsVerdict::kAccepted,
                   .gateway = name_,
                   .provider_id = message.message_id});
}

std::vector<OutboxGateway::Entry> OutboxGateway::Entries() const {
  MutexLock lock(mutex_);
  std::vector<Entry> copies;
  copies.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    copies.push_back({entry.message.Clone(), entry.send_time});
  }
  return copies;
}

}  // namespace cofactor::services
