#ifndef COFACTOR_SERVICES_WAKE_UP_MAKE_VENDOR_GATEWAYS_H_
#define COFACTOR_SERVICES_WAKE_UP_MAKE_VENDOR_GATEWAYS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "cofactor/config/v1/server_config.pb.h"
#include "services/messenger/http_client.h"
#include "services/wake_up/wake_up_gateway.h"

namespace cofactor::services {

// What tests need and nobody else.
struct VendorOptions {
  // Other addresses of the vendors. Empty: theirs.
  std::string fcm_url;
  std::string apns_url;
  // Lets the tokens of a service account be made on loopback without TLS.
  bool allow_loopback = false;
};

// Each makes the gateway that a configuration describes, and reads its secret.
// The configuration is one that ReadConfig has checked. clock, http: not owned;
// must outlive the gateway. FAILED_PRECONDITION, with the path: the file is
// missing, open to others, or not the key that is wanted.
absl::StatusOr<std::unique_ptr<WakeUpGateway>> MakeFcmGateway(
    const config::v1::Fcm& fcm, const VendorOptions& options,
    const Clock& clock, HttpClient& http);
absl::StatusOr<std::unique_ptr<WakeUpGateway>> MakeApnsGateway(
    const config::v1::Apns& apns, const VendorOptions& options,
    const Clock& clock, HttpClient& http);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_MAKE_VENDOR_GATEWAYS_H_
