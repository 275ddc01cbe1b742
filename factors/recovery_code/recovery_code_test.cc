#include "factors/recovery_code/recovery_code.h"

#include <sodium.h>

#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "gtest/gtest.h"

namespace cofactor::factors::recovery_code {
namespace {

constexpr absl::string_view kSalt = "0123456789abcdef";

std::string Plain(absl::string_view typed) {
  const std::optional<Secret> plain = ReadCode(typed);
  return plain.has_value() ? std::string(plain->ExposeSecret()) : "refused";
}

TEST(RecoveryCodeTest, HasEightyBits) {
  // 32 symbols, each of which turns up at each of 16 places about as often as
  // any other: 16 times 5 bits.
  constexpr int kDraws = 16'000;
  SeededRandomness randomness(1);
  std::vector<std::map<char, int>> counts(kSymbols);
  for (int i = 0; i < kDraws; ++i) {
    const Secret code = DrawCode(randomness);
    ASSERT_EQ(code.size(), 16u);
    for (size_t place = 0; place < kSymbols; ++place) {
      ++counts[place][code.ExposeSecret()[place]];
    }
  }
  for (const std::map<char, int>& at_place : counts) {
    ASSERT_EQ(at_place.size(), 32u);
    for (const auto& [symbol, count] : at_place) {
      EXPECT_NEAR(count, kDraws / 32, 150) << symbol;
    }
  }
}

TEST(RecoveryCodeTest, ReadsWhatItSpells) {
  SeededRandomness randomness(2);
  for (int i = 0; i < 100; ++i) {
    const Secret code = DrawCode(randomness);
    const std::string spelled = Spell(code);
    ASSERT_EQ(spelled.size(), 19u);
    EXPECT_EQ(Plain(spelled), code.ExposeSecret());
    EXPECT_EQ(Plain(absl::AsciiStrToLower(spelled)), code.ExposeSecret());
    EXPECT_EQ(Plain(absl::StrReplaceAll(spelled, {{"-", ""}})),
              code.ExposeSecret());
  }
}

TEST(RecoveryCodeTest, SpellsFourGroupsOfFour) {
  EXPECT_EQ(Spell(Secret(absl::string_view("7Q2M0XKDR9TA4HWE"))),
            "7Q2M-0XKD-R9TA-4HWE");
}

TEST(RecoveryCodeTest, ReadsLettersThatLookLikeDigits) {
  EXPECT_EQ(Plain("oO00-iIlL-1111-ABCD"), "000011111111ABCD");
}

TEST(RecoveryCodeTest, RefusesAllElse) {
  for (const absl::string_view typed : {
           "",
           "7Q2M-0XKD-R9TA-4HW",    // Too short.
           "7Q2M-0XKD-R9TA-4HWEE",  // Too long.
           "7Q2M0XKDR9TA4HW", "7Q2M0XKDR9TA4HWEE",
           "7Q2M-0XKD-R9TA4HWE",   // A hyphen is missing.
           "7Q2-M0XKD-R9TA-4HWE",  // Hyphens in other places.
           "7Q2M-0XKDR-9TA-4HWE", "7Q2M--XKD-R9TA-4HWE",
           "7Q2M 0XKD R9TA 4HWE",  // Spaces.
           " 7Q2M0XKDR9TA4HW", "7Q2M-0XKD-R9TA-4HW ", "7Q2M-0XKD-R9TA-4HW\n",
           "7Q2M-0XKD-R9TA-4HWU",  // No such symbol.
           "7Q2M-0XKD-R9TA-4HW+", "7Q2M_0XKD_R9TA_4HWE",
           "7Q2M\xE2\x80\x91"
           "0XKDR9TA4",                     // Another kind of hyphen.
           "\xEF\xBC\x97Q2M-0XKD-R9TA-4H",  // A full-width digit.
       }) {
    EXPECT_EQ(Plain(typed), "refused") << typed;
  }
  EXPECT_EQ(Plain(absl::string_view("7Q2M0XKDR9TA4HW\0", 16)), "refused");
  EXPECT_EQ(Plain(std::string(1 << 20, 'A')), "refused");
}

TEST(RecoveryCodeTest, TakesNoByteForASymbolThatIsNone) {
  std::set<char> symbols;
  for (int byte = 0; byte < 256; ++byte) {
    std::string typed = "7Q2M0XKDR9TA4HWE";
    typed[7] = static_cast<char>(byte);
    const std::string plain = Plain(typed);
    if (plain == "refused") {
      EXPECT_TRUE(!absl::ascii_isalnum(static_cast<unsigned char>(byte)) ||
                  byte == 'u' || byte == 'U')
          << byte;
      continue;
    }
    EXPECT_TRUE(absl::ascii_isalnum(static_cast<unsigned char>(byte))) << byte;
    symbols.insert(plain[7]);
  }
  EXPECT_EQ(symbols.size(), 32u);
}

// By the string form of the same library, which names what it computes.
TEST(RecoveryCodeTest, HashesByArgon2id) {
  const Secret code(absl::string_view("7Q2M0XKDR9TA4HWE"));
  const auto hash = HashCode(code, kSalt, kHashCost);
  ASSERT_TRUE(hash.ok()) << hash.status();
  ASSERT_EQ(hash->size(), 32u);
  char encoded[128];
  std::string base64(64, '\0');
  const auto encode = [&base64](absl::string_view bytes) {
    sodium_bin2base64(base64.data(), base64.size(),
                      reinterpret_cast<const uint8_t*>(bytes.data()),
                      bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    return std::string(base64.c_str());
  };
  const std::string salt64 = encode(kSalt);
  const std::string hash64 = encode(hash->ExposeSecret());
  snprintf(encoded, sizeof(encoded), "$argon2id$v=19$m=1024,t=2,p=1$%s$%s",
           salt64.c_str(), hash64.c_str());
  EXPECT_EQ(crypto_pwhash_str_verify(encoded, "7Q2M0XKDR9TA4HWE", 16), 0);
  EXPECT_NE(crypto_pwhash_str_verify(encoded, "7Q2M0XKDR9TA4HWF", 16), 0);
}

TEST(RecoveryCodeTest, HashesUnderTheSalt) {
  const Secret code(absl::string_view("7Q2M0XKDR9TA4HWE"));
  const auto one = HashCode(code, kSalt, kHashCost);
  const auto other = HashCode(code, "0123456789abcdeF", kHashCost);
  ASSERT_TRUE(one.ok() && other.ok());
  EXPECT_FALSE(ConstantTimeEquals(one->ExposeSecret(), other->ExposeSecret()));
}

TEST(RecoveryCodeTest, RefusesACostOutOfRange) {
  const Secret code(absl::string_view("7Q2M0XKDR9TA4HWE"));
  EXPECT_TRUE(IsValid(kHashCost));
  for (const HashCost cost : {HashCost{7, 2}, HashCost{64 * 1024 + 1, 2},
                              HashCost{1024, 0}, HashCost{1024, 11}}) {
    EXPECT_FALSE(IsValid(cost));
    EXPECT_FALSE(HashCode(code, kSalt, cost).ok());
  }
  EXPECT_FALSE(HashCode(code, "short", kHashCost).ok());
}

}  // namespace
}  // namespace cofactor::factors::recovery_code
