#include "services/wake_up/make_vendor_gateways.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/private_file.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "services/jws/jws.h"
#include "services/wake_up/access_token.h"
#include "services/wake_up/apns_gateway.h"
#include "services/wake_up/fcm_gateway.h"
#include "services/wake_up/provider_token.h"
#include "services/wake_up/service_account.h"

namespace cofactor::services {
namespace {

absl::Status Blame(const std::string& path, const absl::Status& status) {
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<WakeUpGateway>> MakeFcmGateway(
    const config::v1::Fcm& fcm, const VendorOptions& options,
    const Clock& clock, HttpClient& http) {
  const std::string& path = fcm.service_account_file();
  ASSIGN_OR_RETURN(const Secret json, ReadSecretFile(path));
  absl::StatusOr<ServiceAccount> account =
      ParseServiceAccount(json, options.allow_loopback);
  if (!account.ok()) return Blame(path, account.status());
  FcmGateway::Options made{.project_id = account->project_id};
  if (!options.fcm_url.empty()) made.base_url = options.fcm_url;
  return std::make_unique<FcmGateway>(
      clock, http,
      std::make_unique<AccessTokenSource>(
          clock, http, *std::move(account),
          AccessTokenSource::Options{.scope = FcmGateway::kScope}),
      std::move(made));
}

absl::StatusOr<std::unique_ptr<WakeUpGateway>> MakeApnsGateway(
    const config::v1::Apns& apns, const VendorOptions& options,
    const Clock& clock, HttpClient& http) {
  ASSIGN_OR_RETURN(const Secret pem, ReadSecretFile(apns.key_file()));
  absl::StatusOr<JwsSigner> signer =
      JwsSigner::FromPem(JwsAlgorithm::kEs256, pem);
  if (!signer.ok()) return Blame(apns.key_file(), signer.status());
  ApnsGateway::Options made{.base_url = apns.sandbox()
                                            ? ApnsGateway::kSandboxUrl
                                            : ApnsGateway::kProductionUrl,
                            .topic = apns.topic()};
  if (!options.apns_url.empty()) made.base_url = options.apns_url;
  return std::make_unique<ApnsGateway>(
      clock, http,
      std::make_unique<ProviderToken>(clock, apns.key_id(), apns.team_id(),
                                      *std::move(signer)),
      std::move(made));
}

}  // namespace cofactor::services
