#ifndef COFACTOR_SERVICES_ENGINE_SESSION_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_SESSION_ENGINE_H_

#include "absl/status/status.h"
#include "cofactor/v1/session_service.pb.h"
#include "services/engine/plan.h"
#include "services/engine/sessions.h"

namespace cofactor::services {

// Decides the calls of SessionService. See the proto for what they mean, and
// MutationRunner for how a plan is committed. Thread-safe.
//
// A client that may not know members can end its own sessions and forget its
// own devices alone; to it there are no others.
class SessionEngine {
 public:
  // sessions: not owned; must outlive this.
  explicit SessionEngine(const Sessions& sessions) : sessions_(sessions) {}

  absl::Status RefreshSession(Plan& plan,
                              const v1::RefreshSessionRequest& request,
                              v1::RefreshSessionResponse& response) const;
  // Reads alone. Any client that may touch the account is answered, whosever
  // the session is: a backend asks for the receipts that it is shown.
  absl::Status IntrospectSession(Plan& plan,
                                 const v1::IntrospectSessionRequest& request,
                                 v1::IntrospectSessionResponse& response) const;
  absl::Status ListSessions(Plan& plan, const v1::ListSessionsRequest& request,
                            v1::ListSessionsResponse& response) const;
  absl::Status RevokeSession(Plan& plan,
                             const v1::RevokeSessionRequest& request,
                             v1::RevokeSessionResponse& response) const;
  absl::Status RevokeMemberSessions(
      Plan& plan, const v1::RevokeMemberSessionsRequest& request,
      v1::RevokeMemberSessionsResponse& response) const;

  absl::Status ListRememberedDevices(
      Plan& plan, const v1::ListRememberedDevicesRequest& request,
      v1::ListRememberedDevicesResponse& response) const;
  absl::Status RevokeRememberedDevice(
      Plan& plan, const v1::RevokeRememberedDeviceRequest& request,
      v1::RevokeRememberedDeviceResponse& response) const;

 private:
  const Sessions& sessions_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SESSION_ENGINE_H_
