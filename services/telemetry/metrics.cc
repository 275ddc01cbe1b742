#include "services/telemetry/metrics.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "prometheus/family.h"
#include "prometheus/metric_type.h"
#include "prometheus/text_serializer.h"

namespace cofactor::services {
namespace {

constexpr char kOther[] = "other";

// As go-grpc-prometheus names them, which the dashboards for gRPC know.
constexpr std::array<const char*, 17> kCodeNames = {
    "OK",
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
    "Unauthenticated",
};

constexpr std::array<const char*, kVerdictResults> kResultNames = {
    "verified", "wrong_code",       "replayed", "no_enrollment", "ambiguous",
    "locked",   "budget_exhausted", "denied",   "error",
};

constexpr std::array<const char*, kBudgets> kBudgetNames = {"member",
                                                            "account"};

constexpr std::array<const char*, kAuthenticationFailures> kFailureNames = {
    "missing",
    "bad",
    "scope",
    "account",
};

constexpr double kNanosPerSecond = 1e9;

// From 100 us to 10 s.
std::vector<int64_t> CallBounds() {
  return {100'000,       250'000,       500'000,       1'000'000,
          2'500'000,     5'000'000,     10'000'000,    25'000'000,
          50'000'000,    100'000'000,   250'000'000,   500'000'000,
          1'000'000'000, 2'500'000'000, 5'000'000'000, 10'000'000'000};
}

// From 50 us, of a disk with a cache that outlives the power, to 1 s, of one
// that is about to fail.
std::vector<int64_t> SyncBounds() {
  return {50'000,      100'000,     250'000,     500'000,      1'000'000,
          2'500'000,   5'000'000,   10'000'000,  25'000'000,   50'000'000,
          100'000'000, 250'000'000, 500'000'000, 1'000'000'000};
}

std::vector<int64_t> BatchBounds() {
  return {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096};
}

prometheus::Family<prometheus::Counter>& AddFamily(
    prometheus::Registry& registry, const std::string& name,
    const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

// A counter for each value of one label.
template <size_t kSize>
std::array<prometheus::Counter*, kSize> AddEach(
    prometheus::Family<prometheus::Counter>& family, const std::string& label,
    const std::array<const char*, kSize>& values,
    const prometheus::Labels& labels = {}) {
  std::array<prometheus::Counter*, kSize> counters;
  for (size_t i = 0; i < kSize; ++i) {
    prometheus::Labels all = labels;
    all[label] = values[i];
    counters[i] = &family.Add(all);
  }
  return counters;
}

prometheus::Labels LabelsOf(const MethodName& name) {
  return {{"grpc_type", "unary"},
          {"grpc_service", name.service},
          {"grpc_method", name.method}};
}

prometheus::ClientMetric HistogramMetric(const Histogram& histogram) {
  prometheus::ClientMetric metric;
  metric.histogram = histogram.Collect();
  return metric;
}

struct PolledInfo {
  const char* name;
  const char* help;
  prometheus::MetricType type;
};

// In the order of Metrics::Polled.
constexpr PolledInfo kPolled[] = {
    {"cofactor_calls_waiting", "Calls that wait for a thread.",
     prometheus::MetricType::Gauge},
    {"cofactor_connections_open", "Connections of clients.",
     prometheus::MetricType::Gauge},
    {"cofactor_device_channels_open", "Devices that are connected.",
     prometheus::MetricType::Gauge},
    {"cofactor_challenge_watchers_open", "Streams of WatchChallenge.",
     prometheus::MetricType::Gauge},
    {"cofactor_store_healthy",
     "1, or 0 once the store has failed and the server must be restarted.",
     prometheus::MetricType::Gauge},
    {"cofactor_audit_sequence", "Number of the newest audit event.",
     prometheus::MetricType::Gauge},
    {"cofactor_key_rotation_resealed",
     "Records that the key rotation under way has sealed anew.",
     prometheus::MetricType::Gauge},
    {"cofactor_log_lines_lost_total",
     "Lines of the log that were dropped because it was written too slowly.",
     prometheus::MetricType::Counter},
};

}  // namespace

MethodMetrics::MethodMetrics(MethodName name, prometheus::Counter& started,
                             std::array<prometheus::Counter*, kCodes> handled)
    : name_(std::move(name)),
      started_(started),
      handled_(handled),
      seconds_(CallBounds(), kNanosPerSecond) {}

void MethodMetrics::Handled(absl::StatusCode code, absl::Duration duration) {
  const size_t number = static_cast<size_t>(code);
  constexpr size_t kUnknown = static_cast<size_t>(absl::StatusCode::kUnknown);
  handled_[number < kCodes ? number : kUnknown]->Increment();
  seconds_.Observe(absl::ToInt64Nanoseconds(duration));
}

Metrics::Metrics(std::vector<MethodName> methods,
                 std::vector<std::string> factors)
    : budgets_exhausted_(AddEach(
          AddFamily(registry_, "cofactor_budget_exhausted_total",
                    "Verifications refused for a budget that is used up."),
          "budget", kBudgetNames)),
      authentication_failures_(
          AddEach(AddFamily(registry_, "cofactor_authentication_failures_total",
                            "Calls refused because of who makes them."),
                  "reason", kFailureNames)),
      connections_refused_(
          &AddFamily(registry_, "cofactor_connections_refused_total",
                     "Connections closed at once, for there were too many.")
               .Add({})),
      calls_shed_(&AddFamily(registry_, "cofactor_calls_shed_total",
                             "Calls refused because too many waited.")
                       .Add({})),
      clock_set_back_(&AddFamily(registry_, "cofactor_clock_set_back_total",
                                 "Times that the clock went back.")
                           .Add({})),
      batch_size_(BatchBounds(), 1),
      sync_seconds_(SyncBounds(), kNanosPerSecond) {
  static_assert(std::size(kPolled) == kPolledCount);
  AddMethods(std::move(methods));
  AddFactors(std::move(factors));
}

void Metrics::AddMethods(std::vector<MethodName> methods) {
  auto& started = AddFamily(registry_, "grpc_server_started_total",
                            "Calls that have arrived.");
  auto& handled = AddFamily(registry_, "grpc_server_handled_total",
                            "Calls that were answered, by code.");
  methods.push_back({kOther, kOther});
  for (MethodName& name : methods) {
    const prometheus::Labels labels = LabelsOf(name);
    const std::string path = absl::StrCat("/", name.service, "/", name.method);
    methods_.push_back(std::unique_ptr<MethodMetrics>(
        new MethodMetrics(std::move(name), started.Add(labels),
                          AddEach(handled, "grpc_code", kCodeNames, labels))));
    by_path_.emplace(path, methods_.back().get());
  }
}

void Metrics::AddFactors(std::vector<std::string> factors) {
  auto& verdicts =
      AddFamily(registry_, "cofactor_verdicts_total", "Codes decided on.");
  auto& locks = AddFamily(registry_, "cofactor_locks_total",
                          "Enrollments locked after wrong codes.");
  factors.push_back(kOther);
  for (const std::string& factor : factors) {
    const prometheus::Labels labels = {{"factor", factor}};
    factors_.push_back(std::unique_ptr<FactorMetrics>(new FactorMetrics(
        AddEach(verdicts, "result", kResultNames, labels), locks.Add(labels))));
    by_factor_.emplace(factor, factors_.back().get());
  }
}

MethodMetrics& Metrics::ForMethod(size_t index) {
  return index < methods_.size() ? *methods_[index] : *methods_.back();
}

MethodMetrics& Metrics::ForPath(absl::string_view path) {
  const auto found = by_path_.find(path);
  return found == by_path_.end() ? *methods_.back() : *found->second;
}

FactorMetrics& Metrics::ForFactor(absl::string_view factor) {
  const auto found = by_factor_.find(factor);
  return found == by_factor_.end() ? *factors_.back() : *found->second;
}

void Metrics::BudgetExhausted(Budget budget) {
  budgets_exhausted_[static_cast<size_t>(budget)]->Increment();
}

void Metrics::AuthenticationFailed(AuthenticationFailure reason) {
  authentication_failures_[static_cast<size_t>(reason)]->Increment();
}

void Metrics::BatchCommitted(size_t transactions, absl::Duration sync_time) {
  batch_size_.Observe(static_cast<int64_t>(transactions));
  sync_seconds_.Observe(absl::ToInt64Nanoseconds(sync_time));
}

void Metrics::SetSource(Polled which, std::function<double()> source) {
  MutexLock lock(mutex_);
  sources_[which] = std::move(source);
}

void Metrics::SetQueueDepthSource(std::function<double()> source) {
  SetSource(kQueueDepth, std::move(source));
}

void Metrics::SetConnectionsOpenSource(std::function<double()> source) {
  SetSource(kConnectionsOpen, std::move(source));
}

void Metrics::SetDeviceChannelsOpenSource(std::function<double()> source) {
  SetSource(kDeviceChannelsOpen, std::move(source));
}

void Metrics::SetChallengeWatchersOpenSource(std::function<double()> source) {
  SetSource(kChallengeWatchersOpen, std::move(source));
}

void Metrics::SetStoreHealthySource(std::function<bool()> source) {
  if (source == nullptr) return SetSource(kStoreHealthy, nullptr);
  SetSource(kStoreHealthy,
            [source = std::move(source)] { return source() ? 1.0 : 0.0; });
}

void Metrics::SetAuditSequenceSource(std::function<double()> source) {
  SetSource(kAuditSequence, std::move(source));
}

void Metrics::SetKeyRotationResealedSource(std::function<double()> source) {
  SetSource(kKeyRotationResealed, std::move(source));
}

void Metrics::SetLogLinesLostSource(std::function<double()> source) {
  SetSource(kLogLinesLost, std::move(source));
}

void Metrics::AppendHistograms(
    std::vector<prometheus::MetricFamily>& families) const {
  prometheus::MetricFamily handling{"grpc_server_handling_seconds",
                                    "Time from a call's arrival to its answer.",
                                    prometheus::MetricType::Histogram,
                                    {}};
  for (const auto& method : methods_) {
    prometheus::ClientMetric metric = HistogramMetric(method->seconds_);
    for (const auto& [name, value] : LabelsOf(method->name_)) {
      metric.label.push_back({name, value});
    }
    handling.metric.push_back(std::move(metric));
  }
  families.push_back(std::move(handling));
  families.push_back({"cofactor_commit_batch_size",
                      "Transactions that one sync brought to the disk.",
                      prometheus::MetricType::Histogram,
                      {HistogramMetric(batch_size_)}});
  families.push_back({"cofactor_commit_sync_seconds",
                      "Time to write and sync a batch of transactions.",
                      prometheus::MetricType::Histogram,
                      {HistogramMetric(sync_seconds_)}});
}

void Metrics::AppendPolled(
    std::vector<prometheus::MetricFamily>& families) const {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < kPolledCount; ++i) {
    if (sources_[i] == nullptr) continue;
    prometheus::ClientMetric metric;
    const double value = sources_[i]();
    if (kPolled[i].type == prometheus::MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    families.push_back(
        {kPolled[i].name, kPolled[i].help, kPolled[i].type, {metric}});
  }
}

std::string Metrics::Serialize() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  AppendHistograms(families);
  AppendPolled(families);
  const prometheus::TextSerializer serializer;
  return static_cast<const prometheus::Serializer&>(serializer)
      .Serialize(families);
}

}  // namespace cofactor::services
