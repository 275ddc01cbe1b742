#include "services/engine/send_limits_engine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/input.h"

namespace cofactor::services {
namespace {

// "DE", or "001" for the numbers of no country.
absl::Status CheckRegion(absl::string_view region) {
  const bool is_country =
      region.size() == 2 &&
      std::all_of(region.begin(), region.end(), absl::ascii_isupper);
  if (is_country || region == "001") return absl::OkStatus();
  return InvalidField("region", "want a country by ISO 3166, as DE");
}

}  // namespace

absl::StatusOr<Destination> SendLimitsEngine::Parse(
    absl::string_view phone_number, absl::string_view region) const {
  ASSIGN_OR_RETURN(
      const factors::sms::PhoneNumber number,
      phone_numbers_.Parse(phone_number, region, {"phone_number", "region"}));
  return MakeDestination(number.e164(), number.region());
}

absl::Status SendLimitsEngine::ListSendLimits(
    Plan& plan, const v1::ListSendLimitsRequest& request,
    v1::ListSendLimitsResponse& response) const {
  RETURN_IF_ERROR(CheckOptionalId("account_id", request.account_id()));
  RETURN_IF_ERROR(CheckOptionalId("client_id", request.client_id()));
  std::vector<SendLimitSubject> subjects;
  if (!request.phone_number().empty()) {
    ASSIGN_OR_RETURN(Destination to,
                     Parse(request.phone_number(), request.region()));
    subjects.push_back({v1::SEND_SUBJECT_NUMBER, std::move(to.e164)});
    subjects.push_back({v1::SEND_SUBJECT_PREFIX, std::move(to.prefix)});
    subjects.push_back({v1::SEND_SUBJECT_REGION, std::move(to.region)});
  } else if (!request.region().empty()) {
    RETURN_IF_ERROR(CheckRegion(request.region()));
    subjects.push_back({v1::SEND_SUBJECT_REGION, request.region()});
  }
  if (!request.client_id().empty()) {
    subjects.push_back({v1::SEND_SUBJECT_CLIENT, request.client_id()});
  }
  if (!request.account_id().empty()) {
    subjects.push_back({v1::SEND_SUBJECT_ACCOUNT, request.account_id()});
  }
  subjects.push_back({v1::SEND_SUBJECT_ALL, ""});
  for (const SendLimitSubject& subject : subjects) {
    // What others send shows in all limits but that of the account, which the
    // gate has looked at.
    if (plan.caller().LimitedToAccounts() &&
        subject.kind != v1::SEND_SUBJECT_ACCOUNT) {
      continue;
    }
    ASSIGN_OR_RETURN(*response.add_limits(), limits_.Describe(plan, subject));
  }
  return absl::OkStatus();
}

absl::StatusOr<SendLimitSubject> SendLimitsEngine::SubjectOf(
    const v1::ResetSendLimitRequest& request) const {
  const v1::SendSubject kind = request.subject();
  switch (kind) {
    case v1::SEND_SUBJECT_NUMBER:
    case v1::SEND_SUBJECT_PREFIX: {
      ASSIGN_OR_RETURN(Destination to,
                       Parse(request.phone_number(), request.region()));
      return SendLimitSubject{kind, kind == v1::SEND_SUBJECT_NUMBER
                                        ? std::move(to.e164)
                                        : std::move(to.prefix)};
    }
    case v1::SEND_SUBJECT_CLIENT:
      RETURN_IF_ERROR(CheckId("client_id", request.client_id()));
      return SendLimitSubject{kind, request.client_id()};
    case v1::SEND_SUBJECT_ACCOUNT:
      RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
      return SendLimitSubject{kind, request.account_id()};
    case v1::SEND_SUBJECT_REGION:
      RETURN_IF_ERROR(CheckRegion(request.region()));
      return SendLimitSubject{kind, request.region()};
    case v1::SEND_SUBJECT_ALL:
      return SendLimitSubject{kind, ""};
    default:
      return InvalidField("subject", "say which limit");
  }
}

absl::Status SendLimitsEngine::ResetSendLimit(
    Plan& plan, const v1::ResetSendLimitRequest& request,
    v1::ResetSendLimitResponse& response) const {
  ASSIGN_OR_RETURN(const SendLimitSubject subject, SubjectOf(request));
  if (subject.kind == v1::SEND_SUBJECT_ACCOUNT) {
    plan.audit().set_account_id(subject.whose);
  } else if (plan.caller().LimitedToAccounts()) {
    return MakeError(absl::StatusCode::kPermissionDenied, "SUBJECT_NOT_ALLOWED",
                     "this client is limited to some accounts, and may reset "
                     "no limit but theirs");
  }
  ASSIGN_OR_RETURN(*response.mutable_limit(), limits_.Reset(plan, subject));
  return absl::OkStatus();
}

}  // namespace cofactor::services
