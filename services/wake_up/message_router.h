#ifndef COFACTOR_SERVICES_WAKE_UP_MESSAGE_ROUTER_H_
#define COFACTOR_SERVICES_WAKE_UP_MESSAGE_ROUTER_H_

#include <vector>

#include "services/engine/message_sender.h"

namespace cofactor::services {

// Takes each message to the sender of its channel. Thread-safe.
class MessageRouter final : public MessageSender {
 public:
  // sms: of the channel "sms". wake_up: of "wake_up". Not owned; must outlive
  // this. Null: messages of that channel are dropped without a word, as those
  // of any other channel are.
  MessageRouter(MessageSender* sms, MessageSender* wake_up)
      : sms_(sms), wake_up_(wake_up) {}

  void Send(std::vector<PlannedMessage> messages) override;

 private:
  MessageSender* const sms_;
  MessageSender* const wake_up_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_MESSAGE_ROUTER_H_
