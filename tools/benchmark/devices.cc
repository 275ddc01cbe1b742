// Devices: what an open channel costs, how soon a challenge is on the device,
// and how many approvals there are in a second.

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "cofactor/v1/account_service.grpc.pb.h"
#include "services/transport/listener.h"
#include "tests/doubles/authorized_channel.h"
#include "tests/doubles/server_process.h"
#include "tools/benchmark/disk.h"
#include "tools/benchmark/push_device.h"
#include "tools/benchmark/report.h"
#include "tools/benchmark/tables.h"

namespace cofactor::benchmark {
namespace {

constexpr char kAccount[] = "acme";
// Two files each, in the server: the limit of open files may allow fewer.
constexpr size_t kMostDevices = 10'000;
constexpr int kThreads = 16;
constexpr int64_t kMostBytes = 40 * 1024;
constexpr absl::Duration kLatestChallenge = absl::Milliseconds(50);

using Devices = std::vector<std::unique_ptr<PushDevice>>;

// Runs a piece of work for each of several threads; the first error.
template <typename Work>
absl::Status InThreads(const Work& work) {
  Mutex mutex;
  absl::Status first;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      absl::Status status = work(i);
      MutexLock lock(mutex);
      first.Update(std::move(status));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return first;
}

absl::Status Check(const grpc::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(what, ": ", status.error_message()));
}

absl::Status CreateMember(v1::AccountService::StubInterface& accounts,
                          const std::string& member_id) {
  v1::CreateMemberRequest request;
  request.mutable_member()->set_account_id(kAccount);
  request.mutable_member()->set_member_id(member_id);
  v1::CreateMemberResponse response;
  grpc::ClientContext context;
  return Check(accounts.CreateMember(&context, request, &response),
               "CreateMember");
}

absl::StatusOr<Devices> RegisterAll(const ServerProcess& server) {
  const auto channel = AuthorizedChannel(server.address(), server.admin_key());
  const auto accounts = v1::AccountService::NewStub(channel);
  const auto auth = v1::AuthService::NewStub(channel);
  const auto service = v1::DeviceService::NewStub(channel);
  v1::CreateAccountRequest request;
  request.mutable_account()->set_account_id(kAccount);
  v1::CreateAccountResponse response;
  grpc::ClientContext context;
  RETURN_IF_ERROR(Check(accounts->CreateAccount(&context, request, &response),
                        "CreateAccount"));
  // Some places are left for other connections.
  Devices devices(
      std::min(kMostDevices, services::DefaultMaxConnections() - 50));
  RETURN_IF_ERROR(InThreads([&](int thread) -> absl::Status {
    for (size_t i = thread; i < devices.size(); i += kThreads) {
      const std::string member_id = absl::StrCat("m", i);
      RETURN_IF_ERROR(CreateMember(*accounts, member_id));
      ASSIGN_OR_RETURN(devices[i],
                       PushDevice::Register(*auth, *service, server.address(),
                                            kAccount, member_id));
    }
    return absl::OkStatus();
  }));
  return devices;
}

absl::Status OpenAll(const ServerProcess& server, Devices& devices,
                     Table& table) {
  ASSIGN_OR_RETURN(const int64_t before, server.ResidentBytes());
  const Stopwatch stopwatch;
  // Not all at once: a backlog of connections is not what is measured.
  RETURN_IF_ERROR(InThreads([&](int thread) -> absl::Status {
    for (size_t i = thread; i < devices.size(); i += kThreads) {
      devices[i]->Open();
      RETURN_IF_ERROR(devices[i]->WaitUntilWelcome());
    }
    return absl::OkStatus();
  }));
  const absl::Duration elapsed = stopwatch.Elapsed();
  ASSIGN_OR_RETURN(const int64_t after, server.ResidentBytes());
  const int64_t each = (after - before) / static_cast<int64_t>(devices.size());
  table.AddRow({absl::StrCat("memory of each of ", Count(devices.size()),
                             " open channels"),
                absl::StrCat(Count(each), " bytes")},
               "<= 40 kB", each <= kMostBytes);
  table.AddRow(
      {"channels opened",
       absl::StrCat(Rate(devices.size() / absl::ToDoubleSeconds(elapsed)))});
  return absl::OkStatus();
}

// A challenge for a device, and its number.
absl::StatusOr<v1::CreateChallengeResponse> Challenge(
    v1::AuthService::StubInterface& auth, const PushDevice& device) {
  v1::CreateChallengeRequest request;
  request.set_account_id(kAccount);
  request.set_member_id(device.member_id());
  request.set_factor_type("push");
  request.set_purpose("sign-in");
  v1::CreateChallengeResponse response;
  grpc::ClientContext context;
  RETURN_IF_ERROR(Check(auth.CreateChallenge(&context, request, &response),
                        "CreateChallenge"));
  return response;
}

// Challenges and approves for a time, in so many threads. Returns the times
// from the call to the challenge on the device, in their order; each was
// approved.
absl::StatusOr<std::vector<absl::Duration>> ApproveFor(
    const ServerProcess& server, absl::Duration time, int threads,
    Devices& devices) {
  const auto auth = v1::AuthService::NewStub(
      AuthorizedChannel(server.address(), server.admin_key()));
  std::vector<std::vector<absl::Duration>> by_thread(kThreads);
  RETURN_IF_ERROR(InThreads([&](int thread) -> absl::Status {
    if (thread >= threads) return absl::OkStatus();
    const Stopwatch all;
    for (size_t i = thread; all.Elapsed() < time;
         i = (i + kThreads) % devices.size()) {
      PushDevice& device = *devices[i];
      const Stopwatch stopwatch;
      ASSIGN_OR_RETURN(const auto created, Challenge(*auth, device));
      ASSIGN_OR_RETURN(const absl::Duration late,
                       device.WaitForChallenge(
                           created.challenge().challenge_id(), stopwatch));
      by_thread[thread].push_back(late);
      RETURN_IF_ERROR(device.Approve(created.number()));
    }
    return absl::OkStatus();
  }));
  std::vector<absl::Duration> times;
  for (const auto& part : by_thread) {
    times.insert(times.end(), part.begin(), part.end());
  }
  std::sort(times.begin(), times.end());
  if (times.empty()) return absl::InternalError("no challenge was approved");
  return times;
}

}  // namespace

absl::Status MeasureDevices(const Setup& setup, Failures& failures) {
  ASSIGN_OR_RETURN(const ScratchFolder folder,
                   ScratchFolder::Make(setup.data_dir));
  ASSIGN_OR_RETURN(const auto server,
                   ServerProcess::Start(setup.server_binary, folder.path()));
  Table table("7. Devices", {"what", "figure"});
  ASSIGN_OR_RETURN(Devices devices, RegisterAll(*server));
  RETURN_IF_ERROR(OpenAll(*server, devices, table));
  for (const int threads : {1, kThreads}) {
    ASSIGN_OR_RETURN(const auto times,
                     ApproveFor(*server, setup.time, threads, devices));
    const auto at = [&](size_t percent) {
      return times[std::min(times.size() - 1, times.size() * percent / 100)];
    };
    table.AddRow({absl::StrCat("CreateChallenge to the device, ", threads,
                               " in flight: p50, p99"),
                  absl::StrCat(Micros(at(50)), ", ", Micros(at(99)))},
                 "< 50 ms", at(99) < kLatestChallenge);
    table.AddRow(
        {absl::StrCat("challenged and approved, ", threads, " in flight"),
         Rate(static_cast<double>(times.size()) /
              absl::ToDoubleSeconds(setup.time))});
  }
  table.Print();
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
