#include "services/engine/challenge_records.h"

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/message_planner.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ChallengeRecord;

constexpr size_t kMaxPurposeBytes = 128;
constexpr int kMaxDetailFields = 16;
constexpr size_t kMaxDetailBytes = 256;

}  // namespace

absl::Status CheckPurpose(absl::string_view purpose) {
  if (purpose.empty()) {
    return InvalidField("purpose", "is required, as \"sign-in\"");
  }
  return CheckText("purpose", purpose, kMaxPurposeBytes);
}

absl::Status CheckDetails(const v1::ChallengeDetails& details) {
  RETURN_IF_ERROR(CheckText("details.title", details.title(), kMaxDetailBytes));
  RETURN_IF_ERROR(
      CheckText("details.amount", details.amount(), kMaxDetailBytes));
  RETURN_IF_ERROR(CheckText("details.payee", details.payee(), kMaxDetailBytes));
  if (static_cast<int>(details.fields().size()) > kMaxDetailFields) {
    return InvalidField(
        "details.fields",
        absl::StrCat("want at most ", kMaxDetailFields, " entries"));
  }
  for (const auto& [label, value] : details.fields()) {
    RETURN_IF_ERROR(CheckText("details.fields", label, kMaxDetailBytes));
    RETURN_IF_ERROR(CheckText("details.fields", value, kMaxDetailBytes));
  }
  return absl::OkStatus();
}

absl::Time RetainedUntil(const ChallengeRecord& challenge) {
  return absl::FromUnixMicros(challenge.expire_micros()) + kChallengeRetention;
}

absl::Status CheckOpen(const ChallengeRecord& challenge, absl::Time now) {
  const v1::ChallengeState state = StateOf(challenge, now);
  if (!IsFinal(state)) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "CHALLENGE_FINAL",
      absl::StrCat("the challenge ended as ", v1::ChallengeState_Name(state),
                   ": create a new one"));
}

void EndChallenge(ChallengeRecord& challenge, v1::ChallengeState state,
                  absl::Time now) {
  challenge.set_state(state);
  challenge.set_end_micros(absl::ToUnixMicros(now));
}

void WriteChallenge(Plan& plan, ChallengeRecord& challenge) {
  plan.Write(ChallengeKey(challenge.challenge_id()), challenge,
             RetainedUntil(challenge));
  plan.Announce({challenge.account_id(), challenge.member_id(),
                 challenge.challenge_id()});
}

v1::Challenge VisibleView(const Plan& plan, const ChallengeRecord& challenge) {
  v1::Challenge view = ViewOf(challenge, plan.now());
  if (challenge.has_delivery()) {
    *view.mutable_delivery() = ViewOf(plan, challenge.delivery());
  }
  if (!IsFinal(view.state()) && !plan.caller().MayKnowMembers()) {
    view.set_state(v1::CHALLENGE_STATE_PENDING);
  }
  return view;
}

}  // namespace cofactor::services
