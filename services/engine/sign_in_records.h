#ifndef COFACTOR_SERVICES_ENGINE_SIGN_IN_RECORDS_H_
#define COFACTOR_SERVICES_ENGINE_SIGN_IN_RECORDS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/sign_in.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// What the record of a sign-in means, and what is done to it by more than one
// call.

// A sign-in has to be finished within so long.
inline constexpr absl::Duration kSignInLifetime = absl::Minutes(10);

// How long a sign-in can still be read after that.
inline constexpr absl::Duration kSignInRetention = absl::Hours(1);

// Wrong answers that end a sign-in.
inline constexpr uint32_t kSignInAttempts = 5;

// Purpose of its challenges.
inline constexpr absl::string_view kSignInPurpose = "sign-in";

// The sign-in. NOT_FOUND, reason SIGN_IN_NOT_FOUND: there is none, it is
// another client's, or it is of an account that the caller may not touch. The
// audit log tells of its account and member.
absl::StatusOr<Stored<record::v1::SignInRecord>> ReadSignIn(
    Plan& plan, absl::string_view sign_in_id);

void WriteSignIn(Plan& plan, record::v1::SignInRecord& sign_in);

// Where it stands; EXPIRED if its time ran out before it ended.
v1::SignInState StateOf(const record::v1::SignInRecord& sign_in,
                        absl::Time now);

// Whether it still waits for something.
bool IsOpen(const record::v1::SignInRecord& sign_in, absl::Time now);

// FAILED_PRECONDITION, reason SIGN_IN_OVER.
absl::Status SignInOver(v1::SignInState state);

// SignInOver unless it is open.
absl::Status CheckOpen(const record::v1::SignInRecord& sign_in, absl::Time now);

// Whether whoever signs in has shown to know something of the member: by a
// first right step, or by the session that is stepped up. Until then nothing of
// the member is told.
bool IsBegun(const record::v1::SignInRecord& sign_in);

// Binds a sign-in to the member as it is now: what ends all sessions of the
// member ends it too. Does nothing if it is bound.
void BindToMember(const record::v1::MemberRecord& member,
                  record::v1::SignInRecord& sign_in);

// Whether the member is still the one that the sign-in is bound to, active, and
// not signed out since.
bool IsStillBound(const record::v1::MemberRecord& member,
                  const record::v1::SignInRecord& sign_in, absl::Time now);

// Takes out the steps whose enrollment is gone or disabled: a factor that was
// revoked in the middle is worth nothing any more.
void DropDeadSteps(record::v1::MemberRecord& member,
                   record::v1::SignInRecord& sign_in);

// Whether an enrollment has answered already.
bool HasStepOf(const record::v1::SignInRecord& sign_in,
               absl::string_view enrollment_id);

// The challenge that was started last; a record that does not exist if there is
// none.
absl::StatusOr<Stored<record::v1::ChallengeRecord>> ReadChallengeOf(
    Plan& plan, const record::v1::SignInRecord& sign_in);

// Cancels the challenge that was started last, unless it has ended, and lets go
// of it.
absl::Status LetGoOfChallenge(Plan& plan, record::v1::SignInRecord& sign_in);

// SHA-256 of the purpose and of what the person agreed to, as a device signs it
// (docs/push.md, "details digest"). Empty if the challenge showed nothing.
absl::StatusOr<std::string> DigestOfDetails(
    const record::v1::ChallengeRecord& challenge);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SIGN_IN_RECORDS_H_
