#include "services/engine/views.h"

#include <utility>

#include "services/engine/lock_rule.h"
#include "services/engine/prompts.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

// Sets a timestamp from stored microseconds, where 0 is "not set".
template <typename Setter>
void SetTime(int64_t micros, Setter mutable_field) {
  if (micros != 0) {
    *mutable_field() = ToTimestamp(absl::FromUnixMicros(micros));
  }
}

v1::EnrollmentState StateOf(const record::v1::MemberRecord& member,
                            const record::v1::EnrollmentRecord& enrollment,
                            absl::Time now) {
  if (enrollment.disabled()) return v1::ENROLLMENT_STATE_DISABLED;
  if (!enrollment.confirmed()) return v1::ENROLLMENT_STATE_PENDING;
  if (RemainingLock(enrollment, now) > absl::ZeroDuration() ||
      PromptsStopped(member, enrollment.factor_type())) {
    return v1::ENROLLMENT_STATE_LOCKED;
  }
  return v1::ENROLLMENT_STATE_ACTIVE;
}

}  // namespace

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const int64_t micros = absl::ToUnixMicros(time);
  google::protobuf::Timestamp timestamp;
  // Rounded down, as nanos must not be negative before 1970 either.
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(
      static_cast<int32_t>((micros - seconds * 1'000'000) * 1'000));
  return timestamp;
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) +
         absl::Nanoseconds(timestamp.nanos());
}

v1::Account ViewOf(const record::v1::AccountRecord& account,
                   const record::v1::CodeOnlyRecord& code_only,
                   absl::Time now) {
  v1::Account view;
  view.set_account_id(account.account_id());
  view.set_display_name(account.display_name());
  SetTime(account.create_micros(), [&] { return view.mutable_create_time(); });
  SetTime(account.update_micros(), [&] { return view.mutable_update_time(); });
  if (RemainingLock(code_only, now) > absl::ZeroDuration()) {
    SetTime(code_only.lock_until_micros(),
            [&] { return view.mutable_code_only_lock_expire_time(); });
  }
  return view;
}

v1::Member ViewOf(const record::v1::MemberRecord& member, absl::Time now) {
  v1::Member view;
  view.set_account_id(member.account_id());
  view.set_member_id(member.member_id());
  view.set_display_name(member.display_name());
  view.set_role(static_cast<v1::MemberRole>(member.role()));
  view.set_state(member.suspended()        ? v1::MEMBER_STATE_SUSPENDED
                 : HasExpired(member, now) ? v1::MEMBER_STATE_EXPIRED
                                           : v1::MEMBER_STATE_ACTIVE);
  SetTime(member.valid_until_micros(),
          [&] { return view.mutable_valid_until(); });
  SetTime(member.create_micros(), [&] { return view.mutable_create_time(); });
  SetTime(member.update_micros(), [&] { return view.mutable_update_time(); });
  return view;
}

v1::Enrollment ViewOf(const record::v1::MemberRecord& member,
                      const record::v1::EnrollmentRecord& enrollment,
                      absl::Time now) {
  v1::Enrollment view = BriefViewOf(member, enrollment, now);
  record::v1::AttributesRecord attributes;
  // Only a view: what does not parse shows nothing.
  if (attributes.ParseFromString(enrollment.attributes())) {
    view.mutable_attributes()->swap(*attributes.mutable_attributes());
  }
  return view;
}

v1::Enrollment BriefViewOf(const record::v1::MemberRecord& member,
                           const record::v1::EnrollmentRecord& enrollment,
                           absl::Time now) {
  v1::Enrollment view;
  view.set_account_id(member.account_id());
  view.set_member_id(member.member_id());
  view.set_enrollment_id(enrollment.enrollment_id());
  view.set_factor_type(enrollment.factor_type());
  view.set_label(enrollment.label());
  view.set_state(StateOf(member, enrollment, now));
  view.set_consecutive_failures(enrollment.consecutive_failures());
  SetTime(enrollment.create_micros(),
          [&] { return view.mutable_create_time(); });
  SetTime(enrollment.confirm_micros(),
          [&] { return view.mutable_confirm_time(); });
  SetTime(enrollment.last_verify_micros(),
          [&] { return view.mutable_last_verify_time(); });
  if (view.state() == v1::ENROLLMENT_STATE_PENDING) {
    SetTime(enrollment.pending_expire_micros(),
            [&] { return view.mutable_pending_expire_time(); });
  }
  if (RemainingLock(enrollment, now) > absl::ZeroDuration() &&
      view.state() == v1::ENROLLMENT_STATE_LOCKED) {
    SetTime(enrollment.lock_until_micros(),
            [&] { return view.mutable_lock_expire_time(); });
  }
  return view;
}

v1::Challenge ViewOf(const record::v1::ChallengeRecord& challenge,
                     absl::Time now) {
  v1::Challenge view;
  view.set_challenge_id(challenge.challenge_id());
  view.set_account_id(challenge.account_id());
  view.set_member_id(challenge.member_id());
  view.set_enrollment_id(challenge.enrollment_id());
  view.set_factor_type(challenge.factor_type());
  view.set_purpose(challenge.purpose());
  // Only a view: what does not parse shows nothing.
  if (absl::StatusOr<v1::ChallengeDetails> details = DetailsOf(challenge);
      details.ok()) {
    *view.mutable_details() = *std::move(details);
  }
  view.set_state(StateOf(challenge, now));
  view.set_attempts_left(
      IsFinal(view.state()) ? 0 : kChallengeAttempts - challenge.failures());
  SetTime(challenge.create_micros(),
          [&] { return view.mutable_create_time(); });
  SetTime(challenge.expire_micros(),
          [&] { return view.mutable_expire_time(); });
  SetTime(view.state() == v1::CHALLENGE_STATE_EXPIRED
              ? challenge.expire_micros()
              : challenge.end_micros(),
          [&] { return view.mutable_end_time(); });
  return view;
}

}  // namespace cofactor::services
