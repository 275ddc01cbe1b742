#include "clients/device/challenge_watch.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "clients/device/grpc_result.h"
#include "factors/push/signed_bytes.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"

namespace cofactor::device {
namespace {

// For the status of a call that is over, or was cancelled.
constexpr absl::Duration kFinishTimeout = absl::Seconds(5);

// gRPC measures deadlines by the machine's clock.
std::chrono::system_clock::time_point After(absl::Duration time) {
  return absl::ToChronoTime(SystemClock().Now() + time);
}

using ::cofactor::v1::OpenDeviceChannelRequest;
using ::cofactor::v1::OpenDeviceChannelResponse;

// One call of OpenDeviceChannel, one operation at a time, each until a
// deadline. Destroying it cancels what is left of the call. Thread-compatible.
class ChannelCall {
 public:
  explicit ChannelCall(grpc::ClientContext& context) : context_(context) {}

  ~ChannelCall() {
    context_.TryCancel();
    if (started_) Finish();
    queue_.Shutdown();
    void* tag;
    bool ok;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  // These return false if the call is over: Finish says why.
  bool Start(cofactor::v1::DeviceService::StubInterface& devices,
             std::chrono::system_clock::time_point deadline) {
    call_ = devices.AsyncOpenDeviceChannel(&context_, &queue_, this);
    started_ = true;
    return Complete(deadline);
  }

  bool Read(OpenDeviceChannelResponse& response,
            std::chrono::system_clock::time_point deadline) {
    call_->Read(&response, this);
    return Complete(deadline);
  }

  bool Write(const OpenDeviceChannelRequest& request,
             std::chrono::system_clock::time_point deadline) {
    call_->Write(request, this);
    return Complete(deadline);
  }

  // Ends the call, if it has not ended, and returns what it came to.
  grpc::Status Finish() {
    if (finished_) return status_;
    call_->Finish(&status_, this);
    finished_ = true;
    Complete(After(kFinishTimeout));
    if (timed_out_) {
      return grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED, "");
    }
    return status_;
  }

 private:
  // Waits for the one operation under way. After the deadline the call is
  // cancelled, which completes it.
  bool Complete(std::chrono::system_clock::time_point deadline) {
    void* tag;
    bool ok = false;
    const auto event = queue_.AsyncNext(&tag, &ok, deadline);
    if (event == grpc::CompletionQueue::GOT_EVENT) return ok;
    timed_out_ = true;
    context_.TryCancel();
    queue_.Next(&tag, &ok);
    return false;
  }

  grpc::ClientContext& context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReaderWriterInterface<
      OpenDeviceChannelRequest, OpenDeviceChannelResponse>>
      call_;
  bool started_ = false;
  bool finished_ = false;
  bool timed_out_ = false;
  grpc::Status status_;
};

absl::Status Unexpected(const std::string& server) {
  return absl::UnavailableError(
      absl::StrCat(server, " does not greet as a server of devices does"));
}

// Whether a device that could not be opened may be one day.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status) || absl::IsInternal(status) ||
         absl::IsUnauthenticated(status);
}

}  // namespace

ChallengeWatch::ChallengeWatch(Open open, Listener& listener,
                               Randomness& randomness)
    : open_(std::move(open)),
      listener_(listener),
      back_off_(randomness),
      thread_([this] { Run(); }) {}

ChallengeWatch::~ChallengeWatch() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    if (context_ != nullptr) context_->TryCancel();
    changed_.NotifyAll();
  }
  thread_.join();
}

void ChallengeWatch::Run() {
  while (Wait(absl::ZeroDuration())) {
    absl::Duration lasted;
    const absl::StatusOr<OpenedDevice> device = open_();
    const absl::Status status =
        device.ok() ? RunOnce(*device, lasted) : device.status();
    if (!Wait(absl::ZeroDuration())) return;
    if (device.ok() ? ErrorReason(status) == "CHANNEL_REPLACED"
                    : !MayPass(status)) {
      listener_.OnGivenUp(status);
      return;
    }
    const absl::Duration delay = back_off_.AfterFailure(lasted);
    listener_.OnFailure(status, delay);
    if (!Wait(delay)) return;
  }
}

bool ChallengeWatch::Wait(absl::Duration delay) {
  const Stopwatch stopwatch;
  MutexLock lock(mutex_);
  while (!stopping_) {
    const absl::Duration left = delay - stopwatch.Elapsed();
    if (left <= absl::ZeroDuration()) return true;
    changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  return false;
}

absl::Status ChallengeWatch::RunOnce(const OpenedDevice& device,
                                     absl::Duration& lasted) {
  const factors::push::DeviceIds ids = IdsOf(device.entry);
  const std::string& server = device.connection->server();

  grpc::ClientContext context;
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::CancelledError("stopped");
    context_ = &context;
  }
  // Before the context ends, and after the call did.
  struct Forget {
    ChallengeWatch& watch;
    ~Forget() {
      MutexLock lock(watch.mutex_);
      watch.context_ = nullptr;
    }
  } forget{*this};
  ChannelCall call(context);

  const auto soon = [] { return After(kWelcomeTimeout); };
  const auto ended = [&] { return FromGrpcStatus(call.Finish(), server); };
  const auto welcome_by = soon();
  OpenDeviceChannelRequest request;
  OpenDeviceChannelResponse response;
  if (!call.Start(device.connection->devices(), welcome_by) ||
      !call.Read(response, welcome_by)) {
    return ended();
  }
  if (!response.has_greeting()) return Unexpected(server);
  const std::string nonce = response.greeting().nonce();
  *request.mutable_hello() = ProofOf(ids, nonce);
  ASSIGN_OR_RETURN(*request.mutable_hello()->mutable_signature(),
                   device.signer.Sign(factors::push::ChannelBytes(ids, nonce)));
  if (!call.Write(request, welcome_by) || !call.Read(response, welcome_by)) {
    return ended();
  }
  if (!response.has_welcome()) return Unexpected(server);

  const Stopwatch stopwatch;
  listener_.OnWelcome();
  // Silence is no failure: pings find out whether the server is still there.
  while (call.Read(response, std::chrono::system_clock::time_point::max())) {
    if (response.has_challenge() && IsFor(ids, response.challenge())) {
      listener_.OnChallenge(response.challenge());
      request.set_seen_challenge_id(response.challenge().challenge_id());
      if (!call.Write(request, soon())) break;
    } else if (response.has_ended()) {
      listener_.OnEnded(response.ended().challenge_id(),
                        response.ended().state());
    }
  }
  lasted = stopwatch.Elapsed();
  const absl::Status status = ended();
  if (!status.ok()) return status;
  return absl::UnavailableError(absl::StrCat(server, " ended the connection"));
}

}  // namespace cofactor::device
