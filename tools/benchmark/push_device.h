#ifndef COFACTOR_TOOLS_BENCHMARK_PUSH_DEVICE_H_
#define COFACTOR_TOOLS_BENCHMARK_PUSH_DEVICE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/stopwatch.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "cofactor/v1/device_service.grpc.pb.h"
#include "factors/push/device_signer.h"
#include "factors/push/signed_bytes.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

namespace cofactor::benchmark {

// One member's device, on a connection of its own. Its channel has no thread.
// Thread-safe once it is registered.
class PushDevice final
    : public grpc::ClientBidiReactor<v1::OpenDeviceChannelRequest,
                                     v1::OpenDeviceChannelResponse> {
 public:
  // Enrols the member, who must be there, and registers the device.
  // auth: has to bring an API key. address: of the server.
  static absl::StatusOr<std::unique_ptr<PushDevice>> Register(
      v1::AuthService::StubInterface& auth,
      v1::DeviceService::StubInterface& devices, const std::string& address,
      const std::string& account_id, const std::string& member_id);

  // Closes the channel, if it is open, and waits for its end.
  ~PushDevice() override;

  // Opens the channel, and does not wait.
  void Open();
  // Waits until the server has welcomed it. As what follows, DEADLINE_EXCEEDED
  // after a minute without news, UNAVAILABLE once the channel has ended.
  absl::Status WaitUntilWelcome();

  // Waits for a challenge with this id. Returns how long after a stopwatch
  // began it came.
  absl::StatusOr<absl::Duration> WaitForChallenge(
      const std::string& challenge_id, const Stopwatch& since);
  // Approves the challenge that was waited for, and waits for the result.
  absl::Status Approve(const std::string& number);

  const std::string& member_id() const { return member_id_; }

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  PushDevice(std::string address, std::string account_id, std::string member_id,
             std::string enrollment_id, factors::push::DeviceSigner signer)
      : address_(std::move(address)),
        account_id_(std::move(account_id)),
        member_id_(std::move(member_id)),
        enrollment_id_(std::move(enrollment_id)),
        signer_(std::move(signer)) {}

  factors::push::DeviceIds Ids() const;
  void SayHello(const std::string& nonce) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Waits until ready returns true, with the mutex held. DEADLINE_EXCEEDED
  // after a minute without news; UNAVAILABLE: the channel ended.
  template <typename Ready>
  absl::Status WaitUntil(const Ready& ready);

  const std::string address_;
  const std::string account_id_;
  const std::string member_id_;
  const std::string enrollment_id_;
  const factors::push::DeviceSigner signer_;
  std::unique_ptr<v1::DeviceService::Stub> service_;
  grpc::ClientContext context_;
  v1::OpenDeviceChannelResponse read_;
  v1::OpenDeviceChannelRequest written_;

  Mutex mutex_;
  CondVar changed_;
  bool opened_ ABSL_GUARDED_BY(mutex_) = false;
  bool welcomed_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::string end_ ABSL_GUARDED_BY(mutex_);
  v1::DeviceChallenge challenge_ ABSL_GUARDED_BY(mutex_);
  // Since the challenge came.
  Stopwatch since_challenge_ ABSL_GUARDED_BY(mutex_);
  v1::AnswerResult result_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_PUSH_DEVICE_H_
