#ifndef COFACTOR_CLIENTS_DEVICE_DEVICE_CONNECTION_H_
#define COFACTOR_CLIENTS_DEVICE_DEVICE_CONNECTION_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "cofactor/device/v1/vault.pb.h"
#include "cofactor/v1/device_service.grpc.pb.h"
#include "factors/push/device_signer.h"
#include "factors/push/signed_bytes.h"

namespace cofactor::device {

// Of every call. A retry that gRPC makes is within it.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(15);

// The enrollment of an entry of the vault, which must outlive the result.
factors::push::DeviceIds IdsOf(const v1::PushDevice& device);

// What a person says to a challenge.
struct Decision {
  cofactor::v1::PushDecision decision = cofactor::v1::PUSH_DECISION_UNSPECIFIED;
  // Six digits, to approve; else empty.
  std::string number;
  // To deny, may be empty.
  std::string reason;
};

// Connects to one server. TLS for https://, and for http:// none, which leads
// to loopback alone. Calls that were certainly not served are repeated within
// their time; the request ids keep the server from doing anything twice.
//
// Errors of all calls are those of the service, and UNAVAILABLE or
// DEADLINE_EXCEEDED if it cannot be reached. Thread-safe.
class DeviceConnection {
 public:
  // server: "https://auth.example.com" or with a port. ca_certificates: in PEM,
  // or "" for those of the system. randomness: not owned; must outlive this.
  // INVALID_ARGUMENT: it is no such URL. Nothing is connected yet.
  static absl::StatusOr<std::unique_ptr<DeviceConnection>> Open(
      const std::string& server, const std::string& ca_certificates,
      Randomness& randomness);

  // Whether the device is registered now.
  absl::StatusOr<bool> Register(
      const cofactor::v1::RegisterDeviceRequest& request);

  // Challenges that wait for the device. One of another member is left out: it
  // would not be what the signature says.
  absl::StatusOr<std::vector<cofactor::v1::DeviceChallenge>> ListPending(
      const factors::push::DeviceIds& ids,
      const factors::push::DeviceSigner& signer);

  // Answers a challenge, and signs what was shown of it.
  absl::StatusOr<cofactor::v1::AnswerChallengeResponse> Answer(
      const factors::push::DeviceIds& ids,
      const factors::push::DeviceSigner& signer,
      const cofactor::v1::DeviceChallenge& shown, const Decision& decision);

  absl::Status RotateKey(const factors::push::DeviceIds& ids,
                         const factors::push::DeviceSigner& signer,
                         const factors::push::DeviceSigner& next);

  absl::Status Update(const factors::push::DeviceIds& ids,
                      const factors::push::DeviceSigner& signer,
                      const std::string& device_name,
                      const std::string& platform,
                      const cofactor::v1::WakeUpAddress& wake_up);

  // For channels, which make calls of their own.
  cofactor::v1::DeviceService::StubInterface& devices() { return *devices_; }
  const std::string& server() const { return server_; }

 private:
  DeviceConnection(
      std::string server,
      std::unique_ptr<cofactor::v1::DeviceService::StubInterface> devices,
      Randomness& randomness)
      : server_(std::move(server)),
        devices_(std::move(devices)),
        randomness_(randomness) {}

  absl::StatusOr<std::string> DrawNonce();

  const std::string server_;
  const std::unique_ptr<cofactor::v1::DeviceService::StubInterface> devices_;
  Randomness& randomness_;
};

// A proof, but for its signature.
cofactor::v1::DeviceProof ProofOf(const factors::push::DeviceIds& ids,
                                  const std::string& nonce);

// Until when a challenge can be answered.
absl::Time ExpireTimeOf(const cofactor::v1::DeviceChallenge& challenge);

// Whether a challenge is one of the member of an enrollment.
bool IsFor(const factors::push::DeviceIds& ids,
           const cofactor::v1::DeviceChallenge& challenge);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_DEVICE_CONNECTION_H_
