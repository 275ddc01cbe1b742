#ifndef COFACTOR_TOOLS_BENCHMARK_LOAD_GENERATOR_H_
#define COFACTOR_TOOLS_BENCHMARK_LOAD_GENERATOR_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/byte_buffer.h"

namespace cofactor::benchmark {

// The calls of a load, numbered from 0. Thread-safe.
class Workload {
 public:
  virtual ~Workload() = default;

  // As "/cofactor.v1.AuthService/Verify".
  virtual const std::string& method() const = 0;

  // Request of a call. Must not block.
  virtual grpc::ByteBuffer MakeRequest(uint64_t call) = 0;

  // OK if an answer to a call that went well is the right one. Must not block.
  virtual absl::Status Check(uint64_t call, grpc::ByteBuffer& answer) = 0;
};

// How long a load goes on: until the first of the two is reached.
struct Limit {
  absl::Duration time = absl::InfiniteDuration();
  uint64_t calls = std::numeric_limits<uint64_t>::max();
};

struct LoadResult {
  // Calls that were answered, right or not.
  uint64_t calls = 0;
  absl::Duration elapsed;
  absl::Duration p50;
  absl::Duration p99;
  // Calls that failed or were answered wrongly, by what was wrong.
  std::map<std::string, uint64_t> failures;

  // Calls a second.
  double rate() const {
    return static_cast<double>(calls) / absl::ToDoubleSeconds(elapsed);
  }
};

// Keeps a number of calls in flight against one server. Thread-compatible.
class LoadGenerator {
 public:
  // Connects. api_key: goes with every call but health checks, which need none.
  // UNAVAILABLE: nobody answers at the address.
  static absl::StatusOr<std::unique_ptr<LoadGenerator>> Connect(
      const std::string& address, const std::string& api_key);

  // Numbers start at first_call.
  LoadResult Run(Workload& workload, int in_flight, const Limit& limit,
                 uint64_t first_call = 0);

 private:
  LoadGenerator(std::vector<std::shared_ptr<grpc::Channel>> channels,
                std::string api_key);

  const std::vector<std::shared_ptr<grpc::Channel>> channels_;
  const std::string api_key_;
};

grpc::ByteBuffer Serialize(const google::protobuf::Message& message);
bool Parse(grpc::ByteBuffer& bytes, google::protobuf::Message& message);

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_LOAD_GENERATOR_H_
