// Measures a server in a process of its own and prints the figures beside their
// bars. tools/bench builds and runs it.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/doubles/server_process.h"
#include "tools/benchmark/disk.h"
#include "tools/benchmark/load_generator.h"
#include "tools/benchmark/report.h"
#include "tools/benchmark/seeder.h"
#include "tools/benchmark/server_clock.h"
#include "tools/benchmark/workloads.h"

ABSL_FLAG(std::string, server, "", "the server binary. Required");
ABSL_FLAG(std::string, data_dir, ".bench",
          "parent of the folder for the data, on the disk to be measured");
ABSL_FLAG(absl::Duration, time, absl::Seconds(3), "length of one measurement");
ABSL_FLAG(int, only, 0, "one table alone: 1 to 4");
ABSL_FLAG(bool, full, false, "also a store of 1,000,000 enrollments");

namespace cofactor::benchmark {
namespace {

constexpr int kRounds = 40;

// A server with data of its own, and what talks to it.
struct Bench {
  std::unique_ptr<ServerProcess> server;
  absl::Duration start_time;
  std::unique_ptr<ServerClock> clock;
  std::unique_ptr<LoadGenerator> load;
};

absl::StatusOr<Bench> StartServer(const std::string& data_dir) {
  Bench bench;
  const Stopwatch stopwatch;
  ASSIGN_OR_RETURN(
      bench.server,
      ServerProcess::Start(absl::GetFlag(FLAGS_server), data_dir, {"--dev"}));
  bench.start_time = stopwatch.Elapsed();
  ASSIGN_OR_RETURN(bench.clock, ServerClock::Connect(bench.server->address()));
  ASSIGN_OR_RETURN(bench.load, LoadGenerator::Connect(bench.server->address()));
  return bench;
}

Limit TimeLimit() { return {.time = absl::GetFlag(FLAGS_time)}; }

// Durable Verify against the health check of the same server.
absl::Status MeasureVerify(const std::string& parent, Failures& failures) {
  ASSIGN_OR_RETURN(const ScratchFolder folder, ScratchFolder::Make(parent));
  const Population population{.members = 20'000};
  RETURN_IF_ERROR(Seed(folder.path(), population));
  ASSIGN_OR_RETURN(Bench bench, StartServer(folder.path()));
  ASSIGN_OR_RETURN(const absl::Duration sync, MeasureSync(folder.path()));
  HealthWorkload health;
  VerifyWorkload verify(population, *bench.clock);
  Table table("1. Durable Verify of a named member against the health check",
              {"in flight", "health", "p50", "p99", "Verify", "p50", "p99",
               "share of health"});
  uint64_t next_call = 0;
  for (const int in_flight : {1, 16, 64, 256}) {
    const LoadResult empty = bench.load->Run(health, in_flight, TimeLimit());
    const LoadResult durable =
        bench.load->Run(verify, in_flight, TimeLimit(), next_call);
    next_call += durable.calls;
    failures.Add("health", empty.failures);
    failures.Add("Verify", durable.failures);
    const double share = durable.rate() / empty.rate();
    std::vector<std::string> cells = {Count(static_cast<uint64_t>(in_flight)),
                                      Rate(empty.rate()),
                                      Micros(empty.p50),
                                      Micros(empty.p99),
                                      Rate(durable.rate()),
                                      Micros(durable.p50),
                                      Micros(durable.p99),
                                      Ratio(share)};
    if (in_flight == 256) {
      table.AddRow(std::move(cells), ">= 0.4 of health", share >= 0.4);
    } else if (in_flight == 1) {
      const absl::Duration bar = 1.3 * (empty.p50 + sync);
      table.AddRow(std::move(cells),
                   absl::StrCat("p50 <= 1.3 x (health + sync of ", Micros(sync),
                                ") = ", Micros(bar)),
                   durable.p50 <= bar);
    } else {
      table.AddRow(std::move(cells));
    }
  }
  RETURN_IF_ERROR(bench.clock->StartedMoves());
  table.Print();
  return absl::OkStatus();
}

// One Verify by code alone; adds the time it took. Two of a thousand members
// show the same code now and then: such a call is left out.
absl::Status VerifyByCode(v1::AuthService::Stub& stub,
                          const Population& population, uint64_t member,
                          int64_t step, std::vector<absl::Duration>& times) {
  grpc::ClientContext context;
  v1::VerifyRequest request;
  request.set_account_id(population.AccountId(member));
  request.set_code(std::string(population.CodeOf(member, step).ExposeSecret()));
  v1::VerifyResponse response;
  const Stopwatch stopwatch;
  const grpc::Status status = stub.Verify(&context, request, &response);
  const absl::Duration elapsed = stopwatch.Elapsed();
  if (!status.ok()) return absl::InternalError(status.error_message());
  if (response.reason() == v1::VERIFICATION_REASON_AMBIGUOUS) {
    return absl::OkStatus();
  }
  times.push_back(elapsed);
  return CheckVerified(response, population, member);
}

absl::Duration MedianOf(std::vector<absl::Duration> times) {
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Verify without a member id in accounts of different sizes.
absl::Status MeasureCodeOnly(const std::string& parent) {
  ASSIGN_OR_RETURN(const ScratchFolder folder, ScratchFolder::Make(parent));
  std::vector<Population> populations;
  for (const uint64_t members : {1, 10, 100, 1000}) {
    // Eight digits: with six, two of a thousand members often show the same.
    populations.push_back({.name = absl::StrCat("of", members),
                           .members = members,
                           .members_per_account = members,
                           .digits = 8});
    RETURN_IF_ERROR(Seed(folder.path(), populations.back()));
  }
  ASSIGN_OR_RETURN(Bench bench, StartServer(folder.path()));
  const auto stub =
      v1::AuthService::NewStub(OpenChannel(bench.server->address()));
  Table table(
      "2. Verify by code alone, 1 in flight (first: the first one of a time "
      "step)",
      {"members", "median", "to 1 member", "first", "to 1 member"});
  absl::Duration base_later, base_first;
  for (const Population& population : populations) {
    std::vector<absl::Duration> first, later;
    uint64_t member = 0;
    for (int round = 0; round < kRounds; ++round) {
      RETURN_IF_ERROR(bench.clock->Move(2));
      const int64_t step = bench.clock->Step();
      RETURN_IF_ERROR(VerifyByCode(*stub, population, member, step, first));
      // The next member, or the only one with the code after.
      const bool alone = population.members == 1;
      const uint64_t more = std::min<uint64_t>(population.members, 20);
      for (uint64_t i = 1; i < more || (alone && i == 1); ++i) {
        const uint64_t other = (member + i) % population.members;
        RETURN_IF_ERROR(VerifyByCode(*stub, population, other,
                                     alone ? step + 1 : step, later));
      }
      member = (member + more) % population.members;
    }
    const absl::Duration later_median = MedianOf(later);
    const absl::Duration first_median = MedianOf(first);
    if (population.members == 1) {
      base_later = later_median;
      base_first = first_median;
    }
    const double later_ratio = absl::FDivDuration(later_median, base_later);
    const double first_ratio = absl::FDivDuration(first_median, base_first);
    std::vector<std::string> cells = {Count(population.members),
                                      Micros(later_median), Ratio(later_ratio),
                                      Micros(first_median), Ratio(first_ratio)};
    if (population.members == 1'000) {
      table.AddRow(std::move(cells), "<= 3 x the time of 1 member",
                   later_ratio <= 3);
    } else {
      table.AddRow(std::move(cells));
    }
  }
  table.Print();
  return absl::OkStatus();
}

// Stores of different sizes.
absl::Status MeasureSizes(const std::string& parent, Failures& failures) {
  Table table("3. Stores of different sizes, Verify at 64 in flight",
              {"enrollments", "time each", "to 1,000", "idle memory",
               "under load", "start"});
  std::vector<uint64_t> sizes = {1'000, 100'000};
  if (absl::GetFlag(FLAGS_full)) sizes.push_back(1'000'000);
  double base = 0;
  for (const uint64_t size : sizes) {
    ASSIGN_OR_RETURN(const ScratchFolder folder, ScratchFolder::Make(parent));
    const Population population{.members = size};
    RETURN_IF_ERROR(Seed(folder.path(), population));
    ASSIGN_OR_RETURN(Bench bench, StartServer(folder.path()));
    ASSIGN_OR_RETURN(const int64_t idle, bench.server->ResidentBytes());
    VerifyWorkload verify(population, *bench.clock);
    const LoadResult load =
        bench.load->Run(verify, 64, {.time = 2 * absl::GetFlag(FLAGS_time)});
    failures.Add("Verify", load.failures);
    ASSIGN_OR_RETURN(const int64_t loaded, bench.server->PeakResidentBytes());
    RETURN_IF_ERROR(bench.clock->StartedMoves());
    const double each = 1 / load.rate();
    if (base == 0) base = each;
    const bool reached = each / base <= 1.3 && loaded <= 300'000'000 &&
                         bench.start_time <= absl::Seconds(2);
    std::vector<std::string> cells = {
        Count(size),     Micros(absl::Seconds(each)), Ratio(each / base),
        Megabytes(idle), Megabytes(loaded),           Millis(bench.start_time)};
    if (size == sizes.front()) {
      table.AddRow(std::move(cells));
    } else {
      table.AddRow(std::move(cells), "<= 1.3 x, <= 300 MB, <= 2 s", reached);
    }
  }
  table.Print();
  return absl::OkStatus();
}

// Enrolments through the API.
absl::Status MeasureEnrolments(const std::string& parent, Failures& failures) {
  ASSIGN_OR_RETURN(const ScratchFolder folder, ScratchFolder::Make(parent));
  const Population population{.members = 10'000, .enrolled = false};
  RETURN_IF_ERROR(Seed(folder.path(), population));
  ASSIGN_OR_RETURN(Bench bench, StartServer(folder.path()));
  BeginWorkload begin(population);
  const LoadResult begun =
      bench.load->Run(begin, 64, {.calls = population.members});
  failures.Add("BeginEnrollment", begun.failures);
  ConfirmWorkload confirm(population, begin, *bench.clock);
  const LoadResult confirmed =
      bench.load->Run(confirm, 64, {.calls = population.members});
  failures.Add("ConfirmEnrollment", confirmed.failures);
  const absl::Duration both = begun.elapsed + confirmed.elapsed;
  Table table("4. Enrolments, 64 in flight",
              {"enrolments", "rate", "Begin", "Confirm"});
  table.AddRow({Count(population.members),
                Rate(static_cast<double>(population.members) /
                     absl::ToDoubleSeconds(both)),
                Rate(begun.rate()), Rate(confirmed.rate())});
  table.Print();
  return absl::OkStatus();
}

absl::Status MeasureAll() {
  if (absl::GetFlag(FLAGS_server).empty()) {
    return absl::InvalidArgumentError("--server is required");
  }
  const std::string parent = absl::GetFlag(FLAGS_data_dir);
  const int only = absl::GetFlag(FLAGS_only);
  Failures failures;
  if (only == 0 || only == 1) RETURN_IF_ERROR(MeasureVerify(parent, failures));
  if (only == 0 || only == 2) RETURN_IF_ERROR(MeasureCodeOnly(parent));
  if (only == 0 || only == 3) RETURN_IF_ERROR(MeasureSizes(parent, failures));
  if (only == 0 || only == 4) {
    RETURN_IF_ERROR(MeasureEnrolments(parent, failures));
  }
  if (failures.empty()) return absl::OkStatus();
  failures.Print();
  return absl::InternalError("calls went wrong: these figures mean nothing");
}

}  // namespace
}  // namespace cofactor::benchmark

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = cofactor::benchmark::MeasureAll();
  if (status.ok()) return EXIT_SUCCESS;
  std::fprintf(stderr, "bench: %s\n", status.ToString().c_str());
  return EXIT_FAILURE;
}
