#include "services/telemetry/metrics.h"

#include <atomic>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

// What a scrape gives, read by the rules of the text format.
struct Scrape {
  // "name{labels}" as written, to its value.
  std::map<std::string, double> series;
  std::map<std::string, std::string> types;
};

Scrape Parse(const std::string& text) {
  Scrape scrape;
  std::string family;
  EXPECT_TRUE(absl::EndsWith(text, "\n"));
  for (const absl::string_view line :
       absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (absl::StartsWith(line, "# HELP ")) continue;
    if (absl::StartsWith(line, "# TYPE ")) {
      family = words[2];
      EXPECT_TRUE(scrape.types.emplace(family, words[3]).second) << line;
      continue;
    }
    EXPECT_TRUE(absl::StartsWith(line, family)) << line;
    double value = 0;
    EXPECT_EQ(words.size(), 2u) << line;
    EXPECT_TRUE(absl::SimpleAtod(words[1], &value)) << line;
    EXPECT_TRUE(scrape.series.emplace(words[0], value).second) << line;
  }
  return scrape;
}

constexpr char kVerify[] =
    R"({grpc_method="VerifyCode",grpc_service="cofactor.v1.AuthService",grpc_type="unary"})";
constexpr char kOtherMethod[] =
    R"({grpc_method="other",grpc_service="other",grpc_type="unary"})";

class MetricsTest : public testing::Test {
 protected:
  Scrape Read() const { return Parse(metrics_.Serialize()); }

  double Value(const std::string& series) const {
    const Scrape scrape = Read();
    const auto found = scrape.series.find(series);
    if (found == scrape.series.end()) {
      ADD_FAILURE() << series << " is missing";
      return -1;
    }
    return found->second;
  }

  // The sum over all series of a metric.
  double Sum(const std::string& name) const {
    double sum = 0;
    for (const auto& [series, value] : Read().series) {
      if (series == name || absl::StartsWith(series, name + "{")) sum += value;
    }
    return sum;
  }

  Metrics metrics_{{{"cofactor.v1.AccountService", "GetAccount"},
                    {"cofactor.v1.AuthService", "VerifyCode"}},
                   {"totp", "sms"}};
};

TEST_F(MetricsTest, CountsCallsByMethodAndCode) {
  MethodMetrics& method = metrics_.ForMethod(1);
  method.Started();
  method.Started();
  method.Handled(absl::StatusCode::kOk, absl::Microseconds(300));
  EXPECT_EQ(Value(absl::StrCat("grpc_server_started_total", kVerify)), 2);
  EXPECT_EQ(Value("grpc_server_handled_total{grpc_code=\"OK\",grpc_method="
                  "\"VerifyCode\",grpc_service=\"cofactor.v1.AuthService\","
                  "grpc_type=\"unary\"}"),
            1);
  EXPECT_EQ(Sum("grpc_server_started_total"), 2);
  EXPECT_EQ(Sum("grpc_server_handled_total"), 1);
}

TEST_F(MetricsTest, NamesTheCodesAsTheEcosystemDoes) {
  const std::vector<std::string> names = {"OK",
                                          "Canceled",
                                          "Unknown",
                                          "InvalidArgument",
                                          "DeadlineExceeded",
                                          "NotFound",
                                          "AlreadyExists",
                                          "PermissionDenied",
                                          "ResourceExhausted",
                                          "FailedPrecondition",
                                          "Aborted",
                                          "OutOfRange",
                                          "Unimplemented",
                                          "Internal",
                                          "Unavailable",
                                          "DataLoss",
                                          "Unauthenticated"};
  for (size_t code = 0; code < names.size(); ++code) {
    for (size_t times = 0; times <= code; ++times) {
      metrics_.ForMethod(1).Handled(static_cast<absl::StatusCode>(code), {});
    }
  }
  for (size_t code = 0; code < names.size(); ++code) {
    EXPECT_EQ(Value(absl::StrCat(
                  "grpc_server_handled_total{grpc_code=\"", names[code],
                  "\",grpc_method=\"VerifyCode\",grpc_service=\"cofactor.v1."
                  "AuthService\",grpc_type=\"unary\"}")),
              code + 1);
  }
}

TEST_F(MetricsTest, CountsACodeThatIsNoneAsUnknown) {
  metrics_.ForMethod(1).Handled(static_cast<absl::StatusCode>(17), {});
  metrics_.ForMethod(1).Handled(static_cast<absl::StatusCode>(-1), {});
  EXPECT_EQ(Value("grpc_server_handled_total{grpc_code=\"Unknown\",grpc_method="
                  "\"VerifyCode\",grpc_service=\"cofactor.v1.AuthService\","
                  "grpc_type=\"unary\"}"),
            2);
}

TEST_F(MetricsTest, FindsAMethodByItsPath) {
  EXPECT_EQ(&metrics_.ForPath("/cofactor.v1.AuthService/VerifyCode"),
            &metrics_.ForMethod(1));
  EXPECT_EQ(&metrics_.ForPath("/cofactor.v1.AccountService/GetAccount"),
            &metrics_.ForMethod(0));
}

TEST_F(MetricsTest, CountsWhatCallersInventAsOther) {
  const size_t series = Read().series.size();
  for (const std::string path :
       {"/a/b", "", "/", "cofactor.v1.AuthService/VerifyCode",
        "/cofactor.v1.AuthService/VerifyCode\"} 1\nforged 1", "/\xff/\n"}) {
    metrics_.ForPath(path).Started();
  }
  metrics_.ForMethod(2).Started();
  metrics_.ForMethod(999).Started();
  for (const std::string factor : {"", "TOTP", "x\"} 1\nforged 1"}) {
    metrics_.ForFactor(factor).Decided(VerdictResult::kError);
    metrics_.ForFactor(factor).Locked();
  }
  EXPECT_EQ(Value(absl::StrCat("grpc_server_started_total", kOtherMethod)), 8);
  EXPECT_EQ(Value("cofactor_verdicts_total{factor=\"other\",result=\"error\"}"),
            3);
  EXPECT_EQ(Value("cofactor_locks_total{factor=\"other\"}"), 3);
  EXPECT_EQ(Read().series.size(), series);
  EXPECT_FALSE(absl::StrContains(metrics_.Serialize(), "forged"));
}

TEST_F(MetricsTest, PutsATimeInTheBucketThatItFits) {
  MethodMetrics& method = metrics_.ForMethod(1);
  method.Handled(absl::StatusCode::kOk, absl::Microseconds(100));
  method.Handled(absl::StatusCode::kOk, absl::Nanoseconds(100'001));
  method.Handled(absl::StatusCode::kOk, absl::Seconds(10));
  method.Handled(absl::StatusCode::kOk, absl::Seconds(11));
  method.Handled(absl::StatusCode::kOk, -absl::Seconds(1));
  const auto bucket = [this](const std::string& bound) {
    return Value(absl::StrCat(
        "grpc_server_handling_seconds_bucket{grpc_method=\"VerifyCode\",grpc_"
        "service=\"cofactor.v1.AuthService\",grpc_type=\"unary\",le=\"",
        bound, "\"}"));
  };
  EXPECT_EQ(bucket("0.0001"), 2);
  EXPECT_EQ(bucket("0.00025"), 3);
  EXPECT_EQ(bucket("5"), 3);
  EXPECT_EQ(bucket("10"), 4);
  EXPECT_EQ(bucket("+Inf"), 5);
  EXPECT_EQ(Value(absl::StrCat("grpc_server_handling_seconds_count", kVerify)),
            5);
  EXPECT_DOUBLE_EQ(
      Value(absl::StrCat("grpc_server_handling_seconds_sum", kVerify)),
      21.000200001);
}

TEST_F(MetricsTest, CountsVerdictsByFactorAndResult) {
  const std::vector<std::pair<VerdictResult, std::string>> results = {
      {VerdictResult::kVerified, "verified"},
      {VerdictResult::kWrongCode, "wrong_code"},
      {VerdictResult::kReplayed, "replayed"},
      {VerdictResult::kNoEnrollment, "no_enrollment"},
      {VerdictResult::kDenied, "denied"},
      {VerdictResult::kAmbiguous, "ambiguous"},
      {VerdictResult::kLocked, "locked"},
      {VerdictResult::kBudgetExhausted, "budget_exhausted"},
      {VerdictResult::kError, "error"}};
  ASSERT_EQ(results.size(), kVerdictResults);
  for (size_t i = 0; i < results.size(); ++i) {
    for (size_t times = 0; times <= i; ++times) {
      metrics_.ForFactor("sms").Decided(results[i].first);
    }
  }
  metrics_.ForFactor("totp").Locked();
  for (size_t i = 0; i < results.size(); ++i) {
    EXPECT_EQ(Value(absl::StrCat("cofactor_verdicts_total{factor=\"sms\","
                                 "result=\"",
                                 results[i].second, "\"}")),
              i + 1);
  }
  EXPECT_EQ(Value("cofactor_locks_total{factor=\"totp\"}"), 1);
  EXPECT_EQ(Value("cofactor_locks_total{factor=\"sms\"}"), 0);
}

TEST_F(MetricsTest, CountsEachEventUnderItsName) {
  const std::vector<std::pair<AuthenticationFailure, std::string>> reasons = {
      {AuthenticationFailure::kMissing, "missing"},
      {AuthenticationFailure::kBad, "bad"},
      {AuthenticationFailure::kScope, "scope"},
      {AuthenticationFailure::kAccount, "account"}};
  ASSERT_EQ(reasons.size(), kAuthenticationFailures);
  for (size_t i = 0; i < reasons.size(); ++i) {
    for (size_t times = 0; times <= i; ++times) {
      metrics_.AuthenticationFailed(reasons[i].first);
    }
  }
  for (size_t i = 0; i < reasons.size(); ++i) {
    EXPECT_EQ(
        Value(absl::StrCat("cofactor_authentication_failures_total{reason=\"",
                           reasons[i].second, "\"}")),
        i + 1);
  }
  metrics_.BudgetExhausted(Budget::kMember);
  metrics_.BudgetExhausted(Budget::kAccount);
  metrics_.BudgetExhausted(Budget::kAccount);
  EXPECT_EQ(Value("cofactor_budget_exhausted_total{budget=\"member\"}"), 1);
  EXPECT_EQ(Value("cofactor_budget_exhausted_total{budget=\"account\"}"), 2);
  metrics_.ConnectionRefused();
  EXPECT_EQ(Value("cofactor_connections_refused_total"), 1);
  EXPECT_EQ(Value("cofactor_calls_shed_total"), 0);
  metrics_.CallShed();
  EXPECT_EQ(Value("cofactor_calls_shed_total"), 1);
  EXPECT_EQ(Value("cofactor_clock_set_back_total"), 0);
  metrics_.ClockSetBack();
  EXPECT_EQ(Value("cofactor_clock_set_back_total"), 1);
}

TEST_F(MetricsTest, MeasuresCommits) {
  storage::CommitObserver& observer = metrics_;
  observer.BatchCommitted(3, absl::Milliseconds(2));
  observer.BatchCommitted(100, absl::Milliseconds(1));
  EXPECT_EQ(Value("cofactor_commit_batch_size_count"), 2);
  EXPECT_EQ(Value("cofactor_commit_batch_size_sum"), 103);
  EXPECT_EQ(Value("cofactor_commit_batch_size_bucket{le=\"4\"}"), 1);
  EXPECT_DOUBLE_EQ(Value("cofactor_commit_sync_seconds_sum"), 0.003);
  EXPECT_EQ(Value("cofactor_commit_sync_seconds_bucket{le=\"0.001\"}"), 1);
}

TEST_F(MetricsTest, AsksItsSourcesAtEachScrape) {
  double depth = 3;
  bool healthy = true;
  metrics_.SetQueueDepthSource([&] { return depth; });
  metrics_.SetStoreHealthySource([&] { return healthy; });
  metrics_.SetConnectionsOpenSource([] { return 4.0; });
  metrics_.SetDeviceChannelsOpenSource([] { return 8.0; });
  metrics_.SetChallengeWatchersOpenSource([] { return 9.0; });
  metrics_.SetAuditSequenceSource([] { return 9007199254740991.0; });
  metrics_.SetKeyRotationResealedSource([] { return 6.0; });
  metrics_.SetLogLinesLostSource([] { return 7.0; });
  EXPECT_EQ(Value("cofactor_calls_waiting"), 3);
  EXPECT_EQ(Value("cofactor_store_healthy"), 1);
  EXPECT_EQ(Value("cofactor_connections_open"), 4);
  EXPECT_EQ(Value("cofactor_device_channels_open"), 8);
  EXPECT_EQ(Value("cofactor_challenge_watchers_open"), 9);
  EXPECT_EQ(Value("cofactor_audit_sequence"), 9007199254740991.0);
  EXPECT_EQ(Value("cofactor_key_rotation_resealed"), 6);
  EXPECT_EQ(Value("cofactor_log_lines_lost_total"), 7);
  EXPECT_EQ(Read().types.at("cofactor_calls_waiting"), "gauge");
  EXPECT_EQ(Read().types.at("cofactor_log_lines_lost_total"), "counter");
  depth = 5;
  healthy = false;
  EXPECT_EQ(Value("cofactor_calls_waiting"), 5);
  EXPECT_EQ(Value("cofactor_store_healthy"), 0);
}

TEST_F(MetricsTest, LeavesOutWhatHasNoSource) {
  metrics_.SetStoreHealthySource([] { return true; });
  metrics_.SetStoreHealthySource(nullptr);
  EXPECT_EQ(Read().types.count("cofactor_store_healthy"), 0u);
  EXPECT_EQ(Read().types.count("cofactor_calls_waiting"), 0u);
}

// Else a source might read what is destroyed.
TEST_F(MetricsTest, CallsNoSourceOnceItIsReplaced) {
  std::atomic<bool> stop{false};
  std::thread scraper([&] {
    while (!stop) metrics_.Serialize();
  });
  for (int i = 0; i < 200; ++i) {
    std::atomic<int> running{0};
    std::atomic<int> ran{0};
    metrics_.SetQueueDepthSource([&] {
      ++running;
      ++ran;
      std::this_thread::yield();
      --running;
      return 1.0;
    });
    while (ran == 0) std::this_thread::yield();
    metrics_.SetQueueDepthSource(nullptr);
    EXPECT_EQ(running, 0);
  }
  stop = true;
  scraper.join();
}

TEST_F(MetricsTest, LosesNoCountAmongThreads) {
  constexpr int kThreads = 8;
  constexpr int kCalls = 5'000;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this] {
      for (int i = 0; i < kCalls; ++i) {
        MethodMetrics& method =
            metrics_.ForPath("/cofactor.v1.AuthService/VerifyCode");
        method.Started();
        metrics_.ForFactor("totp").Decided(VerdictResult::kVerified);
        metrics_.BatchCommitted(2, absl::Milliseconds(1));
        metrics_.CallShed();
        method.Handled(absl::StatusCode::kOk, absl::Milliseconds(2));
      }
    });
  }
  // Scrapes meanwhile are whole: no bucket holds more than the count.
  for (int i = 0; i < 20; ++i) {
    const Scrape scrape = Read();
    const std::string inf = "cofactor_commit_batch_size_bucket{le=\"+Inf\"}";
    EXPECT_EQ(scrape.series.at(inf),
              scrape.series.at("cofactor_commit_batch_size_count"));
    EXPECT_LE(scrape.series.at("cofactor_commit_batch_size_bucket{le=\"2\"}"),
              scrape.series.at(inf));
  }
  for (std::thread& thread : threads) thread.join();
  constexpr double kTotal = kThreads * kCalls;
  EXPECT_EQ(Value(absl::StrCat("grpc_server_started_total", kVerify)), kTotal);
  EXPECT_EQ(Sum("grpc_server_handled_total"), kTotal);
  EXPECT_EQ(Value(absl::StrCat("grpc_server_handling_seconds_count", kVerify)),
            kTotal);
  EXPECT_DOUBLE_EQ(
      Value(absl::StrCat("grpc_server_handling_seconds_sum", kVerify)),
      kTotal * 0.002);
  EXPECT_EQ(
      Value("cofactor_verdicts_total{factor=\"totp\",result=\"verified\"}"),
      kTotal);
  EXPECT_EQ(Value("cofactor_commit_batch_size_sum"), 2 * kTotal);
  EXPECT_EQ(Value("cofactor_calls_shed_total"), kTotal);
}

// docs/monitoring.md promises these to operators.
TEST_F(MetricsTest, ShowsEachMetricBeforeItsFirstEvent) {
  const Scrape scrape = Read();
  const std::map<std::string, std::string> expected = {
      {"cofactor_authentication_failures_total", "counter"},
      {"cofactor_budget_exhausted_total", "counter"},
      {"cofactor_calls_shed_total", "counter"},
      {"cofactor_clock_set_back_total", "counter"},
      {"cofactor_commit_batch_size", "histogram"},
      {"cofactor_commit_sync_seconds", "histogram"},
      {"cofactor_connections_refused_total", "counter"},
      {"cofactor_locks_total", "counter"},
      {"cofactor_verdicts_total", "counter"},
      {"grpc_server_handled_total", "counter"},
      {"grpc_server_handling_seconds", "histogram"},
      {"grpc_server_started_total", "counter"}};
  EXPECT_EQ(scrape.types, expected);
  for (const auto& [series, value] : scrape.series) {
    EXPECT_EQ(value, 0) << series;
  }
}

}  // namespace
}  // namespace cofactor::services
