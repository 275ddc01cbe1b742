#ifndef COFACTOR_FACTORS_PUSH_PUSH_NUMBER_H_
#define COFACTOR_FACTORS_PUSH_PUSH_NUMBER_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"

namespace cofactor::factors::push {

// Digits of the number that a person reads where they sign in and types on the
// device: what NIST SP 800-63B-4, section 3.1.3, asks for at least.
inline constexpr int kNumberDigits = 6;

// What is kept of a number, under a salt that is drawn, as the private state of
// a challenge.
Secret KeepNumber(const Secret& number, Randomness& randomness);

// Reads it back. FAILED_PRECONDITION, reason UNKNOWN_STATE_VERSION: a later
// version wrote it. DATA_LOSS: it is damaged.
absl::StatusOr<record::v1::PushChallengeRecord> DecodeKeptNumber(
    const Secret& kept);

// Whether the number is the kept one. Takes the same time if it is not.
bool IsTheNumber(const record::v1::PushChallengeRecord& kept,
                 absl::string_view number);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_PUSH_NUMBER_H_
