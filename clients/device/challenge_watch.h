#ifndef COFACTOR_CLIENTS_DEVICE_CHALLENGE_WATCH_H_
#define COFACTOR_CLIENTS_DEVICE_CHALLENGE_WATCH_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "clients/device/back_off.h"
#include "clients/device/open_device.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/device.pb.h"

namespace grpc {
class ClientContext;
}

namespace cofactor::device {

// The server greets and welcomes within this, or is tried again later.
inline constexpr absl::Duration kWelcomeTimeout = absl::Seconds(15);

// Stays connected for one enrollment by OpenDeviceChannel, through restarts of
// the server and of the network, until it is destroyed. Thread-safe.
class ChallengeWatch {
 public:
  // Told what happens, one call at a time, by the thread of the watch.
  class Listener {
   public:
    virtual ~Listener() = default;

    virtual void OnWelcome() = 0;
    // A challenge to be shown. The server learns that it was seen when this
    // returns. The same one may come again.
    virtual void OnChallenge(
        const cofactor::v1::DeviceChallenge& challenge) = 0;
    virtual void OnEnded(const std::string& challenge_id,
                         cofactor::v1::ChallengeState state) = 0;
    // It is tried again after a while.
    virtual void OnFailure(const absl::Status& status,
                           absl::Duration retry_after) = 0;
    // It is not tried again: another process watches for the same device, or
    // the device cannot be opened any more. Nothing follows.
    virtual void OnGivenUp(const absl::Status& status) = 0;
  };

  // Opens the device anew at each try, so that a rotated key and a changed
  // address are found. Errors end the watch, but for UNAVAILABLE,
  // DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, INTERNAL and UNAUTHENTICATED.
  using Open = std::function<absl::StatusOr<OpenedDevice>()>;

  // listener, randomness: not owned; must outlive this.
  ChallengeWatch(Open open, Listener& listener, Randomness& randomness);
  // Ends the connection and waits for the thread.
  ~ChallengeWatch();

 private:
  void Run();
  // One connection, until it ends. Adds to lasted how long it was welcome.
  absl::Status RunOnce(const OpenedDevice& device, absl::Duration& lasted);
  // Returns whether to go on.
  bool Wait(absl::Duration delay);

  const Open open_;
  Listener& listener_;
  BackOff back_off_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  // Of the connection there is, to be cancelled. Not owned.
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Last, as it uses all of the above.
  std::thread thread_;
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_CHALLENGE_WATCH_H_
