#ifndef COFACTOR_SERVICES_ENGINE_MEMBER_SESSIONS_H_
#define COFACTOR_SERVICES_ENGINE_MEMBER_SESSIONS_H_

#include "absl/status/status.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// Ends all sessions and open sign-ins of the member, for good. The caller
// writes the record, which alone decides; what is kept of the sessions goes
// with it as far as one commit takes it, and the rest by itself in time.
absl::Status EndSessions(Plan& plan, record::v1::MemberRecord& member);

// Forgets all remembered devices of the member, for good. The caller writes the
// record.
void ForgetDevices(Plan& plan, record::v1::MemberRecord& member);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_MEMBER_SESSIONS_H_
