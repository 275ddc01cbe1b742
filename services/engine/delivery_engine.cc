#include "services/engine/delivery_engine.h"

#include <string>
#include <utility>

#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/audit.pb.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/delivery.pb.h"
#include "factors/push/push_state.h"
#include "services/engine/challenge_records.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::DeliveryRecord;
using ::cofactor::record::v1::DeliveryReport;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::MessageRecord;

// Reason of a report that a vendor calls the address of a device dead.
constexpr absl::string_view kAddressGone = "ADDRESS_GONE";

// How much a state says. Reports may come in any order.
int Weight(uint32_t state) {
  switch (state) {
    case v1::DELIVERY_STATE_QUEUED:
      return 1;
    case v1::DELIVERY_STATE_SENT:
      return 2;
    case v1::DELIVERY_STATE_FAILED:
    case v1::DELIVERY_STATE_EXPIRED:
      return 3;
    // A network may take its word back that a message failed, not that it came.
    case v1::DELIVERY_STATE_DELIVERED:
      return 4;
    default:
      return 0;
  }
}

// Returns whether the report changes what is known.
bool Apply(const DeliveryReport& report, DeliveryRecord& delivery) {
  if (delivery.message_id() != report.message_id()) return false;
  const bool says_more = Weight(report.state()) > Weight(delivery.state());
  const bool says_why = report.state() == delivery.state() &&
                        delivery.reason().empty() && !report.reason().empty();
  if (!says_more && !says_why) return false;
  delivery.set_state(report.state());
  delivery.set_reason(report.reason());
  delivery.set_gateway(report.gateway());
  return true;
}

absl::Status RecordOnChallenge(Plan& plan, const DeliveryReport& report,
                               const std::string& challenge_id) {
  ASSIGN_OR_RETURN(auto challenge, ReadChallenge(plan, challenge_id));
  ChallengeRecord& record = challenge.record;
  if (!Apply(report, *record.mutable_delivery())) return absl::OkStatus();
  if (report.state() == v1::DELIVERY_STATE_DELIVERED &&
      StateOf(record, plan.now()) == v1::CHALLENGE_STATE_PENDING) {
    record.set_state(v1::CHALLENGE_STATE_DELIVERED);
  }
  plan.audit().set_reason(report.reason());
  WriteChallenge(plan, record);
  return absl::OkStatus();
}

absl::Status RecordOnEnrollment(Plan& plan, const DeliveryReport& report,
                                const MessageRecord& message) {
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, message.account_id(), message.member_id()));
  ASSIGN_OR_RETURN(
      record::v1::EnrollmentRecord * enrollment,
      FindExistingEnrollment(plan, member.record, message.enrollment_id()));
  // Confirmed meanwhile: it has come, whatever the report says.
  if (enrollment->confirmed() ||
      !Apply(report, *enrollment->mutable_delivery())) {
    return absl::OkStatus();
  }
  plan.audit().set_reason(report.reason());
  plan.Write(MemberKey(message.account_id(), message.member_id()),
             member.record);
  return absl::OkStatus();
}

// What a vendor says of a wake-up matters only if it calls the address dead.
absl::Status RecordOnDevice(Plan& plan, const DeliveryReport& report,
                            const MessageRecord& message) {
  if (report.reason() != kAddressGone) return absl::OkStatus();
  ASSIGN_OR_RETURN(auto member,
                   ReadMember(plan, message.account_id(), message.member_id()));
  ASSIGN_OR_RETURN(
      record::v1::EnrollmentRecord * enrollment,
      FindExistingEnrollment(plan, member.record, message.enrollment_id()));
  ASSIGN_OR_RETURN(const auto state,
                   factors::push::WithoutWakeUp(FactorStateOf(*enrollment),
                                                message.wake_up()));
  // The device has given another one meanwhile.
  if (!state.has_value()) return absl::OkStatus();
  plan.audit().set_reason(report.reason());
  SetFactorState(*state, *enrollment);
  plan.Write(MemberKey(message.account_id(), message.member_id()),
             member.record);
  return absl::OkStatus();
}

}  // namespace

absl::Status DeliveryEngine::RecordDelivery(
    Plan& plan, const DeliveryReport& report,
    record::v1::DeliveryReported& reported) const {
  ASSIGN_OR_RETURN(const auto message,
                   plan.Read<MessageRecord>(MessageKey(report.message_id())));
  if (!message.exists()) {
    return MakeError(absl::StatusCode::kNotFound, "MESSAGE_NOT_FOUND",
                     "there is no such message, or it was long ago");
  }
  if (!message.record.wake_up().empty()) {
    return RecordOnDevice(plan, report, message.record);
  }
  if (!message.record.challenge_id().empty()) {
    return RecordOnChallenge(plan, report, message.record.challenge_id());
  }
  // A notice: nobody waits for it.
  if (message.record.enrollment_id().empty()) return absl::OkStatus();
  return RecordOnEnrollment(plan, report, message.record);
}

}  // namespace cofactor::services
