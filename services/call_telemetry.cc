#include "services/call_telemetry.h"

#include <optional>
#include <string>

#include "base/errors.h"
#include "cofactor/v1/audit.pb.h"
#include "cofactor/v1/auth_service.pb.h"

namespace cofactor::services {
namespace {

std::optional<AuthenticationFailure> FailureOf(const std::string& reason) {
  if (reason == "NO_CREDENTIALS") return AuthenticationFailure::kMissing;
  if (reason == "BAD_CREDENTIALS") return AuthenticationFailure::kBad;
  if (reason == "SCOPE_MISSING") return AuthenticationFailure::kScope;
  if (reason == "ACCOUNT_NOT_ALLOWED") return AuthenticationFailure::kAccount;
  return std::nullopt;
}

VerdictResult ResultOf(const record::v1::AuditRecord& event) {
  if (event.result() == v1::AUDIT_RESULT_VERIFIED) {
    return VerdictResult::kVerified;
  }
  v1::VerificationReason reason = v1::VERIFICATION_REASON_UNSPECIFIED;
  v1::VerificationReason_Parse(event.reason(), &reason);
  switch (reason) {
    case v1::VERIFICATION_REASON_WRONG_CODE:
      return VerdictResult::kWrongCode;
    case v1::VERIFICATION_REASON_REPLAYED:
      return VerdictResult::kReplayed;
    case v1::VERIFICATION_REASON_AMBIGUOUS:
      return VerdictResult::kAmbiguous;
    case v1::VERIFICATION_REASON_NO_ENROLLMENT:
      return VerdictResult::kNoEnrollment;
    case v1::VERIFICATION_REASON_DENIED:
    case v1::VERIFICATION_REASON_REPORTED:
      return VerdictResult::kDenied;
    default:
      break;
  }
  if (event.reason() == "LOCKED") return VerdictResult::kLocked;
  if (event.reason() == "BUDGET_EXHAUSTED") {
    return VerdictResult::kBudgetExhausted;
  }
  return VerdictResult::kError;
}

// Whether the event tells of a response that somebody gave.
bool IsVerdict(const record::v1::AuditRecord& event) {
  return event.result() == v1::AUDIT_RESULT_VERIFIED ||
         event.result() == v1::AUDIT_RESULT_NOT_VERIFIED ||
         (event.result() == v1::AUDIT_RESULT_REFUSED &&
          (event.action() == "Verify" || event.action() == "VerifyChallenge" ||
           event.action() == "ConfirmEnrollment"));
}

LogLevel LevelOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnknown:
      return LogLevel::kError;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return LogLevel::kWarning;
    default:
      return LogLevel::kInfo;
  }
}

}  // namespace

void CallTelemetry::Refused(const absl::Status& why) {
  if (const auto failure = FailureOf(ErrorReason(why))) {
    metrics_.AuthenticationFailed(*failure);
  }
}

void CallTelemetry::Ended(const MethodAccess& method, const Caller* caller,
                          const std::string& peer, const absl::Status& status,
                          absl::Duration duration) {
  metrics_.ForMethod(method.index).Handled(status.code(), duration);
  if (status.ok() && !log_all_calls_) return;
  // The reason, not the message: a message may quote what the caller sent.
  log_.Write(LevelOf(status), "call",
             {{"method", method.method},
              {"code", absl::StatusCodeToString(status.code())},
              {"reason", ErrorReason(status)},
              {"client", caller == nullptr ? "" : caller->client_id()},
              {"peer", peer},
              {"trace_id", caller == nullptr ? "" : caller->trace_id},
              {"duration_us", absl::ToInt64Microseconds(duration)}});
}

void CallTelemetry::Decided(const record::v1::AuditRecord& event) {
  if (!IsVerdict(event)) return;
  FactorMetrics& factor = metrics_.ForFactor(event.factor_type());
  factor.Decided(ResultOf(event));
  if (event.lock_began()) factor.Locked();
  if (event.reason() == "BUDGET_EXHAUSTED") {
    metrics_.BudgetExhausted(event.member_id().empty() ? Budget::kAccount
                                                       : Budget::kMember);
  }
}

}  // namespace cofactor::services
