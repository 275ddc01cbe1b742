#ifndef COFACTOR_TOOLS_BENCHMARK_WORKLOADS_H_
#define COFACTOR_TOOLS_BENCHMARK_WORKLOADS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cofactor/v1/auth_service.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "tools/benchmark/load_generator.h"
#include "tools/benchmark/seeder.h"
#include "tools/benchmark/server_clock.h"

namespace cofactor::benchmark {

// The health check of every gRPC server: what a call costs that does nothing.
class HealthWorkload final : public Workload {
 public:
  const std::string& method() const override { return method_; }
  grpc::ByteBuffer MakeRequest(uint64_t call) override;
  absl::Status Check(uint64_t call, grpc::ByteBuffer& answer) override;

 private:
  const std::string method_ = "/grpc.health.v1.Health/Check";
};

// Verifications with the member's id, each with a fresh code of the member who
// has waited longest. The members come in an order in which no two neighbours
// follow each other, and the clock moves on by a time step whenever one half of
// them has verified. Needs a population of 500 members or more, for all loads
// the same workload, and for each load other numbers of calls.
class VerifyWorkload final : public Workload {
 public:
  // clock: not owned; must outlive this.
  VerifyWorkload(const Population& population, ServerClock& clock)
      : population_(population), clock_(clock) {}

  const std::string& method() const override { return method_; }
  grpc::ByteBuffer MakeRequest(uint64_t call) override;
  absl::Status Check(uint64_t call, grpc::ByteBuffer& answer) override;

 private:
  uint64_t MemberOf(uint64_t call) const;

  const std::string method_ = "/cofactor.v1.AuthService/Verify";
  const Population population_;
  ServerClock& clock_;
};

// BeginEnrollment for each member of a population that is not enrolled. The
// seed is given, so that the client knows it from the member's index.
class BeginWorkload final : public Workload {
 public:
  explicit BeginWorkload(const Population& population)
      : population_(population), enrollment_ids_(population.members) {}

  const std::string& method() const override { return method_; }
  grpc::ByteBuffer MakeRequest(uint64_t call) override;
  absl::Status Check(uint64_t call, grpc::ByteBuffer& answer) override;

  // By the member's index.
  const std::vector<std::string>& enrollment_ids() const {
    return enrollment_ids_;
  }

 private:
  const std::string method_ = "/cofactor.v1.AuthService/BeginEnrollment";
  const Population population_;
  std::vector<std::string> enrollment_ids_;
};

// ConfirmEnrollment for each enrollment that was begun.
class ConfirmWorkload final : public Workload {
 public:
  // Neither begun nor clock is owned; both must outlive this.
  ConfirmWorkload(const Population& population, const BeginWorkload& begun,
                  const ServerClock& clock)
      : population_(population), begun_(begun), clock_(clock) {}

  const std::string& method() const override { return method_; }
  grpc::ByteBuffer MakeRequest(uint64_t call) override;
  absl::Status Check(uint64_t call, grpc::ByteBuffer& answer) override;

 private:
  const std::string method_ = "/cofactor.v1.AuthService/ConfirmEnrollment";
  const Population population_;
  const BeginWorkload& begun_;
  const ServerClock& clock_;
};

// OK if a code was accepted for the member.
absl::Status CheckVerified(const v1::VerifyResponse& answer,
                           const Population& population, uint64_t member);

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_WORKLOADS_H_
