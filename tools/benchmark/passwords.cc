// Passwords: what a flood of them takes, how soon the rest is refused, and
// whether it is felt by others.

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/doubles/authorized_channel.h"
#include "tests/doubles/server_process.h"
#include "tools/benchmark/disk.h"
#include "tools/benchmark/load_generator.h"
#include "tools/benchmark/report.h"
#include "tools/benchmark/seeder.h"
#include "tools/benchmark/server_clock.h"
#include "tools/benchmark/tables.h"
#include "tools/benchmark/workloads.h"

namespace cofactor::benchmark {
namespace {

constexpr int kAtOnce = 100;
// Of codes: few enough that the processors are not busy with them alone.
constexpr int kCodesInFlight = 4;
constexpr absl::Duration kTimeout = absl::Seconds(60);

// Requirement 23. One hash at a time, and what calls that wait take.
constexpr int64_t kMostMemory = 19'456 * 1'024 + 10'000'000;
constexpr absl::Duration kMostRefusal = absl::Milliseconds(50);
constexpr double kMostChange = 1.2;

// Latencies of calls that came to the same end.
class Latencies {
 public:
  void Add(absl::Duration latency) { all_.push_back(latency); }
  size_t count() const { return all_.size(); }
  absl::Duration Quantile(double part) {
    if (all_.empty()) return absl::ZeroDuration();
    std::sort(all_.begin(), all_.end());
    return all_[static_cast<size_t>(static_cast<double>(all_.size() - 1) *
                                    part)];
  }

 private:
  std::vector<absl::Duration> all_;
};

struct Flood {
  Latencies judged;
  Latencies refused;
  std::map<std::string, uint64_t> failures;
};

// One of the calls that are sent at once.
struct PasswordCall {
  grpc::ClientContext context;
  v1::VerifyRequest request;
  v1::VerifyResponse response;
  Stopwatch stopwatch;
  absl::Duration latency;
  std::promise<grpc::Status> status;
};

// Sends so many passwords at once, each of another name, so that none is
// locked. Names that nobody has cost the same.
void SendAtOnce(v1::AuthService::StubInterface& service,
                const std::string& account_id, uint64_t& next_name,
                Flood& flood) {
  std::vector<std::unique_ptr<PasswordCall>> calls;
  for (int i = 0; i < kAtOnce; ++i) {
    calls.push_back(std::make_unique<PasswordCall>());
    PasswordCall& call = *calls.back();
    call.context.set_deadline(
        absl::ToChronoTime(SystemClock().Now() + kTimeout));
    call.request.set_account_id(account_id);
    call.request.set_member_id(absl::StrCat("name-", next_name++));
    call.request.set_factor_type("password");
    call.request.mutable_response()->set_password("nine lamps, no attic");
  }
  for (const auto& call : calls) {
    call->stopwatch = Stopwatch();
    service.async()->Verify(&call->context, &call->request, &call->response,
                            [&call = *call](grpc::Status status) {
                              call.latency = call.stopwatch.Elapsed();
                              call.status.set_value(std::move(status));
                            });
  }
  for (const auto& call : calls) {
    const grpc::Status status = call->status.get_future().get();
    if (status.ok()) {
      flood.judged.Add(call->latency);
    } else if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      flood.refused.Add(call->latency);
    } else {
      ++flood.failures[status.error_message()];
    }
  }
}

std::vector<std::string> Cells(std::string what, size_t calls,
                               absl::Duration p50, absl::Duration p99) {
  return {std::move(what), Count(calls), Micros(p50), Micros(p99)};
}

}  // namespace

absl::Status MeasurePasswords(const Setup& setup, Failures& failures) {
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
  VerifyWorkload verify(population, *clock);
  const LoadResult warm =
      generator->Run(verify, kCodesInFlight, {.time = setup.time});
  const LoadResult alone =
      generator->Run(verify, kCodesInFlight, {.time = setup.time}, warm.calls);
  ASSIGN_OR_RETURN(const int64_t before, server->PeakResidentBytes());

  std::atomic<bool> stop{false};
  Flood flood;
  std::thread flooder([&] {
    const auto service = v1::AuthService::NewStub(
        AuthorizedChannel(server->address(), server->admin_key()));
    uint64_t next_name = 0;
    while (!stop) {
      SendAtOnce(*service, population.AccountId(0), next_name, flood);
    }
  });
  const LoadResult beside = generator->Run(
      verify, kCodesInFlight, {.time = setup.time}, warm.calls + alone.calls);
  stop = true;
  flooder.join();
  ASSIGN_OR_RETURN(const int64_t after, server->PeakResidentBytes());
  for (const LoadResult* load : {&warm, &alone, &beside}) {
    failures.Add("Verify", load->failures);
  }
  failures.Add("Verify with a password", flood.failures);

  Table table(absl::StrCat("8. ", kAtOnce,
                           " passwords at once, again and again, beside ",
                           kCodesInFlight, " codes in flight"),
              {"figure", "calls", "p50", "p99"});
  table.AddRow(Cells("Verify (TOTP), nothing beside it", alone.calls, alone.p50,
                     alone.p99));
  const double change = absl::FDivDuration(beside.p99, alone.p99);
  table.AddRow(Cells("Verify (TOTP), beside passwords", beside.calls,
                     beside.p50, beside.p99),
               absl::StrCat("p99 <= 1.2 of alone, is ", Ratio(change)),
               change <= kMostChange);
  table.AddRow(Cells("passwords that were judged", flood.judged.count(),
                     flood.judged.Quantile(0.5), flood.judged.Quantile(0.99)));
  const absl::Duration refusal = flood.refused.Quantile(0.99);
  table.AddRow(Cells("passwords that were refused", flood.refused.count(),
                     flood.refused.Quantile(0.5), refusal),
               "p99 <= 50 ms", refusal <= kMostRefusal);
  table.AddRow(
      {"memory, peak, over that without passwords", Megabytes(after - before)},
      "<= 19 MiB + 10 MB", after - before <= kMostMemory);
  table.Print();
  return clock->StartedMoves();
}

}  // namespace cofactor::benchmark
