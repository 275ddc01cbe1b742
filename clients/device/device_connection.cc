#include "clients/device/device_connection.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "clients/device/grpc_result.h"
#include "factors/push/http_url.h"
#include "grpcpp/client_context.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace cofactor::device {
namespace {

using ::cofactor::v1::AnswerChallengeResponse;
using ::cofactor::v1::DeviceChallenge;
using ::cofactor::v1::DeviceProof;
using factors::push::DeviceIds;
using factors::push::DeviceSigner;

// UNAVAILABLE says that nothing was done. The channel is left out: its caller
// waits in a way of its own.
constexpr absl::string_view kServiceConfig = R"({"methodConfig": [{
  "name": [%s],
  "retryPolicy": {
    "maxAttempts": 4,
    "initialBackoff": "0.3s",
    "maxBackoff": "3s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"]}}]})";

// Challenges are small. A server cannot make this process hold more.
constexpr int kMaxResponseBytes = 256 * 1024;

// More often than the server allows would be cut off (kMinPingInterval of its
// limits, 10 s), less often than middleboxes forget a connection of no use.
constexpr int kKeepaliveMillis = 60'000;
constexpr int kKeepaliveTimeoutMillis = 20'000;

std::string ServiceConfig() {
  std::vector<std::string> names;
  for (const char* method :
       {"CreateDeviceNonce", "RegisterDevice", "ListPendingChallenges",
        "AnswerChallenge", "RotateDeviceKey", "UpdateDevice"}) {
    names.push_back(
        absl::StrCat(R"({"service": "cofactor.v1.DeviceService", "method": ")",
                     method, R"("})"));
  }
  const size_t at = kServiceConfig.find("%s");
  return absl::StrCat(kServiceConfig.substr(0, at), absl::StrJoin(names, ", "),
                      kServiceConfig.substr(at + 2));
}

std::shared_ptr<grpc::Channel> MakeChannel(const factors::push::HttpUrl& url,
                                           const std::string& ca_certificates) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ServiceConfig());
  arguments.SetMaxReceiveMessageSize(kMaxResponseBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // Each connection waits for itself after a failure.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 300);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10'000);
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (url.tls) {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = ca_certificates;
    credentials = grpc::SslCredentials(options);
  } else {
    // Loopback: a proxy would be somebody else.
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    credentials = grpc::InsecureChannelCredentials();
  }
  return grpc::CreateCustomChannel(
      absl::StrCat("dns:///", url.host, ":", url.port), credentials, arguments);
}

// For one call.
class Context : public grpc::ClientContext {
 public:
  Context() {
    // gRPC measures deadlines by the machine's clock.
    set_deadline(absl::ToChronoTime(SystemClock().Now() + kCallTimeout));
  }
};

}  // namespace

DeviceIds IdsOf(const v1::PushDevice& device) {
  return {device.account_id(), device.member_id(), device.enrollment_id()};
}

DeviceProof ProofOf(const DeviceIds& ids, const std::string& nonce) {
  DeviceProof proof;
  proof.set_account_id(std::string(ids.account_id));
  proof.set_member_id(std::string(ids.member_id));
  proof.set_enrollment_id(std::string(ids.enrollment_id));
  proof.set_nonce(nonce);
  return proof;
}

absl::Time ExpireTimeOf(const DeviceChallenge& challenge) {
  // Whole microseconds, as the signed bytes have it.
  return absl::FromUnixSeconds(challenge.expire_time().seconds()) +
         absl::Microseconds(challenge.expire_time().nanos() / 1000);
}

bool IsFor(const DeviceIds& ids, const DeviceChallenge& challenge) {
  return challenge.account_id() == ids.account_id &&
         challenge.member_id() == ids.member_id;
}

absl::StatusOr<std::unique_ptr<DeviceConnection>> DeviceConnection::Open(
    const std::string& server, const std::string& ca_certificates,
    Randomness& randomness) {
  ASSIGN_OR_RETURN(const factors::push::HttpUrl url,
                   factors::push::ParseHttpUrl(server));
  if (!url.path.empty() && url.path != "/") {
    return absl::InvalidArgumentError(
        "the address of a server has no path: https://HOST or "
        "https://HOST:PORT");
  }
  return std::unique_ptr<DeviceConnection>(new DeviceConnection(
      server,
      cofactor::v1::DeviceService::NewStub(MakeChannel(url, ca_certificates)),
      randomness));
}

absl::StatusOr<std::string> DeviceConnection::DrawNonce() {
  Context context;
  cofactor::v1::CreateDeviceNonceResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(
      devices_->CreateDeviceNonce(
          &context, cofactor::v1::CreateDeviceNonceRequest(), &response),
      server_));
  return response.nonce();
}

absl::StatusOr<bool> DeviceConnection::Register(
    const cofactor::v1::RegisterDeviceRequest& request) {
  Context context;
  cofactor::v1::RegisterDeviceResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(
      devices_->RegisterDevice(&context, request, &response), server_));
  return response.registered();
}

absl::StatusOr<std::vector<DeviceChallenge>> DeviceConnection::ListPending(
    const DeviceIds& ids, const DeviceSigner& signer) {
  ASSIGN_OR_RETURN(const std::string nonce, DrawNonce());
  cofactor::v1::ListPendingChallengesRequest request;
  request.set_request_id(randomness_.DrawId());
  DeviceProof& proof = *request.mutable_proof() = ProofOf(ids, nonce);
  ASSIGN_OR_RETURN(*proof.mutable_signature(),
                   signer.Sign(factors::push::ListBytes(ids, nonce)));
  Context context;
  cofactor::v1::ListPendingChallengesResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(
      devices_->ListPendingChallenges(&context, request, &response), server_));
  std::vector<DeviceChallenge> challenges;
  for (DeviceChallenge& challenge : *response.mutable_challenges()) {
    if (IsFor(ids, challenge)) challenges.push_back(std::move(challenge));
  }
  return challenges;
}

absl::StatusOr<AnswerChallengeResponse> DeviceConnection::Answer(
    const DeviceIds& ids, const DeviceSigner& signer,
    const DeviceChallenge& shown, const Decision& decision) {
  cofactor::v1::AnswerChallengeRequest request;
  request.set_request_id(randomness_.DrawId());
  request.set_challenge_id(shown.challenge_id());
  request.set_account_id(std::string(ids.account_id));
  request.set_member_id(std::string(ids.member_id));
  request.set_enrollment_id(std::string(ids.enrollment_id));
  cofactor::v1::PushAnswer& answer = *request.mutable_answer();
  answer.set_decision(decision.decision);
  answer.set_number(decision.number);
  answer.set_reason(decision.reason);
  ASSIGN_OR_RETURN(*answer.mutable_signature(),
                   signer.Sign(factors::push::AnswerBytes(
                       ids,
                       {shown.challenge_id(), shown.purpose(), shown.details(),
                        ExpireTimeOf(shown)},
                       answer)));
  Context context;
  AnswerChallengeResponse response;
  RETURN_IF_ERROR(FromGrpcStatus(
      devices_->AnswerChallenge(&context, request, &response), server_));
  return response;
}

absl::Status DeviceConnection::RotateKey(const DeviceIds& ids,
                                         const DeviceSigner& signer,
                                         const DeviceSigner& next) {
  ASSIGN_OR_RETURN(const std::string nonce, DrawNonce());
  const std::string bytes =
      factors::push::RotationBytes(ids, nonce, next.key());
  cofactor::v1::RotateDeviceKeyRequest request;
  request.set_request_id(randomness_.DrawId());
  *request.mutable_proof() = ProofOf(ids, nonce);
  *request.mutable_new_key() = next.key();
  ASSIGN_OR_RETURN(*request.mutable_proof()->mutable_signature(),
                   signer.Sign(bytes));
  ASSIGN_OR_RETURN(*request.mutable_new_key_signature(), next.Sign(bytes));
  Context context;
  cofactor::v1::RotateDeviceKeyResponse response;
  return FromGrpcStatus(devices_->RotateDeviceKey(&context, request, &response),
                        server_);
}

absl::Status DeviceConnection::Update(
    const DeviceIds& ids, const DeviceSigner& signer,
    const std::string& device_name, const std::string& platform,
    const cofactor::v1::WakeUpAddress& wake_up) {
  ASSIGN_OR_RETURN(const std::string nonce, DrawNonce());
  cofactor::v1::UpdateDeviceRequest request;
  request.set_request_id(randomness_.DrawId());
  DeviceProof& proof = *request.mutable_proof() = ProofOf(ids, nonce);
  request.set_device_name(device_name);
  request.set_platform(platform);
  *request.mutable_wake_up() = wake_up;
  ASSIGN_OR_RETURN(*proof.mutable_signature(),
                   signer.Sign(factors::push::UpdateBytes(
                       ids, nonce, device_name, platform, wake_up)));
  Context context;
  cofactor::v1::UpdateDeviceResponse response;
  return FromGrpcStatus(devices_->UpdateDevice(&context, request, &response),
                        server_);
}

}  // namespace cofactor::device
