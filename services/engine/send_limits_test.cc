// The budgets of messages and the countries that they may go to.

#include "services/engine/send_limits.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "openssl/sha.h"
#include "services/engine/send_limits_fixture.h"
#include "tests/doubles/retry_delay.h"

namespace cofactor::services {
namespace {

// The clock starts at 1,700,000,025 s: at the start of a span of 25 s, 75 s
// into one of 150 s, 825 s into one of an hour.
constexpr absl::Duration k10MinutesFree = absl::Seconds(25 * 25);
constexpr absl::Duration kHourFree = absl::Seconds(25 * 150 - 75);
constexpr absl::Duration kDayFree = absl::Seconds(25 * 3'600 - 825);

class SendLimitsTest : public SendLimitsFixture {};

// One budget, at its edge.
struct BudgetCase {
  std::string name;
  uint32_t SendPolicy::*budget;
  // As the issue asks for it.
  int allowed;
  absl::Duration window;
  // After which all that was sent at the start of the test is free again: once
  // its span has left the window.
  absl::Duration free_after;
  // What the sends have in common.
  v1::SendSubject subject;
};

class SendBudgetTest : public SendLimitsFixture,
                       public testing::WithParamInterface<BudgetCase> {
 protected:
  // The i-th send, which shares with the others what the budget is about and
  // nothing else.
  absl::Status SendOne(const Sender& sender, int i) {
    const v1::SendSubject subject = GetParam().subject;
    ActAsClient(subject == v1::SEND_SUBJECT_CLIENT ? "web"
                                                   : absl::StrCat("c", i));
    const std::string account_id =
        subject == v1::SEND_SUBJECT_ACCOUNT ? "acme" : absl::StrCat("a", i);
    std::string number = Number(i % 1000, i / 1000);
    if (subject == v1::SEND_SUBJECT_NUMBER) number = Number(1, 1);
    if (subject == v1::SEND_SUBJECT_PREFIX) number = Number(1, i);
    return Send(sender, number, account_id);
  }
};

TEST_P(SendBudgetTest, LetsExactlyItsNumberLeaveAndIsFreeAfterItsWindow) {
  const BudgetCase& one = GetParam();
  SendPolicy policy = OpenPolicy();
  policy.*one.budget = SendPolicy().*one.budget;
  const Sender sender(policy);
  const absl::Time start = harness_.now();
  int i = 0;
  for (; i < one.allowed; ++i) {
    const absl::Status status = SendOne(sender, i);
    ASSERT_TRUE(status.ok()) << i << status;
  }
  for (const absl::Duration later : {absl::ZeroDuration(), one.window,
                                     one.free_after - absl::Microseconds(1)}) {
    harness_.clock().Set(start + later);
    const absl::Status status = SendOne(sender, i);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(ErrorReason(status), "SEND_LIMIT");
    EXPECT_EQ(RetryDelay(status),
              absl::Ceil(one.free_after - later, absl::Milliseconds(1)));
  }
  // Of the window's length, and at most one span of it more.
  EXPECT_LE(one.free_after, one.window + one.window / 24);
  harness_.clock().Set(start + one.free_after);
  for (int again = 0; again < std::min(one.allowed, 100); ++again) {
    const absl::Status status = SendOne(sender, i++);
    ASSERT_TRUE(status.ok()) << again << status;
  }
}

TEST_P(SendBudgetTest, LeavesOtherSubjectsAlone) {
  const BudgetCase& one = GetParam();
  if (one.subject == v1::SEND_SUBJECT_ALL) return;
  SendPolicy policy = OpenPolicy();
  policy.*one.budget = 1;
  const Sender sender(policy);
  ASSERT_TRUE(SendOne(sender, 0).ok());
  ASSERT_FALSE(SendOne(sender, 1).ok());
  ActAsClient("other");
  EXPECT_TRUE(Send(sender, Number(2, 2), "other").ok());
}

TEST_P(SendBudgetTest, OfNoneLetsNoneLeave) {
  SendPolicy policy = OpenPolicy();
  policy.*GetParam().budget = 0;
  const Sender sender(policy);
  EXPECT_EQ(ErrorReason(SendOne(sender, 0)), "SEND_LIMIT");
}

INSTANTIATE_TEST_SUITE_P(
    All, SendBudgetTest,
    testing::Values(
        BudgetCase{"NumberPer10Minutes", &SendPolicy::number_per_10_minutes, 5,
                   absl::Minutes(10), k10MinutesFree, v1::SEND_SUBJECT_NUMBER},
        BudgetCase{"NumberPerDay", &SendPolicy::number_per_day, 10,
                   absl::Hours(24), kDayFree, v1::SEND_SUBJECT_NUMBER},
        BudgetCase{"PrefixPerHour", &SendPolicy::prefix_per_hour, 20,
                   absl::Hours(1), kHourFree, v1::SEND_SUBJECT_PREFIX},
        BudgetCase{"PrefixPerDay", &SendPolicy::prefix_per_day, 60,
                   absl::Hours(24), kDayFree, v1::SEND_SUBJECT_PREFIX},
        BudgetCase{"ClientPerHour", &SendPolicy::client_per_hour, 5'000,
                   absl::Hours(1), kHourFree, v1::SEND_SUBJECT_CLIENT},
        BudgetCase{"AccountPerHour", &SendPolicy::account_per_hour, 200,
                   absl::Hours(1), kHourFree, v1::SEND_SUBJECT_ACCOUNT},
        BudgetCase{"AccountPerDay", &SendPolicy::account_per_day, 1'000,
                   absl::Hours(24), kDayFree, v1::SEND_SUBJECT_ACCOUNT},
        BudgetCase{"AllPerHour", &SendPolicy::all_per_hour, 2'000,
                   absl::Hours(1), kHourFree, v1::SEND_SUBJECT_ALL},
        BudgetCase{"AllPerDay", &SendPolicy::all_per_day, 20'000,
                   absl::Hours(24), kDayFree, v1::SEND_SUBJECT_ALL}),
    [](const auto& info) { return info.param.name; });

TEST_F(SendLimitsTest, CountsNoticesAndDoesNotJudgeThem) {
  SendPolicy policy = OpenPolicy();
  policy.number_per_day = 3;
  policy.breaker.sends = 2;
  policy.breaker.first_break = absl::Hours(1);
  const Sender sender(policy);
  const std::string number = Number(1, 1);
  EXPECT_TRUE(Notify(sender, number).ok());
  EXPECT_TRUE(Notify(sender, number).ok());
  // Nobody typed a code back, as there was none.
  EXPECT_TRUE(Send(sender, number).ok());
  EXPECT_EQ(ErrorReason(Notify(sender, number)), "SEND_LIMIT");
}

TEST_F(SendLimitsTest, ABudgetRollsOn) {
  const Sender sender(StandardPolicy());
  const absl::Time start = harness_.now();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
  harness_.clock().Set(start + absl::Minutes(5));
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
  ASSERT_FALSE(Send(sender, Number(1, 1)).ok());
  // The first three are free, the other two are not.
  harness_.clock().Set(start + k10MinutesFree);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Send(sender, Number(1, 1)).ok());
  EXPECT_FALSE(Send(sender, Number(1, 1)).ok());
}

TEST_F(SendLimitsTest, OfAThousandNumbersOfOnePrefixTheBudgetLeaves) {
  const Sender sender(StandardPolicy());
  int sent = 0;
  for (int i = 0; i < 1'000; ++i) {
    if (Send(sender, Number(1, i)).ok()) ++sent;
  }
  EXPECT_EQ(sent, 20);
}

// Sends of several threads, each of which plans from the same state as the
// others before any of them commits.
class SendersAtOnceTest : public SendLimitsTest {
 protected:
  static constexpr int kThreads = 8;
  static constexpr int kSendsEach = 125;

  SendersAtOnceTest() : meeting_(kThreads) {}

  // Waits for the others in the first try, which runs on the thread that sends.
  class Meeting {
   public:
    explicit Meeting(int threads) : barrier_(threads) {}
    void Wait() {
      if (takes_part) barrier_.arrive_and_wait();
    }
    static thread_local bool takes_part;

   private:
    std::barrier<> barrier_;
  };

  class MeetingSender {
   public:
    MeetingSender(const Sender& sender, Meeting& meeting)
        : sender_(sender), meeting_(meeting) {}

    absl::Status Send(Plan& plan, const v1::ListSendLimitsRequest& request,
                      v1::ListSendLimitsResponse& response) const {
      absl::Status status = sender_.Send(plan, request, response);
      meeting_.Wait();
      return status;
    }

   private:
    const Sender& sender_;
    Meeting& meeting_;
  };

  // A thousand sends, to the number of their index, from senders in turn.
  template <typename NumberOf>
  void SendAll(const std::vector<const Sender*>& senders, NumberOf number_of) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        Meeting::takes_part = true;
        const MeetingSender sender(*senders[t % senders.size()], meeting_);
        for (int i = 0; i < kSendsEach; ++i) {
          const absl::Status status =
              harness_
                  .Call(sender, &MeetingSender::Send,
                        RequestFor(number_of(t * kSendsEach + i), "acme"))
                  .status();
          if (status.ok()) ++sent_;
          if (ErrorReason(status) == "SEND_LIMIT") ++refused_;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  Meeting meeting_;
  std::atomic<int> sent_{0};
  std::atomic<int> refused_{0};
};

thread_local bool SendersAtOnceTest::Meeting::takes_part = false;

TEST_F(SendersAtOnceTest, OfAThousandNumbersAtTwoReplicasTheBudgetLeaves) {
  // Each replica draws another salt, and no salt is in the store yet.
  const Sender one(StandardPolicy(), 1);
  const Sender two(StandardPolicy(), 2);
  SendAll({&one, &two}, [](int i) { return Number(1, i); });
  EXPECT_EQ(sent_, 20);
  EXPECT_EQ(refused_, 980);
}

TEST_F(SendersAtOnceTest, OfAThousandPrefixesTheBudgetInAllLeaves) {
  SendPolicy policy = OpenPolicy();
  policy.all_per_hour = 300;
  const Sender sender(policy);
  SendAll({&sender}, [](int i) { return Number(i, 1); });
  EXPECT_EQ(sent_, 300);
  EXPECT_EQ(refused_, 700);
}

TEST_F(SendLimitsTest, ARefusedSendCountsNothing) {
  const Sender sender(StandardPolicy());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
  for (int i = 0; i < 50; ++i) ASSERT_FALSE(Send(sender, Number(1, 1)).ok());
  v1::ListSendLimitsRequest request = RequestFor(Number(1, 1), "acme");
  request.set_client_id(Caller::Server().client_id());
  const auto limits = List(sender, request);
  ASSERT_EQ(limits.size(), 6u);
  for (const v1::SendLimit& limit : limits) {
    for (const v1::SendBudget& budget : limit.budgets()) {
      EXPECT_EQ(budget.used(), 5u) << limit.DebugString();
    }
    if (limit.has_conversion()) {
      EXPECT_EQ(limit.conversion().sent(), 5u);
    }
  }
}

// Takes a refusal for an answer, as an engine does that hides it.
class SilentSender {
 public:
  explicit SilentSender(const Sender& sender) : sender_(sender) {}

  absl::Status Send(Plan& plan, const v1::ListSendLimitsRequest& request,
                    v1::ListSendLimitsResponse& response) const {
    (void)sender_.Send(plan, request, response);
    return absl::OkStatus();
  }

 private:
  const Sender& sender_;
};

TEST_F(SendLimitsTest, ARefusedSendAddsNothingToThePlan) {
  const Sender sender(StandardPolicy());
  const SilentSender silent(sender);
  const v1::ListSendLimitsRequest request = RequestFor(Number(1, 1), "acme");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(harness_.Call(silent, &SilentSender::Send, request).ok());
  }
  for (const v1::SendLimit& limit : List(sender, request)) {
    for (const v1::SendBudget& budget : limit.budgets()) {
      EXPECT_EQ(budget.used(), 5u) << limit.DebugString();
    }
  }
}

TEST_F(SendLimitsTest, LimitsSurviveARestart) {
  {
    const Sender sender(StandardPolicy(), 1);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
  }
  const Sender sender(StandardPolicy(), 2);
  EXPECT_EQ(ErrorReason(Send(sender, Number(1, 1))), "SEND_LIMIT");
  EXPECT_TRUE(Send(sender, Number(1, 2)).ok());
}

TEST_F(SendLimitsTest, SendsToAllowedRegionsAlone) {
  SendPolicy policy;
  const Sender none(policy);
  EXPECT_EQ(ErrorReason(Send(none, Number(1, 1))), "REGION_NOT_ALLOWED");
  policy.allowed_regions = {"AT", "CH"};
  const Sender others(policy);
  const absl::Status status = Send(others, Number(1, 1));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(status), "REGION_NOT_ALLOWED");
  EXPECT_TRUE(absl::StrContains(status.message(), "DE")) << status;
  policy.allowed_regions.insert("DE");
  EXPECT_TRUE(Send(Sender(policy), Number(1, 1)).ok());

  harness_.ActAs({v1::SCOPE_VERIFY});
  EXPECT_EQ(Send(others, Number(1, 1)).message(),
            "messages to this number are not allowed");
}

TEST_F(SendLimitsTest, TheAuditLogTellsOfRefusals) {
  const Sender sender(StandardPolicy());
  for (int i = 0; i < 6; ++i) (void)Send(sender, Number(1, 1));
  (void)Send(Sender(SendPolicy()), Number(1, 1));
  const auto events = harness_.AuditEvents();
  ASSERT_EQ(events.size(), 7u);
  EXPECT_EQ(events[4].result(), uint32_t{v1::AUDIT_RESULT_DONE});
  EXPECT_EQ(events[5].result(), uint32_t{v1::AUDIT_RESULT_REFUSED});
  EXPECT_EQ(events[5].reason(), "SEND_LIMIT");
  EXPECT_EQ(events[6].reason(), "REGION_NOT_ALLOWED");
}

TEST_F(SendLimitsTest, TellsWhichLimitOnlyToWhoMayKnow) {
  const Sender sender(StandardPolicy());
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
  harness_.clock().Advance(absl::Seconds(1));

  for (const v1::Scope scope : {v1::SCOPE_ENROLL, v1::SCOPE_ADMIN}) {
    harness_.ActAs({scope, v1::SCOPE_VERIFY});
    const absl::Status told = Send(sender, Number(1, 1));
    EXPECT_EQ(RetryDelay(told), absl::Seconds(624));
    EXPECT_TRUE(absl::StrContains(told.message(),
                                  "the limit of 5 messages to this number in "
                                  "10m is used up until 2023-11-14T22:24:10Z"))
        << told;
  }
  harness_.ActAs({v1::SCOPE_VERIFY});
  const absl::Status untold = Send(sender, Number(1, 1));
  EXPECT_EQ(untold.message(), "try again later");
  EXPECT_EQ(ErrorReason(untold), "SEND_LIMIT");
  EXPECT_EQ(RetryDelay(untold), absl::Minutes(11));
}

TEST_F(SendLimitsTest, NamesTheLimitThatHoldsForLongest) {
  SendPolicy policy = StandardPolicy();
  policy.number_per_day = 5;
  const Sender sender(policy);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
  EXPECT_EQ(RetryDelay(Send(sender, Number(1, 1))), kDayFree);
}

TEST_F(SendLimitsTest, NoNumberStandsInTheStore) {
  const Sender sender(StandardPolicy());
  const std::string number = "+4915112345678";
  ASSERT_TRUE(Send(sender, number).ok());
  Verify(sender, number);
  v1::ResetSendLimitRequest reset;
  reset.set_subject(v1::SEND_SUBJECT_ACCOUNT);
  reset.set_account_id("acme");
  ASSERT_TRUE(Reset(sender, reset).ok());
  const auto entries = harness_.RawRecords();
  EXPECT_GE(entries.size(), 6u);
  for (const std::string& text :
       {number, MakeDestination(number, "DE").prefix}) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(), digest);
    const std::string hash = absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(digest), 8));
    for (const storage::Entry& entry : entries) {
      EXPECT_FALSE(absl::StrContains(entry.key, text.substr(1))) << entry.key;
      EXPECT_FALSE(absl::StrContains(entry.record.value, text.substr(1)))
          << entry.key;
      // Nor a hash that anybody could make.
      EXPECT_FALSE(absl::StrContains(entry.key, hash)) << entry.key;
    }
  }
}

TEST_F(SendLimitsTest, RecordsStaySmallAndExpire) {
  SendPolicy policy = OpenPolicy();
  policy.breaker = SendPolicy().breaker;
  const Sender sender(policy);
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(Send(sender, Number(1, 1)).ok());
    Verify(sender, Number(1, 1));
    harness_.clock().Advance(absl::Minutes(2));
  }
  const auto kept = harness_.RawRecords("l/");
  EXPECT_EQ(kept.size(), 6u);
  for (const storage::Entry& entry : kept) {
    EXPECT_LT(entry.record.value.size(), 1'000u) << entry.key;
  }
  harness_.clock().Advance(absl::Hours(25));
  EXPECT_EQ(harness_.RawRecords("l/").size(), 2u);
  harness_.clock().Advance(absl::Hours(30 * 24));
  EXPECT_EQ(harness_.RawRecords("l/").size(), 0u);
}

}  // namespace
}  // namespace cofactor::services
