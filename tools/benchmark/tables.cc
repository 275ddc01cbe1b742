#include "tools/benchmark/tables.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "tests/doubles/server_process.h"
#include "tools/benchmark/disk.h"
#include "tools/benchmark/load_generator.h"
#include "tools/benchmark/seeder.h"
#include "tools/benchmark/server_clock.h"
#include "tools/benchmark/workloads.h"

namespace cofactor::benchmark {
namespace {

// The bars of the design, section 8.
constexpr double kMinVerifyPerHealth = 0.4;
constexpr double kMaxLatencyRatio = 1.3;
constexpr double kMaxStoreSizeRatio = 1.3;
constexpr int64_t kMaxMemoryBytes = 300'000'000;
constexpr absl::Duration kMaxStartTime = absl::Seconds(2);

constexpr int kBarInFlight = 256;
constexpr int kUsualInFlight = 64;

// A load before the one that counts, until connections and threads are there.
constexpr double kWarmUpPart = 0.2;

// A load after a warm-up, whose failures are kept too. next_call: number of the
// first call, moved on.
LoadResult RunWarm(LoadGenerator& generator, Workload& workload, int in_flight,
                   const Setup& setup, absl::string_view where,
                   uint64_t& next_call, Failures& failures) {
  LoadResult result;
  for (const absl::Duration time : {setup.time * kWarmUpPart, setup.time}) {
    result = generator.Run(workload, in_flight, {.time = time}, next_call);
    next_call += result.calls;
    failures.Add(where, result.failures);
  }
  return result;
}

// A load with what it cost the server.
struct CostedLoad {
  LoadResult load;
  absl::Duration cpu_per_call;
};

absl::StatusOr<CostedLoad> RunCosted(const ServerProcess& server,
                                     LoadGenerator& generator,
                                     Workload& workload, int in_flight,
                                     const Setup& setup,
                                     absl::string_view where,
                                     uint64_t& next_call, Failures& failures) {
  const uint64_t first_call = next_call;
  ASSIGN_OR_RETURN(const absl::Duration before, server.CpuTime());
  CostedLoad result;
  result.load = RunWarm(generator, workload, in_flight, setup, where, next_call,
                        failures);
  ASSIGN_OR_RETURN(const absl::Duration after, server.CpuTime());
  result.cpu_per_call =
      (after - before) / std::max<int64_t>(1, next_call - first_call);
  return result;
}

std::vector<std::string> CallCells(int in_flight, std::string call,
                                   const CostedLoad& costed,
                                   std::string ratio) {
  const LoadResult& result = costed.load;
  return {absl::StrCat(in_flight), std::move(call),
          Rate(result.rate()),     Micros(result.p50),
          Micros(result.p99),      Micros(costed.cpu_per_call),
          std::move(ratio)};
}

// What a store of one size showed.
struct StoreSize {
  LoadResult load;
  absl::Duration start_time;
  int64_t idle_bytes = 0;
  int64_t peak_bytes = 0;
};

absl::StatusOr<StoreSize> MeasureStoreSize(const Setup& setup,
                                           uint64_t enrollments,
                                           Failures& failures) {
  ASSIGN_OR_RETURN(const ScratchFolder folder,
                   ScratchFolder::Make(setup.data_dir));
  const Population population{.members = enrollments};
  RETURN_IF_ERROR(Seed(folder.path(), population));
  StoreSize size;
  // The first start after the seeding, and one after a load.
  for (const bool with_load : {true, false}) {
    ASSIGN_OR_RETURN(const auto server,
                     ServerProcess::Start(setup.server_binary, folder.path(),
                                          ServerProcess::Mode::kDev));
    size.start_time = std::max(size.start_time, server->start_time());
    ASSIGN_OR_RETURN(const int64_t idle_bytes, server->ResidentBytes());
    size.idle_bytes = std::max(size.idle_bytes, idle_bytes);
    if (!with_load) break;
    ASSIGN_OR_RETURN(const auto clock, ServerClock::Connect(*server));
    ASSIGN_OR_RETURN(
        const auto generator,
        LoadGenerator::Connect(server->address(), server->admin_key()));
    VerifyWorkload verify(population, *clock);
    uint64_t next_call = 0;
    size.load =
        RunWarm(*generator, verify, kUsualInFlight, setup,
                absl::StrCat("Verify in ", Count(enrollments), " enrollments"),
                next_call, failures);
    RETURN_IF_ERROR(clock->StartedMoves());
    ASSIGN_OR_RETURN(size.peak_bytes, server->PeakResidentBytes());
  }
  return size;
}

}  // namespace

absl::Status MeasureCalls(const Setup& setup, Failures& failures) {
  ASSIGN_OR_RETURN(const ScratchFolder folder,
                   ScratchFolder::Make(setup.data_dir));
  const Population population{.members = 10'000};
  RETURN_IF_ERROR(Seed(folder.path(), population));
  ASSIGN_OR_RETURN(const auto server,
                   ServerProcess::Start(setup.server_binary, folder.path(),
                                        ServerProcess::Mode::kDev));
  ASSIGN_OR_RETURN(const auto clock, ServerClock::Connect(*server));
  ASSIGN_OR_RETURN(
      const auto generator,
      LoadGenerator::Connect(server->address(), server->admin_key()));
  HealthWorkload health;
  VerifyWorkload verify(population, *clock);
  uint64_t next_health = 0;
  uint64_t next_verify = 0;
  Table table(
      "1. Calls in flight: the health check, and Verify with the member's id",
      {"in flight", "call", "rate", "p50", "p99", "server CPU", "of health"});
  for (const int in_flight : {1, 16, kUsualInFlight, kBarInFlight}) {
    ASSIGN_OR_RETURN(const CostedLoad base,
                     RunCosted(*server, *generator, health, in_flight, setup,
                               "health check", next_health, failures));
    table.AddRow(CallCells(in_flight, "health check", base, ""));
    ASSIGN_OR_RETURN(const absl::Duration sync_before,
                     MeasureSync(folder.path()));
    ASSIGN_OR_RETURN(const CostedLoad costed,
                     RunCosted(*server, *generator, verify, in_flight, setup,
                               "Verify", next_verify, failures));
    ASSIGN_OR_RETURN(const absl::Duration sync_after,
                     MeasureSync(folder.path()));
    const double ratio = costed.load.rate() / base.load.rate();
    std::vector<std::string> cells =
        CallCells(in_flight, "Verify", costed, Ratio(ratio));
    if (in_flight == 1) {
      const absl::Duration sync = (sync_before + sync_after) / 2;
      table.AddRow({"1", "fdatasync", "", Micros(sync)});
      const absl::Duration most = kMaxLatencyRatio * (base.load.p50 + sync);
      table.AddRow(std::move(cells),
                   absl::StrCat("p50 <= 1.3 x (health check + fdatasync) = ",
                                Micros(most)),
                   costed.load.p50 <= most);
    } else if (in_flight == kBarInFlight) {
      table.AddRow(std::move(cells), ">= 0.40 of health, going for 0.60",
                   ratio >= kMinVerifyPerHealth);
    } else {
      table.AddRow(std::move(cells));
    }
  }
  table.Print();
  return clock->StartedMoves();
}

absl::Status MeasureStoreSizes(const Setup& setup, Failures& failures) {
  std::vector<uint64_t> sizes = {1'000, 100'000};
  if (setup.full) sizes.push_back(1'000'000);
  Table table(
      absl::StrCat("3. Enrollments in the store: Verify with the member's id, ",
                   kUsualInFlight, " in flight"),
      {"enrollments", "figure", "value", "of 1,000"});
  absl::Duration base;
  for (const uint64_t size : sizes) {
    ASSIGN_OR_RETURN(const StoreSize measured,
                     MeasureStoreSize(setup, size, failures));
    const absl::Duration each = absl::Seconds(1 / measured.load.rate());
    if (size == sizes.front()) base = each;
    const double ratio = absl::FDivDuration(each, base);
    const std::string name = Count(size);
    table.AddRow({name, "time per verification", Micros(each), Ratio(ratio)},
                 "<= 1.3 of 1,000", ratio <= kMaxStoreSizeRatio);
    table.AddRow({name, "memory, idle", Megabytes(measured.idle_bytes)},
                 "<= 300 MB", measured.idle_bytes <= kMaxMemoryBytes);
    table.AddRow(
        {name, "memory, peak under load", Megabytes(measured.peak_bytes)},
        "<= 300 MB", measured.peak_bytes <= kMaxMemoryBytes);
    table.AddRow({name, "start to ready", Millis(measured.start_time)},
                 "<= 2 s", measured.start_time <= kMaxStartTime);
  }
  table.Print();
  return absl::OkStatus();
}

absl::Status MeasureEnrolments(const Setup& setup, Failures& failures) {
  ASSIGN_OR_RETURN(const ScratchFolder folder,
                   ScratchFolder::Make(setup.data_dir));
  const Population population{.members = 50'000, .enrolled = false};
  RETURN_IF_ERROR(Seed(folder.path(), population));
  ASSIGN_OR_RETURN(const auto server,
                   ServerProcess::Start(setup.server_binary, folder.path(),
                                        ServerProcess::Mode::kDev));
  ASSIGN_OR_RETURN(const auto clock, ServerClock::Connect(*server));
  ASSIGN_OR_RETURN(
      const auto generator,
      LoadGenerator::Connect(server->address(), server->admin_key()));
  BeginWorkload begin(population);
  const LoadResult begun = generator->Run(
      begin, kUsualInFlight, {.time = setup.time, .calls = population.members});
  failures.Add("BeginEnrollment", begun.failures);
  ConfirmWorkload confirm(population, begin, *clock);
  const LoadResult confirmed =
      generator->Run(confirm, kUsualInFlight, {.calls = begun.calls});
  failures.Add("ConfirmEnrollment", confirmed.failures);
  const double rate = static_cast<double>(confirmed.calls) /
                      absl::ToDoubleSeconds(begun.elapsed + confirmed.elapsed);

  Table table(
      absl::StrCat("4. Enrolments, ", kUsualInFlight, " calls in flight"),
      {"call", "rate", "p50", "p99"});
  table.AddRow({"BeginEnrollment", Rate(begun.rate()), Micros(begun.p50),
                Micros(begun.p99)});
  table.AddRow({"ConfirmEnrollment", Rate(confirmed.rate()),
                Micros(confirmed.p50), Micros(confirmed.p99)});
  table.AddRow({"both, one after the other", Rate(rate)});
  table.Print();
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
