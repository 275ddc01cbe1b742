#include "services/wake_up/make_waker.h"

#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/private_file.h"
#include "base/status_macros.h"
#include "services/jws/jws.h"
#include "services/wake_up/allowed_hosts.h"
#include "services/wake_up/vapid.h"
#include "services/wake_up/web_push_gateway.h"

namespace cofactor::services {
namespace {

// Of each vendor.
HttpClient::Options HttpOptions() {
  return {.threads = 8, .max_waiting = 1024};
}

bool IsMissing(const std::string& path) {
  struct stat status;
  return stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

absl::StatusOr<JwsSigner> LoadVapidKey(const std::string& path) {
  if (IsMissing(path)) {
    ASSIGN_OR_RETURN(const JwsSigner key, JwsSigner::GenerateEs256());
    ASSIGN_OR_RETURN(const Secret pem, key.PrivatePem());
    RETURN_IF_ERROR(ReplacePrivateFile(path, pem));
  }
  ASSIGN_OR_RETURN(const Secret pem, ReadSecretFile(path));
  absl::StatusOr<JwsSigner> key = JwsSigner::FromPem(JwsAlgorithm::kEs256, pem);
  if (absl::IsInvalidArgument(key.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": ", key.status().message()));
  }
  return key;
}

absl::StatusOr<std::unique_ptr<WebPushGateway>> MakeWebPush(
    const config::v1::WebPush& web_push, const Clock& clock,
    Randomness& randomness, HttpClient& http) {
  ASSIGN_OR_RETURN(JwsSigner key, LoadVapidKey(web_push.vapid_key_file()));
  ASSIGN_OR_RETURN(auto vapid,
                   Vapid::Create(clock, std::move(key), web_push.subject()));
  ASSIGN_OR_RETURN(AllowedHosts hosts,
                   AllowedHosts::Create({web_push.allowed_hosts().begin(),
                                         web_push.allowed_hosts().end()}));
  return std::make_unique<WebPushGateway>(
      clock, randomness, http, std::move(vapid),
      WebPushGateway::Options{
          .policy = {.hosts = std::move(hosts),
                     .allow_loopback = web_push.allow_loopback()}});
}

}  // namespace

absl::StatusOr<WakerParts> MakeWaker(const config::v1::Push& push,
                                     const Clock& clock, Randomness& randomness,
                                     Waker::Report report,
                                     const VendorOptions& options) {
  WakerParts parts;
  Waker::Gateways gateways;
  if (push.has_web_push()) {
    ASSIGN_OR_RETURN(parts.web_push_http,
                     HttpClient::Create(clock, HttpOptions()));
    ASSIGN_OR_RETURN(
        auto gateway,
        MakeWebPush(push.web_push(), clock, randomness, *parts.web_push_http));
    absl::WebSafeBase64Unescape(gateway->public_key(),
                                &parts.web_push_public_key);
    gateways[v1::WakeUpAddress::kWebPush] = std::move(gateway);
  }
  if (push.has_fcm()) {
    ASSIGN_OR_RETURN(parts.fcm_http, HttpClient::Create(clock, HttpOptions()));
    ASSIGN_OR_RETURN(
        gateways[v1::WakeUpAddress::kFcmToken],
        MakeFcmGateway(push.fcm(), options, clock, *parts.fcm_http));
  }
  if (push.has_apns()) {
    ASSIGN_OR_RETURN(parts.apns_http, HttpClient::Create(clock, HttpOptions()));
    ASSIGN_OR_RETURN(
        gateways[v1::WakeUpAddress::kApnsToken],
        MakeApnsGateway(push.apns(), options, clock, *parts.apns_http));
  }
  if (gateways.empty()) return parts;
  parts.waker = std::make_unique<Waker>(clock, Waker::Options(),
                                        std::move(gateways), std::move(report));
  return parts;
}

}  // namespace cofactor::services
