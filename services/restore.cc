#include "services/restore.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "base/status_macros.h"
#include "cofactor/v1/audit.pb.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

constexpr size_t kPage = 256;

// Calls a function for every record under a prefix, and commits what it puts
// into the transaction, page by page.
absl::Status ChangeAll(
    storage::Store& store, absl::string_view prefix,
    absl::FunctionRef<absl::Status(storage::Entry, storage::Transaction&)>
        change) {
  std::string last;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<storage::Entry> entries,
                     store.GetSnapshot()->Scan(prefix, last, kPage));
    if (entries.empty()) return absl::OkStatus();
    last = entries.back().key;
    storage::Transaction transaction;
    for (storage::Entry& entry : entries) {
      RETURN_IF_ERROR(change(std::move(entry), transaction));
    }
    if (transaction.writes().empty()) continue;
    RETURN_IF_ERROR(storage::CommitAndWait(store, std::move(transaction)));
  }
}

// Returns whether the enrollment was changed.
absl::StatusOr<bool> Disarm(const factors::FactorRegistry& registry,
                            absl::Time now, EnrollmentRecord& enrollment) {
  const factors::Factor* factor = registry.Find(enrollment.factor_type());
  if (factor == nullptr) return false;  // Nobody can verify with it.
  switch (factor->descriptor().replay_guard) {
    case factors::ReplayGuard::kCounter: {
      ASSIGN_OR_RETURN(
          const int64_t highest,
          factor->HighestAcceptableCounter(FactorStateOf(enrollment), now));
      enrollment.set_accepted_counter(
          enrollment.has_accepted_counter()
              ? std::max(enrollment.accepted_counter(), highest)
              : highest);
      enrollment.set_has_accepted_counter(true);
      return true;
    }
    case factors::ReplayGuard::kStateChange:
      enrollment.set_disabled(true);
      return true;
    case factors::ReplayGuard::kChallenge:
    case factors::ReplayGuard::kNone:
      return false;
  }
  return false;
}

}  // namespace

absl::StatusOr<DisarmReport> DisarmRestored(
    const ClosedStore& closed, const factors::FactorRegistry& registry) {
  DisarmReport report;
  const absl::Time now = closed.clock.Now();
  RETURN_IF_ERROR(ChangeAll(
      closed.store, kAllMembersPrefix,
      [&](storage::Entry entry,
          storage::Transaction& transaction) -> absl::Status {
        ASSIGN_OR_RETURN(auto member,
                         Decode<MemberRecord>(std::move(entry.record)));
        uint64_t changed = 0;
        for (EnrollmentRecord& enrollment :
             *member.record.mutable_enrollments()) {
          ASSIGN_OR_RETURN(const bool is_changed,
                           Disarm(registry, now, enrollment));
          changed += is_changed;
        }
        EndSessions(member.record);
        ForgetDevices(member.record);
        transaction.Put(entry.key, member.record.SerializeAsString());
        report.members += changed > 0;
        report.enrollments += changed;
        return absl::OkStatus();
      }));
  for (const absl::string_view prefix :
       {kChallengePrefix, kChallengeMarkPrefix, kIdempotencyPrefix,
        kSignInPrefix, kSessionPrefix, kSessionMarkPrefix,
        kRememberedDevicesPrefix, kAllRecoveriesPrefix, kApprovalPrefix}) {
    RETURN_IF_ERROR(
        ChangeAll(closed.store, prefix,
                  [&](storage::Entry entry, storage::Transaction& transaction) {
                    transaction.Delete(entry.key);
                    report.challenges += prefix == kChallengePrefix;
                    report.sessions += prefix == kSessionPrefix;
                    return absl::OkStatus();
                  }));
  }
  record::v1::AuditRecord event;
  event.set_action("RestoreBackup");
  event.set_client_id(Caller::Server().client_id());
  event.set_result(v1::AUDIT_RESULT_DONE);
  storage::Transaction transaction;
  closed.audit_log.Append(std::move(event), now, transaction);
  RETURN_IF_ERROR(storage::CommitAndWait(closed.store, std::move(transaction)));
  return report;
}

}  // namespace cofactor::services
