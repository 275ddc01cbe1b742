#ifndef COFACTOR_SERVICES_ENGINE_APPROVAL_RECORDS_H_
#define COFACTOR_SERVICES_ENGINE_APPROVAL_RECORDS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/approval_service.pb.h"
#include "cofactor/v1/challenge.pb.h"
#include "factors/factor.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// What approvals mean at a time, and what is done to them by more than one
// call.

// Wrong answers that end an approval, for each member that it wants.
inline constexpr uint32_t kApprovalAttemptsPerMember = 5;

// How long an approval can still be read after its end.
inline constexpr absl::Duration kApprovalRetention = absl::Hours(24);

// Reads an approval of the plan's client. NOT_FOUND if there is none, also if
// it is another client's or its account is none that the client may touch.
//
// While it is open, whoever approved and no longer counts is taken out of it:
// the member is gone, another of the same id, suspended or expired, or the
// enrollment was removed or disabled. Their records are conditions of the plan.
absl::StatusOr<Stored<record::v1::ApprovalRecord>> ReadApproval(
    Plan& plan, absl::string_view approval_id);

// Adds a changed approval to a plan.
void WriteApproval(Plan& plan, record::v1::ApprovalRecord& approval);

// Where it stands; EXPIRED if its time ran out before it ended.
v1::ApprovalState StateOf(const record::v1::ApprovalRecord& approval,
                          absl::Time now);

// FAILED_PRECONDITION, reason APPROVAL_OVER, unless it is open.
absl::Status CheckOpen(const record::v1::ApprovalRecord& approval,
                       absl::Time now);

// INVALID_ARGUMENT unless the member is one who may approve it.
absl::Status CheckMayApprove(const record::v1::ApprovalRecord& approval,
                             absl::string_view member_id);

// Whether an answer of a factor counts by what the approval says of factors.
// The account's policy may still leave it out.
bool IsNamed(const record::v1::ApprovalRecord& approval,
             const factors::FactorDescriptor& descriptor);

// What the approval knows of a member; null: nothing.
record::v1::MemberApprovalRecord* FindEntry(
    record::v1::ApprovalRecord& approval, absl::string_view member_id);

// How many members have approved.
uint32_t CountApprovals(const record::v1::ApprovalRecord& approval);

// The first member who refused a challenge of the approval on a device, and may
// verify; empty: none. The challenges are conditions of the plan.
absl::StatusOr<std::string> FindRefusal(
    Plan& plan, const record::v1::ApprovalRecord& approval);

// Ends the challenge that was started for a member, or those for all members,
// if still open.
absl::Status CancelChallenge(Plan& plan,
                             const record::v1::MemberApprovalRecord& entry);
absl::Status CancelChallenges(Plan& plan,
                              const record::v1::ApprovalRecord& approval);

// What the members agree to. DATA_LOSS: the record is damaged.
absl::StatusOr<v1::ChallengeDetails> DetailsOf(
    const record::v1::ApprovalRecord& approval);

v1::Approval ViewOf(const record::v1::ApprovalRecord& approval, absl::Time now);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_APPROVAL_RECORDS_H_
