#include "services/admin_key.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/private_file.h"
#include "base/status_macros.h"
#include "cofactor/v1/audit.pb.h"
#include "services/engine/api_key.h"
#include "services/engine/client_engine.h"
#include "services/engine/plan.h"

namespace cofactor::services {

absl::Status ResetAdminKey(const ClosedStore& closed, const std::string& path) {
  const auto snapshot = closed.store.GetSnapshot();
  const Caller server = Caller::Server();
  Plan plan(*snapshot, closed.clock.Now(), server);
  const NewApiKey made = MakeApiKey(plan.now(), closed.randomness);
  RETURN_IF_ERROR(
      ClientEngine(closed.randomness).ResetAdmin(plan, made.record));
  // First the file: a key that opens nothing is replaced by the next start, and
  // one that nobody knows would be no use.
  std::string line = absl::StrCat(made.key.ExposeSecret(), "\n");
  const Secret text{absl::string_view(line)};
  Wipe(line);
  RETURN_IF_ERROR(ReplacePrivateFile(path, text));
  record::v1::AuditRecord event;
  event.set_action("ResetAdminKey");
  event.set_client_id(server.client_id());
  event.set_result(v1::AUDIT_RESULT_DONE);
  storage::Transaction transaction = plan.TakeTransaction();
  closed.audit_log.Append(std::move(event), plan.now(), transaction);
  return storage::CommitAndWait(closed.store, std::move(transaction));
}

absl::StatusOr<bool> EnsureAdminKey(const ClosedStore& closed,
                                    const std::string& path) {
  {
    const auto snapshot = closed.store.GetSnapshot();
    const Caller server = Caller::Server();
    Plan plan(*snapshot, closed.clock.Now(), server);
    ASSIGN_OR_RETURN(const bool has_admin,
                     ClientEngine(closed.randomness).HasAdmin(plan));
    if (has_admin) return false;
  }
  RETURN_IF_ERROR(ResetAdminKey(closed, path));
  return true;
}

}  // namespace cofactor::services
