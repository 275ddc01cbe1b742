#ifndef COFACTOR_CLIENTS_DEVICE_FAKE_DEVICE_SERVER_H_
#define COFACTOR_CLIENTS_DEVICE_FAKE_DEVICE_SERVER_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "cofactor/v1/device_service.grpc.pb.h"
#include "grpcpp/server.h"

namespace cofactor::device {

// A DeviceService on a free port of loopback that checks every signature and
// keeps what it is told. It knows one account and one member. For tests.
// Thread-safe.
class FakeDeviceServer final
    : public cofactor::v1::DeviceService::WithCallbackMethod_OpenDeviceChannel<
          cofactor::v1::DeviceService::Service> {
 public:
  static constexpr char kAccount[] = "acme";
  static constexpr char kMember[] = "ada";
  // The right one for every challenge.
  static constexpr char kNumber[] = "123456";

  FakeDeviceServer();
  ~FakeDeviceServer() override;

  std::string url() const;
  // Stops serving, and serves again on the same port.
  void Stop();
  void Start();

  // Takes registrations with a ticket for an enrollment.
  void ExpectDevice(const std::string& enrollment_id,
                    const std::string& ticket);
  std::optional<cofactor::v1::DeviceKey> KeyOf(
      const std::string& enrollment_id) const;
  // Forgets a device.
  void Revoke(const std::string& enrollment_id);

  // From now on a challenge waits for all devices, and is brought to those that
  // are connected.
  void Push(const cofactor::v1::DeviceChallenge& challenge);
  void End(const std::string& challenge_id, cofactor::v1::ChallengeState state);

  // The next call of RegisterDevice or RotateDeviceKey is served, and answered
  // with an error that leaves open whether it was.
  void LoseNextAnswer();
  // It is not served, and answered with that.
  void RefuseNext(const absl::Status& status);
  // Channels end with ABORTED, CHANNEL_REPLACED.
  void ReplaceChannels();
  // Channels are not greeted any more.
  void BeSilent();

  std::vector<cofactor::v1::PushAnswer> answers() const;
  std::vector<std::string> seen() const;
  // Waits until something was seen.
  void AwaitSeen(const std::string& challenge_id);
  // How many were welcomed so far.
  int channels() const;

  grpc::Status CreateDeviceNonce(
      grpc::ServerContext*, const cofactor::v1::CreateDeviceNonceRequest*,
      cofactor::v1::CreateDeviceNonceResponse* response) override;
  grpc::Status RegisterDevice(
      grpc::ServerContext*, const cofactor::v1::RegisterDeviceRequest* request,
      cofactor::v1::RegisterDeviceResponse* response) override;
  grpc::Status ListPendingChallenges(
      grpc::ServerContext*,
      const cofactor::v1::ListPendingChallengesRequest* request,
      cofactor::v1::ListPendingChallengesResponse* response) override;
  grpc::Status AnswerChallenge(
      grpc::ServerContext*, const cofactor::v1::AnswerChallengeRequest* request,
      cofactor::v1::AnswerChallengeResponse* response) override;
  grpc::Status RotateDeviceKey(
      grpc::ServerContext*, const cofactor::v1::RotateDeviceKeyRequest* request,
      cofactor::v1::RotateDeviceKeyResponse* response) override;
  grpc::Status UpdateDevice(
      grpc::ServerContext*, const cofactor::v1::UpdateDeviceRequest* request,
      cofactor::v1::UpdateDeviceResponse* response) override;
  grpc::ServerBidiReactor<cofactor::v1::OpenDeviceChannelRequest,
                          cofactor::v1::OpenDeviceChannelResponse>*
  OpenDeviceChannel(grpc::CallbackServerContext* context) override;

 private:
  class Channel;

  bool IsProven(const cofactor::v1::DeviceProof& proof,
                const std::string& bytes) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Welcome(Channel& channel, const cofactor::v1::DeviceProof& hello,
               const std::string& nonce) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What the next call has to fail with, once.
  absl::Status TakeRefusal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  grpc::Status Served() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool lose_answer_ ABSL_GUARDED_BY(mutex_) = false;
  bool silent_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);
  int last_nonce_ ABSL_GUARDED_BY(mutex_) = 0;
  int channels_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::string, std::string> tickets_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, bool> registrations_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, cofactor::v1::DeviceKey> keys_ ABSL_GUARDED_BY(mutex_);
  // Those that were welcomed, and all. They delete themselves.
  std::set<Channel*> welcomed_ ABSL_GUARDED_BY(mutex_);
  std::set<Channel*> open_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, cofactor::v1::DeviceChallenge> pending_
      ABSL_GUARDED_BY(mutex_);
  std::vector<cofactor::v1::PushAnswer> answers_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_FAKE_DEVICE_SERVER_H_
