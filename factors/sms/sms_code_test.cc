#include "factors/sms/sms_code.h"

#include <set>
#include <string>

#include "absl/strings/match.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "gtest/gtest.h"

namespace cofactor::factors::sms {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(SmsCodeTest, KeepsASaltedHashAndNotTheCode) {
  SeededRandomness randomness(1);
  const Secret code{absl::string_view("0123456789")};
  std::set<std::string> salts;
  std::set<std::string> hashes;
  for (int i = 0; i < 100; ++i) {
    const record::v1::SmsCodeRecord kept = KeepCode(code, kNow, randomness);
    EXPECT_TRUE(IsWhole(kept));
    EXPECT_EQ(kept.salt().size(), 16u);
    EXPECT_EQ(kept.hash().size(), 32u);
    EXPECT_FALSE(
        absl::StrContains(kept.SerializeAsString(), code.ExposeSecret()));
    salts.insert(kept.salt());
    hashes.insert(kept.hash());
  }
  EXPECT_EQ(salts.size(), 100u);
  EXPECT_EQ(hashes.size(), 100u);
}

TEST(SmsCodeTest, FitsTheKeptCodeAloneForTenMinutes) {
  SeededRandomness randomness(1);
  const record::v1::SmsCodeRecord kept =
      KeepCode(Secret(absl::string_view("012345")), kNow, randomness);
  const absl::Time end = kNow + absl::Seconds(600);
  EXPECT_TRUE(Fits(kept, "012345", kNow));
  EXPECT_TRUE(Fits(kept, "012345", end - absl::Microseconds(1)));
  EXPECT_FALSE(Fits(kept, "012345", end));
  for (const char* other : {"012346", "12345", "0123450", "", "01234"}) {
    EXPECT_FALSE(Fits(kept, other, kNow)) << other;
  }
  EXPECT_FALSE(Fits(record::v1::SmsCodeRecord(), "", kNow));
}

TEST(SmsCodeTest, FitsNoCodeToADeadOne) {
  SeededRandomness randomness(1);
  const Secret code{absl::string_view("012345")};
  const record::v1::SmsCodeRecord living = KeepCode(code, kNow, randomness);
  const record::v1::SmsCodeRecord dead = KeepDeadCode(code, kNow, randomness);
  EXPECT_TRUE(IsWhole(dead));
  EXPECT_EQ(dead.ByteSizeLong(), living.ByteSizeLong());
  EXPECT_EQ(dead.expire_micros(), living.expire_micros());
  EXPECT_FALSE(Fits(dead, "012345", kNow));
}

}  // namespace
}  // namespace cofactor::factors::sms
