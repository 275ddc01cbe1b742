#include "services/engine/message_planner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/keys.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::DeliveryRecord;

// Messages of one challenge or pending enrollment.
constexpr uint32_t kMaxSends = 5;
// Between the first two; then twice as long each time.
constexpr absl::Duration kFirstCooldown = absl::Seconds(30);

// A phone that is off for a day hears of it late, and not at all after that.
constexpr absl::Duration kNoticeLifetime = absl::Hours(24);

absl::Time ResendTime(const DeliveryRecord& delivery) {
  absl::Duration cooldown = kFirstCooldown;
  for (uint32_t sends = 1; sends < delivery.sends(); ++sends) cooldown *= 2;
  return absl::FromUnixMicros(delivery.send_micros()) + cooldown;
}

absl::Status CheckMaySend(const DeliveryRecord& delivery, absl::Time now) {
  if (delivery.sends() == 0) return absl::OkStatus();
  if (delivery.sends() >= kMaxSends) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "TOO_MANY_SENDS",
        absl::StrCat("its message was sent ", kMaxSends,
                     " times, the most there may be: begin a new one"));
  }
  if (const absl::Time resend = ResendTime(delivery); now < resend) {
    return RetryLater("RESEND_TOO_SOON",
                      "its message was sent a moment ago: wait until the retry "
                      "delay is over",
                      resend - now);
  }
  return absl::OkStatus();
}

void NoteSend(absl::Time now, DeliveryRecord& delivery) {
  delivery.set_state(v1::DELIVERY_STATE_QUEUED);
  delivery.set_sends(delivery.sends() + 1);
  delivery.set_send_micros(absl::ToUnixMicros(now));
  delivery.clear_reason();
  delivery.clear_gateway();
}

}  // namespace

absl::Status MessagePlanner::PlanSend(
    Plan& plan, const MessageTarget& target,
    std::vector<factors::OutgoingMessage> messages,
    DeliveryRecord& delivery) const {
  if (messages.empty()) return absl::OkStatus();
  if (limits_ == nullptr) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_MESSENGER",
                     "this server sends no messages: set messaging in its "
                     "configuration, or use another factor");
  }
  RETURN_IF_ERROR(CheckMaySend(delivery, plan.now()));
  for (factors::OutgoingMessage& message : messages) {
    ASSIGN_OR_RETURN(const Destination destination,
                     DestinationOf(message.address));
    RETURN_IF_ERROR(limits_->Reserve(plan, destination, target.account_id));
    delivery.set_address(message.address);
    delivery.set_message_id(
        PlanMessage(plan, target, std::move(message), /*wake_up=*/""));
  }
  NoteSend(plan.now(), delivery);
  return absl::OkStatus();
}

void MessagePlanner::PlanWakeUp(Plan& plan, const MessageTarget& target,
                                factors::OutgoingMessage message) const {
  const std::string address = message.address;
  PlanMessage(plan, target, std::move(message), address);
}

absl::Status MessagePlanner::PlanNotice(
    Plan& plan, NoticeKind kind, const record::v1::MemberRecord& member,
    factors::OutgoingMessage message) const {
  if (limits_ == nullptr) return absl::OkStatus();
  const absl::StatusOr<Destination> destination =
      DestinationOf(message.address);
  // Nothing that a text could reach.
  if (!destination.ok()) return absl::OkStatus();
  const absl::Status reserved = limits_->Reserve(
      plan, *destination, member.account_id(), MessageUse::kNotice);
  if (absl::IsResourceExhausted(reserved) ||
      absl::IsFailedPrecondition(reserved)) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(reserved);
  PlanMessage(plan,
              {member.account_id(), member.member_id(), "", "",
               plan.now() + kNoticeLifetime},
              std::move(message), /*wake_up=*/"", kind);
  return absl::OkStatus();
}

std::string MessagePlanner::PlanMessage(
    Plan& plan, const MessageTarget& target, factors::OutgoingMessage message,
    const std::string& wake_up, std::optional<NoticeKind> notice) const {
  record::v1::MessageRecord record;
  record.set_account_id(target.account_id);
  record.set_member_id(target.member_id);
  record.set_challenge_id(target.challenge_id);
  record.set_enrollment_id(target.enrollment_id);
  record.set_wake_up(wake_up);
  const std::string message_id = randomness_.DrawId();
  plan.Write(MessageKey(message_id), record,
             target.expire_time + kChallengeRetention);
  plan.Send({std::move(message), message_id, target.account_id,
             target.expire_time, notice});
  return message_id;
}

absl::StatusOr<Destination> MessagePlanner::DestinationOf(
    const std::string& e164) const {
  ASSIGN_OR_RETURN(const factors::sms::PhoneNumber number,
                   phone_numbers_.Parse(e164, "", {"phone_number", "region"}));
  return MakeDestination(number.e164(), number.region());
}

absl::Status MessagePlanner::PlanDecoy(Plan& plan,
                                       DeliveryRecord& delivery) const {
  RETURN_IF_ERROR(CheckMaySend(delivery, plan.now()));
  NoteSend(plan.now(), delivery);
  return absl::OkStatus();
}

absl::Status MessagePlanner::CountVerified(
    Plan& plan, const DeliveryRecord& delivery) const {
  if (limits_ == nullptr || delivery.address().empty()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const Destination destination,
                   DestinationOf(delivery.address()));
  return limits_->CountVerified(plan, destination);
}

v1::Delivery ViewOf(const Plan& plan, const DeliveryRecord& delivery) {
  v1::Delivery view;
  // How far a message is tells that there is somebody to whom it goes.
  const bool may_know = plan.caller().MayKnowMembers();
  view.set_state(may_know ? static_cast<v1::DeliveryState>(delivery.state())
                          : v1::DELIVERY_STATE_QUEUED);
  if (may_know) {
    view.set_reason(delivery.reason());
    view.set_gateway(delivery.gateway());
  }
  view.set_sends(delivery.sends());
  *view.mutable_send_time() =
      ToTimestamp(absl::FromUnixMicros(delivery.send_micros()));
  if (delivery.sends() < kMaxSends) {
    *view.mutable_resend_time() = ToTimestamp(ResendTime(delivery));
  }
  return view;
}

}  // namespace cofactor::services
