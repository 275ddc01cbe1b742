#include "services/engine/recovery_records.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/account.pb.h"
#include "services/engine/keys.h"
#include "services/engine/opaque_token.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::RecoveryRecord;

constexpr absl::string_view kTicketPrefix = "cft_";

// How long a recovery can be read after its end.
constexpr absl::Duration kRecoveryRetention = absl::Hours(90 * 24);

bool IsApproved(const RecoveryRecord& recovery) {
  return static_cast<uint32_t>(recovery.approver_member_ids_size()) >=
         recovery.wanted_approvals();
}

}  // namespace

absl::Status ProofRefused(absl::string_view message) {
  return MakeError(absl::StatusCode::kPermissionDenied, "PROOF_REFUSED",
                   message);
}

bool MayRecover(const MemberRecord& member, absl::Time now) {
  return MayVerify(member, now) && (member.role() == v1::MEMBER_ROLE_OWNER ||
                                    member.role() == v1::MEMBER_ROLE_ADMIN);
}

v1::RecoveryState StateOf(const RecoveryRecord& recovery, absl::Time now) {
  if (recovery.used()) return v1::RECOVERY_STATE_COMPLETE;
  if (recovery.cancelled()) return v1::RECOVERY_STATE_CANCELLED;
  if (now >= absl::FromUnixMicros(recovery.expire_micros())) {
    return v1::RECOVERY_STATE_EXPIRED;
  }
  if (!recovery.ticket_hash().empty()) {
    return v1::RECOVERY_STATE_TICKET_ISSUED;
  }
  if (!IsApproved(recovery)) return v1::RECOVERY_STATE_PENDING;
  return now < absl::FromUnixMicros(recovery.ready_micros())
             ? v1::RECOVERY_STATE_DELAYED
             : v1::RECOVERY_STATE_READY;
}

bool IsOpen(v1::RecoveryState state) {
  return state == v1::RECOVERY_STATE_PENDING ||
         state == v1::RECOVERY_STATE_DELAYED ||
         state == v1::RECOVERY_STATE_READY ||
         state == v1::RECOVERY_STATE_TICKET_ISSUED;
}

absl::Status DropApprovers(Plan& plan, RecoveryRecord& recovery) {
  RecoveryRecord kept = recovery;
  kept.clear_approver_member_ids();
  kept.clear_approver_create_micros();
  for (int i = 0; i < recovery.approver_member_ids_size(); ++i) {
    const std::string& member_id = recovery.approver_member_ids(i);
    ASSIGN_OR_RETURN(
        const auto approver,
        plan.Read<MemberRecord>(MemberKey(recovery.account_id(), member_id)));
    const bool is_same =
        approver.exists() && i < recovery.approver_create_micros_size() &&
        approver.record.create_micros() == recovery.approver_create_micros(i);
    if (!is_same || !MayRecover(approver.record, plan.now())) continue;
    kept.add_approver_member_ids(member_id);
    kept.add_approver_create_micros(recovery.approver_create_micros(i));
  }
  if (!IsApproved(kept)) kept.clear_ready_micros();
  recovery = std::move(kept);
  return absl::OkStatus();
}

absl::StatusOr<Stored<RecoveryRecord>> FindRecovery(
    Plan& plan, const MemberRecord& member) {
  ASSIGN_OR_RETURN(auto recovery,
                   plan.Read<RecoveryRecord>(
                       RecoveryKey(member.account_id(), member.member_id())));
  if (recovery.record.member_create_micros() != member.create_micros()) {
    return Stored<RecoveryRecord>();
  }
  const v1::RecoveryState state = StateOf(recovery.record, plan.now());
  if (IsOpen(state) && state != v1::RECOVERY_STATE_TICKET_ISSUED) {
    RETURN_IF_ERROR(DropApprovers(plan, recovery.record));
  }
  return recovery;
}

void WriteRecovery(Plan& plan, RecoveryRecord& recovery) {
  plan.Write(
      RecoveryKey(recovery.account_id(), recovery.member_id()), recovery,
      absl::FromUnixMicros(recovery.expire_micros()) + kRecoveryRetention);
}

v1::Recovery ViewOf(const RecoveryRecord& recovery, absl::Time now) {
  v1::Recovery view;
  view.set_recovery_id(recovery.recovery_id());
  view.set_account_id(recovery.account_id());
  view.set_member_id(recovery.member_id());
  view.set_state(StateOf(recovery, now));
  *view.mutable_approver_member_ids() = recovery.approver_member_ids();
  view.set_wanted_approvals(recovery.wanted_approvals());
  view.set_reason(recovery.reason());
  *view.mutable_create_time() =
      ToTimestamp(absl::FromUnixMicros(recovery.create_micros()));
  if (recovery.ready_micros() != 0) {
    *view.mutable_ready_time() =
        ToTimestamp(absl::FromUnixMicros(recovery.ready_micros()));
  }
  *view.mutable_expire_time() =
      ToTimestamp(absl::FromUnixMicros(recovery.expire_micros()));
  return view;
}

Secret MakeTicket(RecoveryRecord& recovery, Randomness& randomness) {
  const Secret secret = DrawTokenSecret(randomness);
  recovery.set_ticket_hash(HashOfTokenSecret(secret));
  return MakeToken(kTicketPrefix, recovery.recovery_id(), {&secret});
}

absl::StatusOr<std::string> UseTicket(Plan& plan, const MemberRecord& member,
                                      absl::string_view ticket) {
  const absl::Status refused = ProofRefused(
      "the ticket is not this member's, or it was used, cancelled or is over: "
      "start another recovery");
  ASSIGN_OR_RETURN(auto recovery, FindRecovery(plan, member));
  const std::optional<PresentedToken> presented =
      ParseToken(kTicketPrefix, 1, ticket);
  if (!recovery.exists() || !presented.has_value() ||
      presented->id != recovery.record.recovery_id()) {
    return refused;
  }
  const bool is_open =
      StateOf(recovery.record, plan.now()) == v1::RECOVERY_STATE_TICKET_ISSUED;
  const bool is_right = ConstantTimeEquals(
      HashOfTokenSecret(presented->secrets[0]), recovery.record.ticket_hash());
  if (!is_open || !is_right) return refused;
  recovery.record.set_used(true);
  WriteRecovery(plan, recovery.record);
  return recovery.record.recovery_id();
}

}  // namespace cofactor::services
