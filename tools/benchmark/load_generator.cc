#include "tools/benchmark/load_generator.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/stopwatch.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "grpcpp/support/proto_buffer_writer.h"
#include "tests/doubles/authorized_channel.h"

namespace cofactor::benchmark {
namespace {

// A connection each: one would be a bottleneck of its own, and more only cost
// on the two cores that client and server share.
constexpr int kChannels = 2;

constexpr absl::Duration kConnectTimeout = absl::Seconds(10);
constexpr absl::Duration kCallTimeout = absl::Seconds(60);

std::chrono::system_clock::time_point Deadline(absl::Duration timeout) {
  return absl::ToChronoTime(SystemClock().Now() + timeout);
}

// What all lanes of a run share.
struct Run {
  Workload& workload;
  // Empty: goes with no call.
  const std::string api_key;
  const Limit limit;
  const uint64_t first_call;
  const Stopwatch stopwatch;
  std::atomic<uint64_t> started{0};
};

// One channel with its completion queue, driven by one thread.
class Lane {
 public:
  Lane(Run& run, const std::shared_ptr<grpc::Channel>& channel, int in_flight)
      : run_(run), stub_(channel), slots_(in_flight) {}

  // Until the limit is reached and all that was started is answered.
  void Drive() {
    int active = 0;
    for (Slot& slot : slots_) active += Start(slot);
    void* tag = nullptr;
    bool ok = false;
    while (active > 0 && queue_.Next(&tag, &ok)) {
      Slot& slot = *static_cast<Slot*>(tag);
      Finish(slot);
      active -= !Start(slot);
    }
    queue_.Shutdown();
    while (queue_.Next(&tag, &ok)) {
    }
  }

  const std::vector<absl::Duration>& latencies() const { return latencies_; }
  const std::map<std::string, uint64_t>& failures() const { return failures_; }

 private:
  // Room for one call in flight.
  struct Slot {
    uint64_t call = 0;
    absl::Duration start;
    std::unique_ptr<grpc::ClientContext> context;
    std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
    grpc::ByteBuffer answer;
    grpc::Status status;
  };

  // Returns whether there was a call left to start.
  bool Start(Slot& slot) {
    if (run_.stopwatch.Elapsed() >= run_.limit.time) return false;
    const uint64_t number = run_.started.fetch_add(1);
    if (number >= run_.limit.calls) return false;
    slot.call = run_.first_call + number;
    const grpc::ByteBuffer request = run_.workload.MakeRequest(slot.call);
    slot.start = run_.stopwatch.Elapsed();
    slot.reader.reset();
    slot.context = std::make_unique<grpc::ClientContext>();
    slot.context->set_deadline(Deadline(kCallTimeout));
    if (!run_.api_key.empty()) Authorize(*slot.context, run_.api_key);
    slot.reader = stub_.PrepareUnaryCall(
        slot.context.get(), run_.workload.method(), request, &queue_);
    slot.reader->StartCall();
    slot.answer.Clear();
    slot.reader->Finish(&slot.answer, &slot.status, &slot);
    return true;
  }

  void Finish(Slot& slot) {
    latencies_.push_back(run_.stopwatch.Elapsed() - slot.start);
    if (!slot.status.ok()) {
      ++failures_[absl::StrCat("code ", slot.status.error_code(), ": ",
                               slot.status.error_message())];
      return;
    }
    const absl::Status checked = run_.workload.Check(slot.call, slot.answer);
    if (!checked.ok()) ++failures_[std::string(checked.message())];
  }

  Run& run_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  std::vector<Slot> slots_;
  std::vector<absl::Duration> latencies_;
  std::map<std::string, uint64_t> failures_;
};

LoadResult Summarize(const std::vector<std::unique_ptr<Lane>>& lanes,
                     absl::Duration elapsed) {
  LoadResult result;
  result.elapsed = elapsed;
  std::vector<absl::Duration> latencies;
  for (const auto& lane : lanes) {
    latencies.insert(latencies.end(), lane->latencies().begin(),
                     lane->latencies().end());
    for (const auto& [what, count] : lane->failures()) {
      result.failures[what] += count;
    }
  }
  result.calls = latencies.size();
  if (latencies.empty()) return result;
  std::sort(latencies.begin(), latencies.end());
  result.p50 = latencies[latencies.size() / 2];
  result.p99 = latencies[latencies.size() * 99 / 100];
  return result;
}

// A channel with a connection of its own.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoadGenerator>> LoadGenerator::Connect(
    const std::string& address, const std::string& api_key) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < kChannels; ++i) {
    channels.push_back(OpenChannel(address));
    if (!channels.back()->WaitForConnected(Deadline(kConnectTimeout))) {
      return absl::UnavailableError(absl::StrCat("no server at ", address));
    }
  }
  return std::unique_ptr<LoadGenerator>(
      new LoadGenerator(std::move(channels), api_key));
}

LoadGenerator::LoadGenerator(
    std::vector<std::shared_ptr<grpc::Channel>> channels, std::string api_key)
    : channels_(std::move(channels)), api_key_(std::move(api_key)) {}

LoadResult LoadGenerator::Run(Workload& workload, int in_flight,
                              const Limit& limit, uint64_t first_call) {
  const int count =
      std::min<int>(in_flight, static_cast<int>(channels_.size()));
  const bool needs_key = absl::StartsWith(workload.method(), "/cofactor.");
  benchmark::Run run{workload, needs_key ? api_key_ : "", limit, first_call,
                     Stopwatch()};
  std::vector<std::unique_ptr<Lane>> lanes;
  for (int i = 0; i < count; ++i) {
    const int share = in_flight / count + (i < in_flight % count ? 1 : 0);
    lanes.push_back(std::make_unique<Lane>(run, channels_[i], share));
  }
  std::vector<std::thread> threads;
  for (const auto& lane : lanes) {
    threads.emplace_back([&lane] { lane->Drive(); });
  }
  for (std::thread& thread : threads) thread.join();
  return Summarize(lanes, run.stopwatch.Elapsed());
}

grpc::ByteBuffer Serialize(const google::protobuf::Message& message) {
  const std::string bytes = message.SerializeAsString();
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

bool Parse(grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::ProtoBufferReader reader(&bytes);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

}  // namespace cofactor::benchmark
