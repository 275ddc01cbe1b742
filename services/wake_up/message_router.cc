#include "services/wake_up/message_router.h"

#include <utility>

namespace cofactor::services {

void MessageRouter::Send(std::vector<PlannedMessage> messages) {
  std::vector<PlannedMessage> sms;
  std::vector<PlannedMessage> wake_up;
  for (PlannedMessage& message : messages) {
    if (message.message.channel == "sms") {
      sms.push_back(std::move(message));
    } else if (message.message.channel == "wake_up") {
      wake_up.push_back(std::move(message));
    }
  }
  if (sms_ != nullptr && !sms.empty()) sms_->Send(std::move(sms));
  if (wake_up_ != nullptr && !wake_up.empty()) {
    wake_up_->Send(std::move(wake_up));
  }
}

}  // namespace cofactor::services
