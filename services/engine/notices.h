#ifndef COFACTOR_SERVICES_ENGINE_NOTICES_H_
#define COFACTOR_SERVICES_ENGINE_NOTICES_H_

#include "absl/status/status.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/factor.h"
#include "factors/factor_registry.h"
#include "services/engine/message_planner.h"
#include "services/engine/message_sender.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Tells members what happens to their factors, by a text to every factor of
// theirs that can carry one, once for each address. What the limits on messages
// refuse is dropped, and the call goes on: the audit log tells of it in any
// case. Thread-safe.
class Notices {
 public:
  // All are borrowed; they must outlive this.
  Notices(const factors::FactorRegistry& registry,
          const MessagePlanner& messages)
      : registry_(registry), messages_(messages) {}

  // member: as it is before a change. Whoever is told of a new factor is not
  // told by it, and a factor that goes is told of its end.
  absl::Status Tell(Plan& plan, NoticeKind kind,
                    const record::v1::MemberRecord& member) const;

  // As Tell, if the account has a policy of its own.
  absl::Status TellOfChange(Plan& plan, NoticeKind kind,
                            const record::v1::MemberRecord& member) const;

  // Tells that a factor was used, if it is one whose use is told of. To be
  // called for every right answer.
  absl::Status TellOfUse(Plan& plan, const factors::FactorDescriptor& factor,
                         const record::v1::MemberRecord& member) const;

 private:
  const factors::FactorRegistry& registry_;
  const MessagePlanner& messages_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_NOTICES_H_
