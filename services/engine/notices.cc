#include "services/engine/notices.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/policies.h"
#include "services/engine/rules.h"

namespace cofactor::services {

absl::Status Notices::Tell(Plan& plan, NoticeKind kind,
                           const record::v1::MemberRecord& member) const {
  std::set<std::string> addresses;
  for (const record::v1::EnrollmentRecord& enrollment : member.enrollments()) {
    const factors::Factor* factor = registry_.Find(enrollment.factor_type());
    if (factor == nullptr || !IsActive(enrollment)) continue;
    absl::StatusOr<std::optional<factors::OutgoingMessage>> message =
        factor->NoticeTo(FactorStateOf(enrollment));
    // A state that cannot be read takes no text.
    if (!message.ok() || !message->has_value()) continue;
    if (!addresses.insert((*message)->address).second) continue;
    RETURN_IF_ERROR(
        messages_.PlanNotice(plan, kind, member, std::move(**message)));
  }
  return absl::OkStatus();
}

absl::Status Notices::TellOfChange(
    Plan& plan, NoticeKind kind, const record::v1::MemberRecord& member) const {
  ASSIGN_OR_RETURN(const Policies policies,
                   ReadPolicies(plan, member.account_id()));
  return policies.is_set ? Tell(plan, kind, member) : absl::OkStatus();
}

absl::Status Notices::TellOfUse(Plan& plan,
                                const factors::FactorDescriptor& factor,
                                const record::v1::MemberRecord& member) const {
  return factor.notify_on_use
             ? Tell(plan, NoticeKind::kRecoveryCodeUsed, member)
             : absl::OkStatus();
}

}  // namespace cofactor::services
