#ifndef COFACTOR_SERVICES_TELEMETRY_METRICS_H_
#define COFACTOR_SERVICES_TELEMETRY_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/metric_family.h"
#include "prometheus/registry.h"
#include "services/telemetry/histogram.h"
#include "storage/commit_observer.h"

namespace cofactor::services {

// The names of these enumerations in the metrics are in metrics.cc; dashboards
// of operators use them, so they are never changed.

// How a verification ended.
enum class VerdictResult {
  kVerified,
  kWrongCode,
  kReplayed,
  kNoEnrollment,
  kAmbiguous,
  kLocked,
  kBudgetExhausted,
  kDenied,
  kError,
};
inline constexpr size_t kVerdictResults = 9;

// Whose budget of wrong codes is used up.
enum class Budget { kMember, kAccount };
inline constexpr size_t kBudgets = 2;

// Why a caller was not let in.
enum class AuthenticationFailure {
  kMissing,
  kBad,
  kScope,
  kAccount,
};
inline constexpr size_t kAuthenticationFailures = 4;

// A method of the API: "cofactor.v1.AuthService" and "VerifyCode".
struct MethodName {
  std::string service;
  std::string method;
};

// Counts the calls of one method. Thread-safe, waits for nobody.
class MethodMetrics {
 public:
  // A call has arrived.
  void Started() { started_.Increment(); }

  // A call that was counted by Started is answered. A code that is none of
  // gRPC's 17 counts as Unknown. duration: since Started.
  void Handled(absl::StatusCode code, absl::Duration duration);

 private:
  friend class Metrics;

  static constexpr size_t kCodes = 17;

  MethodMetrics(MethodName name, prometheus::Counter& started,
                std::array<prometheus::Counter*, kCodes> handled);

  const MethodName name_;
  prometheus::Counter& started_;
  // By gRPC's numbers of the codes.
  const std::array<prometheus::Counter*, kCodes> handled_;
  Histogram seconds_;
};

// Counts what one kind of factor decides. Thread-safe, waits for nobody.
class FactorMetrics {
 public:
  void Decided(VerdictResult result) {
    verdicts_[static_cast<size_t>(result)]->Increment();
  }

  // An enrollment was locked after wrong codes.
  void Locked() { locks_.Increment(); }

 private:
  friend class Metrics;

  FactorMetrics(std::array<prometheus::Counter*, kVerdictResults> verdicts,
                prometheus::Counter& locks)
      : verdicts_(verdicts), locks_(locks) {}

  const std::array<prometheus::Counter*, kVerdictResults> verdicts_;
  prometheus::Counter& locks_;
};

// All metrics of the server; docs/monitoring.md lists them. Thread-safe.
//
// Every counter is made by the constructor, and nothing that a caller sends
// becomes a label: an unknown method or factor counts as "other", so that
// nobody can make this grow.
class Metrics final : public storage::CommitObserver {
 public:
  // methods: those that ForMethod numbers. factors: the kinds of factors.
  Metrics(std::vector<MethodName> methods, std::vector<std::string> factors);

  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // Handles live as long as this. Look one up once, where that is possible.

  // By the place in what the constructor was given; "other" for a place behind
  // the last.
  MethodMetrics& ForMethod(size_t index);
  // By the path that gRPC knows it by: "/cofactor.v1.AuthService/VerifyCode".
  MethodMetrics& ForPath(absl::string_view path);
  FactorMetrics& ForFactor(absl::string_view factor);

  // A verification was refused without a try, for a budget was used up.
  void BudgetExhausted(Budget budget);
  void AuthenticationFailed(AuthenticationFailure reason);
  // A connection was closed at once, for there were too many.
  void ConnectionRefused() { connections_refused_->Increment(); }
  // A call was answered RESOURCE_EXHAUSTED, for too many waited.
  void CallShed() { calls_shed_->Increment(); }
  // The machine's clock went back.
  void ClockSetBack() { clock_set_back_->Increment(); }
  void BatchCommitted(size_t transactions, absl::Duration sync_time) override;

  // What is asked for at each scrape. A metric without a source is left out. A
  // source must be thread-safe and quick, and not call a Set of this. Once a
  // Set returns, what it replaced does not run and is never called again: set
  // nullptr before what a source reads is destroyed.
  void SetQueueDepthSource(std::function<double()> source);
  void SetConnectionsOpenSource(std::function<double()> source);
  // Streams of OpenDeviceChannel and of WatchChallenge.
  void SetDeviceChannelsOpenSource(std::function<double()> source);
  void SetChallengeWatchersOpenSource(std::function<double()> source);
  void SetStoreHealthySource(std::function<bool()> source);
  void SetAuditSequenceSource(std::function<double()> source);
  // The records that the key rotation under way has sealed anew.
  void SetKeyRotationResealedSource(std::function<double()> source);
  // A total: it must not go down.
  void SetLogLinesLostSource(std::function<double()> source);

  // All of it in the text format of Prometheus, version 0.0.4.
  std::string Serialize() const;

 private:
  enum Polled {
    kQueueDepth,
    kConnectionsOpen,
    kDeviceChannelsOpen,
    kChallengeWatchersOpen,
    kStoreHealthy,
    kAuditSequence,
    kKeyRotationResealed,
    kLogLinesLost,
    kPolledCount,
  };

  void AddMethods(std::vector<MethodName> methods);
  void AddFactors(std::vector<std::string> factors);
  void SetSource(Polled which, std::function<double()> source);
  void AppendHistograms(std::vector<prometheus::MetricFamily>& families) const;
  void AppendPolled(std::vector<prometheus::MetricFamily>& families) const;

  // Owns the counters.
  prometheus::Registry registry_;
  // The last ones count what is "other".
  std::vector<std::unique_ptr<MethodMetrics>> methods_;
  std::vector<std::unique_ptr<FactorMetrics>> factors_;
  absl::flat_hash_map<std::string, MethodMetrics*> by_path_;
  absl::flat_hash_map<std::string, FactorMetrics*> by_factor_;
  std::array<prometheus::Counter*, kBudgets> budgets_exhausted_;
  std::array<prometheus::Counter*, kAuthenticationFailures>
      authentication_failures_;
  prometheus::Counter* connections_refused_;
  prometheus::Counter* calls_shed_;
  prometheus::Counter* clock_set_back_;
  Histogram batch_size_;
  Histogram sync_seconds_;

  // Held while sources run, which makes a Set wait for them.
  mutable Mutex mutex_;
  std::array<std::function<double()>, kPolledCount> sources_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_METRICS_H_
