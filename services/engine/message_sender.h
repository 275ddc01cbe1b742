#ifndef COFACTOR_SERVICES_ENGINE_MESSAGE_SENDER_H_
#define COFACTOR_SERVICES_ENGINE_MESSAGE_SENDER_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "factors/factor.h"

namespace cofactor::services {

// A message whose transaction is on its way to the disk. Its code is nowhere
// else: a crash before it is sent loses it, and the person asks for another.
struct PlannedMessage {
  factors::OutgoingMessage message;
  // Unguessable. The store keeps a MessageRecord under it.
  std::string message_id;
  std::string account_id;
  // Later than that the code is dead.
  absl::Time expire_time;
};

// Takes messages to people. Thread-safe.
class MessageSender {
 public:
  virtual ~MessageSender() = default;

  // Takes messages whose transaction is on disk, and sends each at most once.
  // Never waits. What becomes of one is told to DeliveryEngine.
  virtual void Send(std::vector<PlannedMessage> messages) = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_MESSAGE_SENDER_H_
