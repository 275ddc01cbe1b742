// Text messages: how fast challenges leave through Kannel, and whether a
// gateway that hangs is felt beside it.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/private_file.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "cofactor/v1/auth_service.pb.h"
#include "services/messenger/kannel_process.h"
#include "services/transport/listener.h"
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

constexpr int kInFlight = 64;
// All sends count against one budget, so that more at once only plan again and
// again.
constexpr int kSendsInFlight = 8;
constexpr double kMostChange = 1.1;
constexpr uint64_t kPhones = 50'000;

// A challenge by text message, for one member after the other.
class ChallengeWorkload final : public Workload {
 public:
  explicit ChallengeWorkload(const Population& population)
      : population_(population) {}

  const std::string& method() const override { return method_; }

  grpc::ByteBuffer MakeRequest(uint64_t call) override {
    const uint64_t member = call % population_.members;
    v1::CreateChallengeRequest request;
    request.set_account_id(population_.AccountId(member));
    request.set_member_id(population_.MemberId(member));
    request.set_factor_type("sms");
    request.set_purpose("sign-in");
    return Serialize(request);
  }

  absl::Status Check(uint64_t call, grpc::ByteBuffer& answer) override {
    v1::CreateChallengeResponse response;
    if (!Parse(answer, response) || !response.challenge().has_delivery()) {
      return absl::InternalError("a challenge without a message");
    }
    return absl::OkStatus();
  }

 private:
  const Population& population_;
  const std::string method_ = "/cofactor.v1.AuthService/CreateChallenge";
};

// Through one Kannel at an address, with budgets that do not bind.
absl::StatusOr<std::string> Messaging(const std::string& folder,
                                      const std::string& url) {
  RETURN_IF_ERROR(ReplacePrivateFile(absl::StrCat(folder, "/password"),
                                     Secret(absl::string_view("s3cret"))));
  return absl::StrFormat(R"(messaging {
  sms {
    gateways {
      name: "kannel"
      kannel { url: "%s" username: "idsvc" password_file: "password" }
    }
    allowed_regions: "DE"
    budgets {
      number_per_10_minutes: 1000000000 number_per_day: 1000000000
      prefix_per_hour: 1000000000 prefix_per_day: 1000000000
      client_per_hour: 1000000000 account_per_hour: 1000000000
      account_per_day: 1000000000 all_per_hour: 1000000000
      all_per_day: 1000000000 conversion_sends: 1000000000
    }
  }
}
)",
                         url);
}

std::vector<std::string> Cells(std::string what, const LoadResult& load) {
  return {std::move(what), Rate(load.rate()), Micros(load.p50),
          Micros(load.p99)};
}

absl::Status MeasureKannel(const Setup& setup, Failures& failures,
                           Table& table) {
  ASSIGN_OR_RETURN(const ScratchFolder folder,
                   ScratchFolder::Make(setup.data_dir));
  const Population phones{.name = "phones", .members = kPhones, .phones = true};
  RETURN_IF_ERROR(Seed(folder.path(), phones));
  ASSIGN_OR_RETURN(const auto kannel,
                   services::KannelProcess::Start(folder.path()));
  ASSIGN_OR_RETURN(const std::string messaging,
                   Messaging(folder.path(), kannel->sendsms_url()));
  ASSIGN_OR_RETURN(const auto server,
                   ServerProcess::Start(setup.server_binary, folder.path(),
                                        ServerProcess::Mode::kDev, messaging));
  ASSIGN_OR_RETURN(
      const auto generator,
      LoadGenerator::Connect(server->address(), server->admin_key()));
  ChallengeWorkload challenges(phones);
  for (const int in_flight : {1, kSendsInFlight}) {
    const LoadResult load =
        generator->Run(challenges, in_flight, {.time = setup.time});
    failures.Add("CreateChallenge", load.failures);
    table.AddRow(Cells(
        absl::StrCat("CreateChallenge through Kannel, ", in_flight), load));
  }
  return absl::OkStatus();
}

absl::Status MeasureHangingGateway(const Setup& setup, Failures& failures,
                                   Table& table) {
  ASSIGN_OR_RETURN(const ScratchFolder folder,
                   ScratchFolder::Make(setup.data_dir));
  const Population population{.members = 10'000};
  const Population phones{.name = "phones", .members = kPhones, .phones = true};
  RETURN_IF_ERROR(Seed(folder.path(), population));
  RETURN_IF_ERROR(Seed(folder.path(), phones));
  // The kernel takes connections, and nobody ever reads of them.
  ASSIGN_OR_RETURN(const auto hanging,
                   services::Listener::Bind({.address = "127.0.0.1:0"}));
  ASSIGN_OR_RETURN(
      const std::string messaging,
      Messaging(folder.path(), absl::StrCat("http://", hanging->address(),
                                            "/cgi-bin/sendsms")));
  ASSIGN_OR_RETURN(const auto server,
                   ServerProcess::Start(setup.server_binary, folder.path(),
                                        ServerProcess::Mode::kDev, messaging));
  ASSIGN_OR_RETURN(const auto clock, ServerClock::Connect(*server));
  ASSIGN_OR_RETURN(
      const auto generator,
      LoadGenerator::Connect(server->address(), server->admin_key()));
  ASSIGN_OR_RETURN(
      const auto other,
      LoadGenerator::Connect(server->address(), server->admin_key()));
  VerifyWorkload verify(population, *clock);
  const LoadResult alone =
      generator->Run(verify, kInFlight, {.time = setup.time});
  // Enough to fill the messenger, and few enough that what they cost the
  // processors themselves does not show.
  ChallengeWorkload challenges(phones);
  failures.Add("CreateChallenge",
               other->Run(challenges, 16, {.calls = 200}).failures);
  const LoadResult beside =
      generator->Run(verify, kInFlight, {.time = setup.time}, alone.calls);
  failures.Add("Verify", alone.failures);
  failures.Add("Verify", beside.failures);
  table.AddRow(Cells("Verify (TOTP), nothing beside it", alone));
  const double change = absl::FDivDuration(beside.p99, alone.p99);
  table.AddRow(Cells("Verify (TOTP), 200 texts hang at the gateway", beside),
               absl::StrCat("p99 <= 1.1 of alone, is ", Ratio(change)),
               change <= kMostChange);
  return clock->StartedMoves();
}

}  // namespace

absl::Status MeasureMessages(const Setup& setup, Failures& failures) {
  Table table("6. Text messages", {"call, in flight", "rate", "p50", "p99"});
  RETURN_IF_ERROR(MeasureKannel(setup, failures, table));
  RETURN_IF_ERROR(MeasureHangingGateway(setup, failures, table));
  table.Print();
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
