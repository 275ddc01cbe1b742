#ifndef COFACTOR_SERVICES_ENGINE_MESSAGE_SENDER_H_
#define COFACTOR_SERVICES_ENGINE_MESSAGE_SENDER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "factors/factor.h"

namespace cofactor::services {

// What a message tells a member of that brings no code.
enum class NoticeKind {
  // A recovery code was used.
  kRecoveryCodeUsed,
  // An owner or admin started a recovery for the member.
  kRecoveryStarted,
  // A factor was confirmed.
  kFactorAdded,
  // A factor was deleted.
  kFactorRemoved,
};

// A message whose transaction is on its way to the disk. Its code is nowhere
// else: a crash before it is sent loses it, and the person asks for another.
struct PlannedMessage {
  factors::OutgoingMessage message;
  // Unguessable. The store keeps a MessageRecord under it.
  std::string message_id;
  std::string account_id;
  // Later than that the code is dead, or the notice old.
  absl::Time expire_time;
  // Of a notice, which has no code.
  std::optional<NoticeKind> notice = std::nullopt;
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
