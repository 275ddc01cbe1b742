#ifndef COFACTOR_SERVICES_ENGINE_RULES_H_
#define COFACTOR_SERVICES_ENGINE_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/challenge.pb.h"

namespace cofactor::services {

// What records mean at a time: the rules that more than one call needs.

// A pending enrollment ends after so long.
inline constexpr absl::Duration kPendingLifetime = absl::Minutes(10);

// A member's record is read and written as a whole by every verification, so
// that it must not grow without end.
inline constexpr int kMaxEnrollments = 20;

// Wrong answers that end a challenge.
inline constexpr uint32_t kChallengeAttempts = 5;

// How long a challenge can still be read after its end.
inline constexpr absl::Duration kChallengeRetention = absl::Hours(1);

// Whether the member may verify: not suspended, and not at its end.
bool MayVerify(const record::v1::MemberRecord& member, absl::Time now);

// The end of valid_until has come.
bool HasExpired(const record::v1::MemberRecord& member, absl::Time now);

// Whether the enrollment verifies, unless a lock holds: confirmed, not
// disabled.
bool IsActive(const record::v1::EnrollmentRecord& enrollment);

// Whether the member has an enrollment of the factor that was ever confirmed.
// One that wrong answers have locked or disabled counts: whoever guesses often
// enough must not be rid of it.
bool HasConfirmed(const record::v1::MemberRecord& member,
                  absl::string_view factor_type);

// FAILED_PRECONDITION, reason MEMBER_NOT_ACTIVE, unless the member may verify.
absl::Status CheckMayVerify(const record::v1::MemberRecord& member,
                            absl::Time now);

// Removes the pending enrollments whose time is over. To be called on every
// member that was read, before anything else.
void DropEndedPending(record::v1::MemberRecord& member, absl::Time now);

// Ends all sessions and open sign-ins of the member, for good.
void EndSessions(record::v1::MemberRecord& member);

// Forgets all remembered devices of the member, for good.
void ForgetDevices(record::v1::MemberRecord& member);

// The enrollment of that id, or null.
record::v1::EnrollmentRecord* FindEnrollment(record::v1::MemberRecord& member,
                                             absl::string_view enrollment_id);

// What the person agrees to. DATA_LOSS: the record is damaged.
absl::StatusOr<v1::ChallengeDetails> DetailsOf(
    const record::v1::ChallengeRecord& challenge);

// Where the challenge stands; EXPIRED if its time ran out before it ended.
v1::ChallengeState StateOf(const record::v1::ChallengeRecord& challenge,
                           absl::Time now);

// Whether nothing can change this state any more.
bool IsFinal(v1::ChallengeState state);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_RULES_H_
