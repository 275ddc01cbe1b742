// The table of Verify by code alone.

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "cofactor/v1/auth_service.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/doubles/authorized_channel.h"
#include "tests/doubles/server_process.h"
#include "tools/benchmark/disk.h"
#include "tools/benchmark/load_generator.h"
#include "tools/benchmark/seeder.h"
#include "tools/benchmark/server_clock.h"
#include "tools/benchmark/tables.h"

namespace cofactor::benchmark {
namespace {

// The bar of the design, section 8.
constexpr double kMaxRatio = 3;
constexpr uint64_t kBarMembers = 1'000;

// Two people of a large account show the same 6 digits too often.
constexpr int kDigits = 8;

// Each round is one time step: a first verification, for which the server
// computes all codes of the account, and some more.
constexpr size_t kMinRounds = 21;
constexpr size_t kMinWarm = 1'000;
constexpr size_t kMaxWarmPerRound = 200;

// A member and one of its codes.
struct Try {
  uint64_t member;
  std::string code;
};

// A verification for each code that nobody has used: those of the present time
// step before those of the next. Codes that two members show around that time
// are left out.
std::vector<Try> FreshTries(const Population& population, int64_t step) {
  std::map<std::string, int> shown;
  std::vector<Try> tries;
  for (int64_t of = step - 1; of <= step + 2; ++of) {
    for (uint64_t member = 0; member < population.members; ++member) {
      std::string code(population.CodeOf(member, of).ExposeSecret());
      ++shown[code];
      if (of == step || of == step + 1) {
        tries.push_back({member, std::move(code)});
      }
    }
  }
  tries.erase(
      std::remove_if(tries.begin(), tries.end(),
                     [&](const Try& one) { return shown[one.code] > 1; }),
      tries.end());
  return tries;
}

// Times of verifications of one account.
struct Times {
  std::vector<absl::Duration> cold;
  std::vector<absl::Duration> warm;
};

absl::Duration Median(std::vector<absl::Duration> times) {
  std::sort(times.begin(), times.end());
  return times.empty() ? absl::ZeroDuration() : times[times.size() / 2];
}

absl::Duration Mean(const std::vector<absl::Duration>& times) {
  absl::Duration sum;
  for (const absl::Duration time : times) sum += time;
  return sum / std::max<int64_t>(1, static_cast<int64_t>(times.size()));
}

class CodeAloneCaller {
 public:
  CodeAloneCaller(const ServerProcess& server, Failures& failures)
      : server_(v1::AuthService::NewStub(
            AuthorizedChannel(server.address(), server.admin_key()))),
        failures_(failures) {}

  absl::Duration Verify(const Population& population, const Try& one) {
    v1::VerifyRequest request;
    request.set_account_id(population.AccountId(one.member));
    request.set_code(one.code);
    v1::VerifyResponse response;
    grpc::ClientContext context;
    const Stopwatch stopwatch;
    const grpc::Status status = server_->Verify(&context, request, &response);
    const absl::Duration elapsed = stopwatch.Elapsed();
    const bool right = status.ok() && response.verified() &&
                       response.member_id() == population.MemberId(one.member);
    if (!right) {
      failures_.Add(
          "Verify by code alone",
          {{status.ok() ? v1::VerificationReason_Name(response.reason())
                        : status.error_message(),
            1}});
    }
    return elapsed;
  }

 private:
  const std::unique_ptr<v1::AuthService::Stub> server_;
  Failures& failures_;
};

absl::StatusOr<Times> MeasureAccount(const Population& population,
                                     ServerClock& clock,
                                     CodeAloneCaller& caller) {
  Times times;
  while (times.cold.size() < kMinRounds || times.warm.size() < kMinWarm) {
    // Two steps, as a round uses the codes of two.
    RETURN_IF_ERROR(clock.Move(2));
    const std::vector<Try> tries = FreshTries(population, clock.Step());
    for (size_t i = 0; i < std::min(tries.size(), kMaxWarmPerRound + 1); ++i) {
      const absl::Duration elapsed = caller.Verify(population, tries[i]);
      (i == 0 ? times.cold : times.warm).push_back(elapsed);
    }
  }
  return times;
}

void AddRow(const Population& population, std::string figure,
            absl::Duration time, absl::Duration base, Table& table) {
  const double ratio = absl::FDivDuration(time, base);
  std::vector<std::string> cells = {
      Count(population.members), std::move(figure), Micros(time), Ratio(ratio)};
  if (population.members < kBarMembers) {
    table.AddRow(std::move(cells));
  } else {
    table.AddRow(std::move(cells), "<= 3 of 1", ratio <= kMaxRatio);
  }
}

}  // namespace

absl::Status MeasureCodeAlone(const Setup& setup, Failures& failures) {
  ASSIGN_OR_RETURN(const ScratchFolder folder,
                   ScratchFolder::Make(setup.data_dir));
  std::vector<Population> populations;
  for (const uint64_t members :
       {uint64_t{1}, uint64_t{10}, uint64_t{100}, kBarMembers}) {
    populations.push_back({.name = absl::StrCat("of-", members),
                           .members = members,
                           .members_per_account = members,
                           .digits = kDigits});
    RETURN_IF_ERROR(Seed(folder.path(), populations.back()));
  }
  ASSIGN_OR_RETURN(const auto server,
                   ServerProcess::Start(setup.server_binary, folder.path(),
                                        ServerProcess::Mode::kDev));
  ASSIGN_OR_RETURN(const auto clock, ServerClock::Connect(*server));
  CodeAloneCaller caller(*server, failures);
  Table table("2. Members of an account: Verify by code alone, 1 in flight",
              {"members", "figure", "time", "of 1"});
  Times base;
  for (const Population& population : populations) {
    ASSIGN_OR_RETURN(const Times times,
                     MeasureAccount(population, *clock, caller));
    if (population.members == 1) base = times;
    AddRow(population, "within a time step, mean", Mean(times.warm),
           Mean(base.warm), table);
    AddRow(population, "first in a time step, p50", Median(times.cold),
           Median(base.cold), table);
  }
  table.Print();
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
