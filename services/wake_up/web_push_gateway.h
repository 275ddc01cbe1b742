#ifndef COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_GATEWAY_H_
#define COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_GATEWAY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "services/messenger/http_client.h"
#include "services/wake_up/push_endpoint.h"
#include "services/wake_up/vapid.h"
#include "services/wake_up/wake_up_gateway.h"

namespace cofactor::services {

// Wakes devices up by Web Push (RFC 8030), encrypted (RFC 8291) and with VAPID
// (RFC 8292), as browsers, UnifiedPush and ntfy have it. Thread-safe.
//
// Every wake-up says the same, {"cofactor":"challenge"} filled up to 128 bytes,
// and has the same topic: a newer one takes the place of one that has not been
// delivered (RFC 8030, section 5.4).
//
// What the answer's status says: 2xx kTaken, 404 and 410 kAddressGone, 400, 401
// and 403 kMisconfigured, other 3xx to 5xx kRefused. Nothing is sent again, so
// Retry-After means nothing here.
class WebPushGateway final : public WakeUpGateway {
 public:
  struct Options {
    std::string name = "web_push";
    EndpointPolicy policy;
    // For one wake-up, within its own deadline.
    absl::Duration timeout = absl::Seconds(10);
  };

  // The borrowed must outlive this and all wake-ups under way.
  WebPushGateway(const Clock& clock, Randomness& randomness, HttpClient& http,
                 std::unique_ptr<Vapid> vapid, Options options);

  const std::string& name() const override { return options_.name; }

  // kNotSent too if the address is no subscription, malformed or not allowed;
  // the reason begins with "BAD_ADDRESS" then.
  void Send(const WakeUp& wake_up, Done done) override;

  // What devices subscribe with, in base64url.
  const std::string& public_key() const { return vapid_->public_key(); }

 private:
  absl::StatusOr<HttpRequest> MakeRequest(const WakeUp& wake_up);

  const Clock& clock_;
  Randomness& randomness_;
  HttpClient& http_;
  const std::unique_ptr<Vapid> vapid_;
  const Options options_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_GATEWAY_H_
