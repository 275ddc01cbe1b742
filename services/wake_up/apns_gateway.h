#ifndef COFACTOR_SERVICES_WAKE_UP_APNS_GATEWAY_H_
#define COFACTOR_SERVICES_WAKE_UP_APNS_GATEWAY_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "services/messenger/http_client.h"
#include "services/wake_up/provider_token.h"
#include "services/wake_up/wake_up_gateway.h"

namespace cofactor::services {

// Wakes devices of Apple up by the Apple Push Notification service, over HTTP/2
// (Apple, "Sending notification requests to APNs"). Thread-safe.
//
// Every wake-up is the same alert of priority 10, with a text that says nothing
// of the challenge, and "mutable-content", so that an extension of the
// application may put words of its own in the place of ours. A silent
// notification would say even less, but Apple throttles those to a few an hour
// and drops them when the application was closed by hand ("Pushing background
// updates to your App"). A newer one takes the place of an older one
// (apns-collapse-id), and none is shown after its time (apns-expiration).
//
// What an answer means (Apple, "Handling notification responses from APNs"):
//
//   200                                    kTaken
//   410 Unregistered, ExpiredToken         kAddressGone
//   other 4xx, 5xx                         kRefused, but
//   401, 403, 404, 405, 3xx, BadTopic, MissingTopic, TopicDisallowed,
//   BadEnvironmentKeyIdInToken               kMisconfigured
//   else                                   kUnknown
//
// BadDeviceToken and DeviceTokenNotForTopic do not make an address gone: Apple
// says them of every address when sandbox or topic are set wrong. They are not
// kMisconfigured either, for a single device that gave us another application's
// token gets them too.
class ApnsGateway final : public WakeUpGateway {
 public:
  static constexpr char kProductionUrl[] = "https://api.push.apple.com";
  static constexpr char kSandboxUrl[] = "https://api.sandbox.push.apple.com";

  struct Options {
    std::string name = "apns";
    std::string base_url = kProductionUrl;
    // The application's bundle id.
    std::string topic;
    // For one wake-up, within its own deadline.
    absl::Duration timeout = absl::Seconds(10);
  };

  // clock, http: not owned; must outlive this and what it has under way. clock
  // is that of http.
  ApnsGateway(const Clock& clock, HttpClient& http,
              std::unique_ptr<ProviderToken> token, Options options);

  const std::string& name() const override { return options_.name; }

  // kNotSent too if the address is no device token in hexadecimal; the reason
  // begins with "BAD_ADDRESS" then.
  void Send(const WakeUp& wake_up, Done done) override;

 private:
  const Clock& clock_;
  HttpClient& http_;
  // What is under way holds it too.
  const std::shared_ptr<ProviderToken> token_;
  const Options options_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_APNS_GATEWAY_H_
