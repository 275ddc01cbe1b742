#include "factors/push/push_number.h"

#include <string>

#include "absl/strings/escaping.h"
#include "base/errors.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

using ::cofactor::record::v1::PushChallengeRecord;

PushChallengeRecord Kept(absl::string_view number) {
  SeededRandomness randomness(1);
  const auto kept = DecodeKeptNumber(KeepNumber(Secret(number), randomness));
  EXPECT_TRUE(kept.ok()) << kept.status();
  return *kept;
}

TEST(PushNumberTest, IsTheKeptOneAlone) {
  const PushChallengeRecord kept = Kept("012345");
  EXPECT_TRUE(IsTheNumber(kept, "012345"));
  for (const char* other :
       {"012346", "12345", "0012345", "", "012345 ", "54321"}) {
    EXPECT_FALSE(IsTheNumber(kept, other)) << other;
  }
  PushChallengeRecord other_salt = kept;
  other_salt.mutable_salt()->back() ^= 1;
  EXPECT_FALSE(IsTheNumber(other_salt, "012345"));
  EXPECT_FALSE(IsTheNumber(PushChallengeRecord(), ""));
}

// What an earlier version kept is still known: made with
//   printf 'cofactor push number 1saltsaltsaltsalt012345' | sha256sum
TEST(PushNumberTest, KnowsWhatWasKeptBefore) {
  PushChallengeRecord kept;
  kept.set_version(1);
  kept.set_salt("saltsaltsaltsalt");
  kept.set_number_hash(absl::HexStringToBytes(
      "2491204e1a0999488d49e3437ea18d06e6e3396fcd96990c377568bd66e762cb"));
  const auto decoded = DecodeKeptNumber(Secret(kept.SerializeAsString()));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_TRUE(IsTheNumber(*decoded, "012345"));
}

TEST(PushNumberTest, GuessesNothingThatItDoesNotKnow) {
  const PushChallengeRecord whole = Kept("012345");
  const auto status_of = [](const PushChallengeRecord& record) {
    return DecodeKeptNumber(Secret(record.SerializeAsString())).status();
  };
  EXPECT_TRUE(status_of(whole).ok());
  PushChallengeRecord changed = whole;
  changed.set_version(2);
  EXPECT_EQ(ErrorReason(status_of(changed)), "UNKNOWN_STATE_VERSION");
  changed.set_version(0);
  EXPECT_EQ(status_of(changed).code(), absl::StatusCode::kDataLoss);
  changed = whole;
  changed.set_salt("short");
  EXPECT_EQ(status_of(changed).code(), absl::StatusCode::kDataLoss);
  changed = whole;
  changed.clear_number_hash();
  EXPECT_EQ(status_of(changed).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeKeptNumber(Secret()).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(DecodeKeptNumber(Secret(absl::string_view("\xff"))).status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cofactor::factors::push
