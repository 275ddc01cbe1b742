#ifndef COFACTOR_SERVICES_ENGINE_MESSAGE_PLANNER_H_
#define COFACTOR_SERVICES_ENGINE_MESSAGE_PLANNER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/delivery.pb.h"
#include "factors/factor.h"
#include "factors/sms/phone_number.h"
#include "services/engine/message_sender.h"
#include "services/engine/plan.h"
#include "services/engine/send_limits.h"

namespace cofactor::services {

// A challenge or a pending enrollment that a message is for.
struct MessageTarget {
  std::string account_id;
  std::string member_id;
  // One of them, both for a wake-up, none for a notice.
  std::string challenge_id;
  std::string enrollment_id;
  // Later than that the code is dead, or the notice old.
  absl::Time expire_time;
};

// Plans messages: reserves each against the limits, and writes down where it
// belongs, in the transaction of the call that makes it. Thread-safe.
class MessagePlanner {
 public:
  // limits: null if this server sends nothing. All are borrowed; they must
  // outlive this.
  MessagePlanner(const SendLimits* limits,
                 const factors::sms::PhoneNumbers& phone_numbers,
                 Randomness& randomness)
      : limits_(limits),
        phone_numbers_(phone_numbers),
        randomness_(randomness) {}

  // Plans what a factor wants to be sent, and notes it in delivery; does
  // nothing if there is nothing to send.
  //   FAILED_PRECONDITION  NO_MESSENGER: this server sends nothing;
  //                        TOO_MANY_SENDS, REGION_NOT_ALLOWED.
  //   RESOURCE_EXHAUSTED   RESEND_TOO_SOON, SEND_LIMIT; with RetryInfo.
  absl::Status PlanSend(Plan& plan, const MessageTarget& target,
                        std::vector<factors::OutgoingMessage> messages,
                        record::v1::DeliveryRecord& delivery) const;

  // As PlanSend for a challenge that there is nobody to answer: everything
  // looks the same, and nothing is sent.
  absl::Status PlanDecoy(Plan& plan,
                         record::v1::DeliveryRecord& delivery) const;

  // Plans to wake up a device for a challenge. Nothing counts it, as there are
  // few prompts, and nobody is charged for it. target: both ids are set.
  void PlanWakeUp(Plan& plan, const MessageTarget& target,
                  factors::OutgoingMessage message) const;

  // Plans a notice for a member, who may have several addresses. One that the
  // limits refuse, or that this server cannot send, is dropped: what it tells
  // of happens all the same.
  absl::Status PlanNotice(Plan& plan, NoticeKind kind,
                          const record::v1::MemberRecord& member,
                          factors::OutgoingMessage message) const;

  // A code that was sent was typed back.
  absl::Status CountVerified(Plan& plan,
                             const record::v1::DeliveryRecord& delivery) const;

 private:
  // Writes down where a message belongs, and has it sent. Returns its id.
  std::string PlanMessage(
      Plan& plan, const MessageTarget& target, factors::OutgoingMessage message,
      const std::string& wake_up,
      std::optional<NoticeKind> notice = std::nullopt) const;
  absl::StatusOr<Destination> DestinationOf(const std::string& e164) const;

  const SendLimits* const limits_;
  const factors::sms::PhoneNumbers& phone_numbers_;
  Randomness& randomness_;
};

// What a caller may see of a delivery.
v1::Delivery ViewOf(const Plan& plan,
                    const record::v1::DeliveryRecord& delivery);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_MESSAGE_PLANNER_H_
