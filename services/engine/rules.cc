#include "services/engine/rules.h"

#include <algorithm>

#include "base/errors.h"
#include "base/secret.h"

namespace cofactor::services {

bool HasExpired(const record::v1::MemberRecord& member, absl::Time now) {
  return member.valid_until_micros() != 0 &&
         now >= absl::FromUnixMicros(member.valid_until_micros());
}

bool MayVerify(const record::v1::MemberRecord& member, absl::Time now) {
  return !member.suspended() && !HasExpired(member, now);
}

bool IsActive(const record::v1::EnrollmentRecord& enrollment) {
  return enrollment.confirmed() && !enrollment.disabled();
}

bool HasConfirmed(const record::v1::MemberRecord& member,
                  absl::string_view factor_type) {
  return std::any_of(
      member.enrollments().begin(), member.enrollments().end(),
      [factor_type](const record::v1::EnrollmentRecord& enrollment) {
        return enrollment.factor_type() == factor_type &&
               enrollment.confirmed();
      });
}

absl::Status CheckMayVerify(const record::v1::MemberRecord& member,
                            absl::Time now) {
  if (MayVerify(member, now)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "MEMBER_NOT_ACTIVE",
                   "the member is suspended or expired: set its state or "
                   "valid_until by UpdateMember first");
}

void DropEndedPending(record::v1::MemberRecord& member, absl::Time now) {
  auto& enrollments = *member.mutable_enrollments();
  for (int i = enrollments.size() - 1; i >= 0; --i) {
    record::v1::EnrollmentRecord& enrollment = enrollments[i];
    if (!enrollment.confirmed() &&
        now >= absl::FromUnixMicros(enrollment.pending_expire_micros())) {
      Wipe(*enrollment.mutable_factor_state());
      enrollments.DeleteSubrange(i, 1);
    }
  }
}

void EndSessions(record::v1::MemberRecord& member) {
  member.set_session_generation(member.session_generation() + 1);
}

void ForgetDevices(record::v1::MemberRecord& member) {
  member.set_device_generation(member.device_generation() + 1);
}

record::v1::EnrollmentRecord* FindEnrollment(record::v1::MemberRecord& member,
                                             absl::string_view enrollment_id) {
  auto& enrollments = *member.mutable_enrollments();
  const auto found =
      std::find_if(enrollments.begin(), enrollments.end(),
                   [enrollment_id](const auto& enrollment) {
                     return enrollment.enrollment_id() == enrollment_id;
                   });
  return found == enrollments.end() ? nullptr : &*found;
}

absl::StatusOr<v1::ChallengeDetails> DetailsOf(
    const record::v1::ChallengeRecord& challenge) {
  v1::ChallengeDetails details;
  if (!details.ParseFromString(challenge.details())) {
    return absl::DataLossError("the details of a challenge are damaged");
  }
  return details;
}

v1::ChallengeState StateOf(const record::v1::ChallengeRecord& challenge,
                           absl::Time now) {
  const auto state = static_cast<v1::ChallengeState>(challenge.state());
  if (!IsFinal(state) &&
      now >= absl::FromUnixMicros(challenge.expire_micros())) {
    return v1::CHALLENGE_STATE_EXPIRED;
  }
  return state;
}

bool IsFinal(v1::ChallengeState state) {
  return state != v1::CHALLENGE_STATE_PENDING &&
         state != v1::CHALLENGE_STATE_DELIVERED &&
         state != v1::CHALLENGE_STATE_SEEN;
}

}  // namespace cofactor::services
