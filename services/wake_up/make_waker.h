#ifndef COFACTOR_SERVICES_WAKE_UP_MAKE_WAKER_H_
#define COFACTOR_SERVICES_WAKE_UP_MAKE_WAKER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "cofactor/config/v1/server_config.pb.h"
#include "services/messenger/http_client.h"
#include "services/wake_up/make_vendor_gateways.h"
#include "services/wake_up/waker.h"

namespace cofactor::services {

// All that wakes devices up. Destroyed from below.
struct WakerParts {
  // Each vendor has a client of its own, so that one that hangs holds up no
  // other. Null if it is not configured.
  std::unique_ptr<HttpClient> web_push_http;
  std::unique_ptr<HttpClient> fcm_http;
  std::unique_ptr<HttpClient> apns_http;
  // Null if no vendor is configured.
  std::unique_ptr<Waker> waker;
  // Key that Web Push subscriptions have to name (RFC 8292), 65 bytes; empty if
  // no Web Push is configured.
  std::string web_push_public_key;
};

// Makes what a configuration describes, and reads its secrets; the VAPID key is
// made if its file is missing.
//   FAILED_PRECONDITION  a file of a secret is missing, open to others, or is
//                        none of a key as it has to be; the path is told.
//   UNAVAILABLE          the new VAPID key cannot be written.
// push: checked by ReadConfig. clock, randomness: not owned; must outlive the
// parts. options: the default, but for tests.
absl::StatusOr<WakerParts> MakeWaker(const config::v1::Push& push,
                                     const Clock& clock, Randomness& randomness,
                                     Waker::Report report,
                                     const VendorOptions& options = {});

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_MAKE_WAKER_H_
