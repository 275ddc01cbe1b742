#include "services/engine/member_sessions.h"

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "services/engine/keys.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

// Sessions that one commit removes.
constexpr size_t kMaxRemoved = 1000;

}  // namespace

absl::Status EndSessions(Plan& plan, record::v1::MemberRecord& member) {
  EndSessions(member);
  const std::string prefix =
      SessionListPrefix(member.account_id(), member.member_id());
  // A session that comes meanwhile rests on the record of before, and its
  // commit fails.
  ASSIGN_OR_RETURN(const std::vector<storage::Entry> marks,
                   plan.snapshot().Scan(prefix, "", kMaxRemoved));
  for (const storage::Entry& mark : marks) {
    const absl::string_view session_id =
        absl::string_view(mark.key).substr(prefix.size());
    plan.Delete(SessionKey(session_id));
    plan.Delete(mark.key);
  }
  return absl::OkStatus();
}

void ForgetDevices(Plan& plan, record::v1::MemberRecord& member) {
  ForgetDevices(member);
  plan.Delete(RememberedDevicesKey(member.account_id(), member.member_id()));
}

}  // namespace cofactor::services
