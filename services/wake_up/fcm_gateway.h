#ifndef COFACTOR_SERVICES_WAKE_UP_FCM_GATEWAY_H_
#define COFACTOR_SERVICES_WAKE_UP_FCM_GATEWAY_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "services/messenger/http_client.h"
#include "services/wake_up/access_token.h"
#include "services/wake_up/wake_up_gateway.h"

namespace cofactor::services {

// Wakes Android devices up by Firebase Cloud Messaging, HTTP v1 API
// (projects.messages.send). Thread-safe.
//
// Every wake-up is a data message of high priority, {"cofactor":"challenge"}:
// the application gets it even in Doze, asks the server what waits, and shows a
// notification. Firebase learns that something waits, and no more.
//
// What an answer means (Firebase, "FCM error codes" and "ErrorCode" of the REST
// reference):
//
//   200                                             kTaken
//   404 with the FcmError UNREGISTERED              kAddressGone
//   400 where BadRequest finds fault with
//       "message.token" and nothing else            kAddressGone
//   other 400, 408, 413, 429, 5xx                   kRefused
//   401, 403, other 404, 405, 3xx                   kMisconfigured
//   else                                            kUnknown
//
// INVALID_ARGUMENT alone does not make an address gone: Firebase says it of a
// token that is none, but also of everything else that it dislikes in a
// request, and then all addresses would be lost. Nor does SENDER_ID_MISMATCH,
// which is a 403: it is said of every address when the project is a wrong one.
class FcmGateway final : public WakeUpGateway {
 public:
  // What its access tokens are for.
  static constexpr char kScope[] =
      "https://www.googleapis.com/auth/firebase.messaging";

  struct Options {
    std::string name = "fcm";
    std::string base_url = "https://fcm.googleapis.com";
    // As of ServiceAccount.
    std::string project_id;
    // For one wake-up, within its own deadline.
    absl::Duration timeout = absl::Seconds(10);
  };

  // clock, http: not owned; must outlive this and what it has under way. clock
  // is that of http.
  FcmGateway(const Clock& clock, HttpClient& http,
             std::unique_ptr<AccessTokenSource> tokens, Options options);

  const std::string& name() const override { return options_.name; }

  // kNotSent too if there is no access token, and if the address is no token of
  // FCM; the reason begins with "BAD_ADDRESS" then. After a 401 the next
  // wake-up has a new access token.
  void Send(const WakeUp& wake_up, Done done) override;

 private:
  const Clock& clock_;
  HttpClient& http_;
  // What is under way holds it too.
  const std::shared_ptr<AccessTokenSource> tokens_;
  const Options options_;
  const std::string url_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_FCM_GATEWAY_H_
