// What the parts of a verification cost, one after the other on one thread.

#include <functional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/factor_registry.h"
#include "factors/standard_factors.h"
#include "services/engine/api_key.h"
#include "services/engine/audit_log.h"
#include "services/engine/client_directory.h"
#include "services/engine/guess_budgets.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "storage/log.h"
#include "storage/memory/memory_store.h"
#include "storage/sealing/key_ring.h"
#include "storage/sealing/sealed_value.h"
#include "tools/benchmark/report.h"
#include "tools/benchmark/tables.h"

namespace cofactor::benchmark {
namespace {

using ::cofactor::record::v1::AuditRecord;
using ::cofactor::record::v1::ClientRecord;
using ::cofactor::record::v1::MemberRecord;

constexpr int kRounds = 20'000;
constexpr int kClients = 100;
// Of a member with one TOTP enrollment.
constexpr size_t kMemberBytes = 400;

absl::Duration TimeOf(const std::function<void()>& part) {
  for (int i = 0; i < kRounds / 10; ++i) part();
  const Stopwatch stopwatch;
  for (int i = 0; i < kRounds; ++i) part();
  return stopwatch.Elapsed() / kRounds;
}

std::string Nanos(absl::Duration time) {
  return absl::StrCat(absl::ToInt64Nanoseconds(time), " ns");
}

// A directory of some clients; returns the API key of the last.
absl::StatusOr<Secret> FillDirectory(const Clock& clock, Randomness& randomness,
                                     services::ClientDirectory& directory) {
  storage::MemoryStore store(clock);
  storage::Transaction transaction;
  Secret last;
  for (int i = 0; i < kClients; ++i) {
    services::NewApiKey made = services::MakeApiKey(clock.Now(), randomness);
    ClientRecord client;
    client.set_version(services::kRecordVersion);
    client.set_client_id(absl::StrCat("client-", i));
    client.add_scopes(v1::SCOPE_VERIFY);
    *client.add_api_keys() = std::move(made.record);
    transaction.Put(services::ClientKey(client.client_id()),
                    client.SerializeAsString());
    last = std::move(made.key);
  }
  RETURN_IF_ERROR(storage::CommitAndWait(store, std::move(transaction)));
  RETURN_IF_ERROR(directory.Load(store));
  return last;
}

// A member whose budget is half used up, in as many days as it can be.
MemberRecord HalfSpent(absl::Time now) {
  MemberRecord member;
  for (int day = 30; day >= 0; --day) {
    services::CountMemberFailure(member, "totp", now - day * absl::Hours(24));
  }
  return member;
}

AuditRecord Event() {
  AuditRecord event;
  event.set_action("Verify");
  event.set_account_id("account-1");
  event.set_member_id("member-0000001");
  event.set_enrollment_id("9dabb28b1f86b94139ab2af3abcab5b7");
  event.set_factor_type("totp");
  event.set_client_id("client-1");
  event.set_peer("ipv4:127.0.0.1:42956");
  return event;
}

}  // namespace

absl::Status MeasureParts(const Setup& setup, Failures& failures) {
  const SystemClock clock;
  SystemRandomness randomness;
  const absl::Time now = clock.Now();
  Table table("5. Parts of a verification with the member's id, one thread",
              {"part", "what it does", "time"});

  services::ClientDirectory directory;
  ASSIGN_OR_RETURN(const Secret key,
                   FillDirectory(clock, randomness, directory));
  uint64_t wrong = 0;
  table.AddRow(
      {"authentication", "hash an API key, find its client", Nanos(TimeOf([&] {
         wrong += !directory.FindByApiKey(key.ExposeSecret(), now).ok();
       }))});

  ASSIGN_OR_RETURN(const storage::KeyRing ring,
                   storage::KeyRing::Parse(
                       storage::NewKeyRingText(randomness).ExposeSecret()));
  const std::string member_bytes(kMemberBytes, 'x');
  const std::string sealed =
      storage::SealValue(ring, "m/a/b", member_bytes, randomness);
  table.AddRow({"sealing", "open a member", Nanos(TimeOf([&] {
                  wrong += !storage::OpenValue(ring, "m/a/b", sealed).ok();
                }))});
  table.AddRow({"sealing", "seal a member", Nanos(TimeOf([&] {
                  wrong += storage::SealValue(ring, "m/a/b", member_bytes,
                                              randomness)
                               .empty();
                }))});

  const MemberRecord half_spent = HalfSpent(now);
  table.AddRow(
      {"budgets", "check one of 31 days", Nanos(TimeOf([&] {
         wrong += !services::CheckMemberBudget(half_spent, "totp", now).ok();
       }))});

  const services::AuditLog audit_log(randomness, absl::Hours(24));
  std::string event_bytes;
  table.AddRow({"audit", "make an event and its digest", Nanos(TimeOf([&] {
                  storage::Transaction transaction;
                  audit_log.Append(Event(), now, transaction);
                  event_bytes = transaction.appends()[0].value;
                }))});
  table.AddRow({"audit", "seal an event", Nanos(TimeOf([&] {
                  wrong += storage::SealValue(ring, "~audit/", event_bytes,
                                              randomness)
                               .empty();
                }))});
  storage::LogHead head;
  storage::Transaction::Append append;
  append.log = std::string(services::kAuditLog);
  append.value = event_bytes;
  append.digest = std::string(storage::kChainBytes, 'd');
  table.AddRow({"audit", "link an event, on the committer",
                Nanos(TimeOf([&] { storage::Place(append, head); }))});

  factors::FactorRegistry::Builder builder;
  RETURN_IF_ERROR(factors::RegisterStandardFactors(builder));
  const factors::FactorRegistry registry = std::move(builder).Build();
  const factors::Factor& totp = *registry.Find("totp");
  ASSIGN_OR_RETURN(const factors::FactorState state,
                   totp.DecoyState(randomness));
  v1::FactorResponse code;
  code.set_code("000000");
  table.AddRow({"factor", "judge a TOTP: three HMACs", Nanos(TimeOf([&] {
                  wrong += !totp.Verify({state, code, nullptr, now}).ok();
                }))});
  table.Print();
  if (wrong != 0) failures.Add("parts", {{"a part failed", wrong}});
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
