#ifndef COFACTOR_SERVICES_DEVICE_CHANNELS_H_
#define COFACTOR_SERVICES_DEVICE_CHANNELS_H_

#include <cstddef>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "cofactor/v1/device_service.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "services/challenge_hub.h"
#include "services/engine/caller.h"
#include "services/engine/device_engine.h"
#include "services/engine/mutation_runner.h"
#include "services/open_streams.h"
#include "storage/store.h"

namespace cofactor::services {

// The open channels of devices. None has a thread, and none has a queue: what a
// channel writes next follows from what its device was told and what the store
// holds now. Thread-safe.
//
// A channel greets with a nonce of its own, and is nobody's until it gets a
// hello that is signed over it. From then on it brings the challenge that waits
// for its device, says when it is over, and takes answers, one at a time: the
// next is read once the device has the result of the one before.
class DeviceChannels {
 public:
  using Reactor = grpc::ServerBidiReactor<v1::OpenDeviceChannelRequest,
                                          v1::OpenDeviceChannelResponse>;

  // How long a device has for its hello.
  static constexpr absl::Duration kHelloTimeout = absl::Seconds(10);
  // How long a message may wait for its device until the channel is cut.
  static constexpr absl::Duration kWriteTimeout = absl::Seconds(10);

  // None is owned; all must outlive every channel.
  struct Parts {
    Executor& executor;
    storage::Store& store;
    const Clock& clock;
    Randomness& randomness;
    MutationRunner& runner;
    const DeviceEngine& devices;
    ChallengeHub& hub;
  };

  DeviceChannels(const Parts& parts, size_t max_channels)
      : parts_(parts),
        channels_(max_channels, "channels of devices",
                  "open the channel again") {}

  // Opens a channel. It ends with
  //   OK                  the device has closed its side.
  //   UNAUTHENTICATED     hello is not proven, or the device is none any more.
  //   DEADLINE_EXCEEDED   hello did not come in time, or what is written is not
  //                       read.
  //   ABORTED             the device has opened another channel.
  //   INVALID_ARGUMENT    the device said what nobody understands.
  //   RESOURCE_EXHAUSTED  too many channels are open, or too much waits.
  //   UNAVAILABLE         after Shutdown.
  Reactor* Open(grpc::CallbackServerContext& context, Caller caller);

  // Ends all channels, and opens none any more.
  void Shutdown();

  size_t open_channels() const { return channels_.size(); }

 private:
  class Channel;

  // Makes a channel the one of its device, and ends the one before.
  void Claim(const std::string& device, Channel& channel);
  // Forgets a channel that goes. device: empty if it has claimed none.
  void Release(const std::string& device, Channel& channel);

  const Parts parts_;
  OpenStreams<Channel> channels_;
  Mutex mutex_;
  // By account, member and enrollment.
  absl::flat_hash_map<std::string, Channel*> by_device_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_DEVICE_CHANNELS_H_
