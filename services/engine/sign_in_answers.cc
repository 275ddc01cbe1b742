#include "services/engine/sign_in_answers.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "services/engine/lookup.h"
#include "services/engine/rules.h"
#include "services/engine/sign_in_records.h"
#include "services/engine/trial.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::SignInRecord;

using Kind = SignInAnswer::Kind;

constexpr absl::string_view kPasswordType = "password";
constexpr absl::string_view kDefaultFactorType = "totp";

// Overwrites what a copy of a response holds.
void WipeResponse(v1::FactorResponse& response) {
  switch (response.response_case()) {
    case v1::FactorResponse::kCode:
      return Wipe(*response.mutable_code());
    case v1::FactorResponse::kPassword:
      return Wipe(*response.mutable_password());
    case v1::FactorResponse::kDevice:
      return Wipe(*response.mutable_device()->mutable_ticket());
    default:
      return;
  }
}

// A request that carries a copy of a response as long as it lives.
template <typename Request>
class Carrier {
 public:
  explicit Carrier(const v1::FactorResponse& response) {
    *request_.mutable_response() = response;
  }
  ~Carrier() { WipeResponse(*request_.mutable_response()); }
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

  Request* operator->() { return &request_; }
  const Request& operator*() const { return request_; }

 private:
  Request request_;
};

SignInAnswer WrongAnswer(v1::VerificationReason reason) {
  SignInAnswer answer;
  answer.kind = reason == v1::VERIFICATION_REASON_DENIED ||
                        reason == v1::VERIFICATION_REASON_REPORTED
                    ? Kind::kRefused
                    : Kind::kWrong;
  answer.reason = reason;
  return answer;
}

SignInAnswer RightAnswer(absl::string_view enrollment_id,
                         const factors::Factor& factor, absl::Time time) {
  SignInAnswer answer;
  answer.kind = Kind::kRight;
  answer.step = StepOf(enrollment_id, factor.descriptor(), time);
  return answer;
}

// Enrollments of a factor among those that may answer.
std::vector<std::string> IdsOfType(const std::vector<Candidate>& answerable,
                                   absl::string_view factor_type) {
  std::vector<std::string> ids;
  for (const Candidate& candidate : answerable) {
    if (candidate.factor->descriptor().type_id == factor_type) {
      ids.push_back(candidate.enrollment_id);
    }
  }
  return ids;
}

const Candidate* Find(const std::vector<Candidate>& answerable,
                      absl::string_view enrollment_id) {
  const auto found =
      std::find_if(answerable.begin(), answerable.end(),
                   [enrollment_id](const Candidate& candidate) {
                     return candidate.enrollment_id == enrollment_id;
                   });
  return found == answerable.end() ? nullptr : &*found;
}

}  // namespace

absl::Status CheckAllowed(const v1::Policy& policy,
                          absl::string_view factor_type) {
  if (IsAllowed(policy, factor_type)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "FACTOR_NOT_ALLOWED",
                   "the account's policy does not count this factor: GetPolicy "
                   "tells which it does");
}

absl::Status NotAnOption() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_AN_OPTION",
                   "this does not bring the sign-in nearer to its level: go on "
                   "with one of its options, or bind one of its "
                   "enrollable_factor_types");
}

struct SignInAnswers::Addressed {
  const factors::Factor* factor = nullptr;
  // What has to accept it; empty: any enrollment of the factor.
  std::string enrollment_id;
  // The challenge that it answers; does not exist: none.
  Stored<ChallengeRecord> challenge;
};

absl::StatusOr<SignInAnswer> SignInAnswers::TakePassword(
    Plan& plan, const v1::Policy& policy, absl::string_view account_id,
    absl::string_view member_id, const std::string& password) const {
  const factors::Factor* factor = registry_.Find(kPasswordType);
  if (factor == nullptr) {
    return InvalidField("password",
                        "this server has no factor \"password\": leave it "
                        "empty, and begin with another factor");
  }
  RETURN_IF_ERROR(CheckAllowed(policy, kPasswordType));
  v1::FactorResponse response;
  response.set_password(password);
  absl::StatusOr<SignInAnswer> answer =
      factor->CheckResponse(response, "password").ok()
          ? TakeUpFront(plan, account_id, member_id, "", *factor, response)
          : InvalidField("password",
                         "is no text that could be one: want UTF-8 and no more "
                         "characters than a password may have");
  WipeResponse(response);
  return answer;
}

absl::StatusOr<SignInAnswers::Addressed> SignInAnswers::Address(
    Plan& plan, const v1::Policy& policy,
    const v1::ContinueSignInRequest& request,
    const std::vector<Candidate>* answerable,
    const SignInRecord& sign_in) const {
  ASSIGN_OR_RETURN(auto challenge, ReadChallengeOf(plan, sign_in));
  const bool open = challenge.exists() &&
                    !IsFinal(services::StateOf(challenge.record, plan.now()));
  const std::string& named = request.enrollment_id();
  const bool is_to_challenge =
      open && named == challenge.record.enrollment_id();
  std::string type = request.factor_type();
  if (type.empty() && !named.empty() && !is_to_challenge) {
    ASSIGN_OR_RETURN(auto member, FindMember(plan, sign_in.account_id(),
                                             sign_in.member_id()));
    const EnrollmentRecord* enrollment = FindEnrollment(member.record, named);
    if (enrollment != nullptr) type = enrollment->factor_type();
  }
  if (type.empty() && open && (named.empty() || is_to_challenge)) {
    type = challenge.record.factor_type();
  }
  if (type.empty()) {
    type = std::string(request.response().has_password() ? kPasswordType
                                                         : kDefaultFactorType);
  }
  Addressed addressed;
  ASSIGN_OR_RETURN(addressed.factor, FindFactor(registry_, type));
  RETURN_IF_ERROR(CheckAllowed(policy, type));
  addressed.enrollment_id = named;
  if (open && challenge.record.factor_type() == type &&
      (named.empty() || challenge.record.enrollment_id().empty() ||
       is_to_challenge)) {
    addressed.challenge = std::move(challenge);
  }
  if (answerable == nullptr) return addressed;

  if (addressed.enrollment_id.empty() && addressed.challenge.exists()) {
    addressed.enrollment_id = addressed.challenge.record.enrollment_id();
  }
  const std::vector<std::string> ids = IdsOfType(*answerable, type);
  const bool is_option = addressed.enrollment_id.empty()
                             ? !ids.empty()
                             : std::find(ids.begin(), ids.end(),
                                         addressed.enrollment_id) != ids.end();
  if (!is_option) return NotAnOption();
  // One that has answered already is not asked again.
  if (addressed.enrollment_id.empty() && ids.size() == 1) {
    addressed.enrollment_id = ids[0];
  }
  return addressed;
}

absl::StatusOr<SignInAnswer> SignInAnswers::Take(
    Plan& plan, const v1::Policy& policy,
    const v1::ContinueSignInRequest& request,
    const std::vector<Candidate>* answerable,
    const SignInRecord& sign_in) const {
  ASSIGN_OR_RETURN(const Addressed addressed,
                   Address(plan, policy, request, answerable, sign_in));
  absl::StatusOr<SignInAnswer> answer;
  if (addressed.challenge.exists()) {
    answer = TakeToChallenge(plan, request, addressed);
  } else if (addressed.factor->descriptor().needs_challenge) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NEEDS_CHALLENGE",
                     "this factor answers a challenge, and none of it is open: "
                     "call ContinueSignIn with it and without a response");
  } else {
    answer = TakeUpFront(plan, sign_in.account_id(), sign_in.member_id(),
                         addressed.enrollment_id, *addressed.factor,
                         request.response());
  }
  RETURN_IF_ERROR(answer.status());
  // Two enrollments of a factor may stand beside each other, and one counts
  // once.
  if (answer->kind == Kind::kRight && answerable != nullptr &&
      Find(*answerable, answer->step.enrollment_id()) == nullptr) {
    return WrongAnswer(Decide(plan, false, v1::VERIFICATION_REASON_WRONG_CODE));
  }
  return answer;
}

absl::StatusOr<SignInAnswer> SignInAnswers::TakeToChallenge(
    Plan& plan, const v1::ContinueSignInRequest& request,
    const Addressed& addressed) const {
  const ChallengeRecord& challenge = addressed.challenge.record;
  Carrier<v1::VerifyChallengeRequest> verify(request.response());
  verify->set_challenge_id(challenge.challenge_id());
  verify->set_account_id(challenge.account_id());
  verify->set_member_id(challenge.member_id());
  verify->set_enrollment_id(addressed.enrollment_id);
  verify->set_purpose(challenge.purpose());
  v1::VerifyChallengeResponse verified;
  RETURN_IF_ERROR(challenges_.VerifyChallenge(plan, *verify, verified));
  if (!verified.verified()) return WrongAnswer(verified.reason());
  SignInAnswer answer = RightAnswer(verified.enrollment().enrollment_id(),
                                    *addressed.factor, plan.now());
  ASSIGN_OR_RETURN(*answer.step.mutable_challenge_digest(),
                   DigestOfDetails(challenge));
  return answer;
}

absl::StatusOr<SignInAnswer> SignInAnswers::TakeUpFront(
    Plan& plan, absl::string_view account_id, absl::string_view member_id,
    absl::string_view enrollment_id, const factors::Factor& factor,
    const v1::FactorResponse& response) const {
  Carrier<v1::VerifyRequest> verify(response);
  verify->set_account_id(std::string(account_id));
  verify->set_member_id(std::string(member_id));
  verify->set_enrollment_id(std::string(enrollment_id));
  verify->set_factor_type(factor.descriptor().type_id);
  v1::VerifyResponse verified;
  RETURN_IF_ERROR(verifications_.Verify(plan, *verify, verified));
  if (!verified.verified()) return WrongAnswer(verified.reason());
  return RightAnswer(verified.enrollment().enrollment_id(), factor, plan.now());
}

absl::StatusOr<SignInAnswer> SignInAnswers::Look(
    Plan& plan, const v1::Policy& policy,
    const std::vector<Candidate>* answerable, SignInRecord& sign_in) const {
  ASSIGN_OR_RETURN(const auto stored, ReadChallengeOf(plan, sign_in));
  if (!stored.exists()) return SignInAnswer();
  const ChallengeRecord& challenge = stored.record;
  const v1::ChallengeState state = services::StateOf(challenge, plan.now());
  const bool approved = state == v1::CHALLENGE_STATE_APPROVED;
  if (!approved && state != v1::CHALLENGE_STATE_DENIED) return SignInAnswer();
  sign_in.clear_challenge_id();
  const std::string& enrollment_id = challenge.approving_enrollment_id();
  plan.audit().set_challenge_id(challenge.challenge_id());
  plan.audit().set_factor_type(challenge.factor_type());
  plan.audit().set_enrollment_id(enrollment_id);
  if (!approved) {
    return WrongAnswer(Decide(plan, false, v1::VERIFICATION_REASON_DENIED));
  }
  ASSIGN_OR_RETURN(auto member, FindMember(plan, challenge.account_id(),
                                           challenge.member_id()));
  const EnrollmentRecord* enrollment =
      FindEnrollment(member.record, enrollment_id);
  const factors::Factor* factor = registry_.Find(challenge.factor_type());
  const bool counts =
      !challenge.decoy() && factor != nullptr && enrollment != nullptr &&
      IsActive(*enrollment) &&
      enrollment->factor_type() == challenge.factor_type() &&
      IsAllowed(policy, challenge.factor_type()) &&
      (answerable == nullptr || Find(*answerable, enrollment_id) != nullptr);
  if (!counts) {
    SignInAnswer answer;
    answer.kind = Kind::kVoid;
    answer.reason = Decide(plan, false, v1::VERIFICATION_REASON_NO_ENROLLMENT);
    return answer;
  }
  Decide(plan, true, v1::VERIFICATION_REASON_UNSPECIFIED);
  // What is proven was proven then.
  SignInAnswer answer = RightAnswer(
      enrollment_id, *factor, absl::FromUnixMicros(challenge.end_micros()));
  ASSIGN_OR_RETURN(*answer.step.mutable_challenge_digest(),
                   DigestOfDetails(challenge));
  return answer;
}

absl::StatusOr<SignInAnswer> SignInAnswers::TakeFirst(
    Plan& plan, const v1::ContinueSignInRequest& request,
    const std::string& enrollment_id, const SignInRecord& sign_in) const {
  Carrier<v1::ConfirmEnrollmentRequest> confirm(request.response());
  confirm->set_account_id(sign_in.account_id());
  confirm->set_member_id(sign_in.member_id());
  confirm->set_enrollment_id(enrollment_id);
  v1::ConfirmEnrollmentResponse confirmed;
  RETURN_IF_ERROR(enrollments_.ConfirmEnrollment(plan, *confirm, confirmed));
  if (!confirmed.verified()) return WrongAnswer(confirmed.reason());
  ASSIGN_OR_RETURN(const factors::Factor* factor,
                   FindFactor(registry_, confirmed.enrollment().factor_type()));
  return RightAnswer(enrollment_id, *factor, plan.now());
}

}  // namespace cofactor::services
