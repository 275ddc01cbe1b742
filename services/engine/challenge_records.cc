#include "services/engine/challenge_records.h"

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "services/engine/keys.h"
#include "services/engine/message_planner.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {

using ::cofactor::record::v1::ChallengeRecord;

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
