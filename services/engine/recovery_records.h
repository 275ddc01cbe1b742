#ifndef COFACTOR_SERVICES_ENGINE_RECOVERY_RECORDS_H_
#define COFACTOR_SERVICES_ENGINE_RECOVERY_RECORDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/recovery_service.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Records of recoveries, and the tickets that they bring.

// An open recovery ends so long after its start, or after it became ready.
inline constexpr absl::Duration kRecoveryLifetime = absl::Hours(7 * 24);

// Whether the member may bring others back: an active owner or admin.
bool MayRecover(const record::v1::MemberRecord& member, absl::Time now);

// Where a recovery stands.
v1::RecoveryState StateOf(const record::v1::RecoveryRecord& recovery,
                          absl::Time now);

// Whether something can still come of it.
bool IsOpen(v1::RecoveryState state);

// The last recovery of a member; a record that does not exist if there is none,
// or only one of an earlier member of the same id. As long as its ticket is not
// out, approvers who may no longer recover others are taken out of it.
absl::StatusOr<Stored<record::v1::RecoveryRecord>> FindRecovery(
    Plan& plan, const record::v1::MemberRecord& member);

// Takes them out of a recovery.
absl::Status DropApprovers(Plan& plan, record::v1::RecoveryRecord& recovery);

void WriteRecovery(Plan& plan, record::v1::RecoveryRecord& recovery);

v1::Recovery ViewOf(const record::v1::RecoveryRecord& recovery, absl::Time now);

// Tickets: "cft_" + id of the recovery + "_" + 64 hexadecimal digits of a
// secret of 256 random bits, of which the record keeps the SHA-256.
Secret MakeTicket(record::v1::RecoveryRecord& recovery, Randomness& randomness);

// Uses up a ticket of the member, and returns the id of its recovery.
//   PERMISSION_DENIED, reason PROOF_REFUSED: it is none of this member that is
//   still good. The error does not tell why.
absl::StatusOr<std::string> UseTicket(Plan& plan,
                                      const record::v1::MemberRecord& member,
                                      absl::string_view ticket);

// PERMISSION_DENIED, reason PROOF_REFUSED.
absl::Status ProofRefused(absl::string_view message);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_RECOVERY_RECORDS_H_
