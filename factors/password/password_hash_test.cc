#include "factors/password/password_hash.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cofactor::factors::password {
namespace {

constexpr char kSalt[] = "0123456789abcdef";

Secret Password(absl::string_view text) { return Secret(text); }

bool Fits(absl::string_view hash, absl::string_view password) {
  const auto parsed = PasswordHash::Parse(hash);
  EXPECT_TRUE(parsed.ok()) << hash << ": " << parsed.status();
  if (!parsed.ok()) return false;
  const auto fits = parsed->Fits(Password(password));
  EXPECT_TRUE(fits.ok()) << fits.status();
  return fits.ok() && *fits;
}

// A hash that somebody else made.
struct Known {
  const char* hash;
  const char* password;
  const char* kind;
};

class KnownHashTest : public testing::TestWithParam<Known> {};

TEST_P(KnownHashTest, FitsItsPasswordAlone) {
  const Known& known = GetParam();
  EXPECT_EQ(PasswordHash::Parse(known.hash)->kind(), known.kind);
  EXPECT_TRUE(Fits(known.hash, known.password));
  EXPECT_FALSE(Fits(known.hash, absl::StrCat(known.password, "x")));
  EXPECT_FALSE(Fits(known.hash, ""));
}

INSTANTIATE_TEST_SUITE_P(
    Argon2id, KnownHashTest,
    testing::Values(
        // Of the tests of the reference implementation, with one lane and two.
        Known{"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$"
              "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
              "password", "argon2id"},
        Known{"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$"
              "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
              "password", "argon2id"},
        // By PyNaCl.
        Known{"$argon2id$v=19$m=19456,t=2,p=1$N/2TAFJCChmConMk6ueLbg$"
              "XvJHqTF8D80kNGPjUj3wrOgYp1kQ+LUs2PaDgcHzotU",
              "\u00dcbergang 12 K\u00e4hne", "argon2id"}));

INSTANTIATE_TEST_SUITE_P(
    Bcrypt, KnownHashTest,
    testing::Values(
        // Of crypt_blowfish and jBCrypt.
        Known{"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
              "U*U", "bcrypt"},
        Known{"$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
              "U*U", "bcrypt"},
        Known{"$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i",
              "abc", "bcrypt"},
        Known{"$2y$08$abcdefghijklmnopqrstuu2IpqzXNjZJj.OEwlbi4BxINm9LQF0I.",
              "\u00dcbergang 12 K\u00e4hne", "bcrypt"}));

INSTANTIATE_TEST_SUITE_P(
    Pbkdf2, KnownHashTest,
    testing::Values(
        // The vectors after RFC 6070 for SHA-256 and SHA-512.
        Known{"pbkdf2-sha256$4096$"
              "c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$"
              "NIyJ28vTKy8y2BS4EW6EzysXNH68GAAYHE4qH7jdU+HGNVGMfaxH6Q==",
              "passwordPASSWORDpassword", "pbkdf2-sha256"},
        Known{"pbkdf2-sha512$4096$"
              "c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$"
              "jAUR9Mbll8asYxXY8DYuIl88UBSVuiO4aMAFF03E7nERW1n55gzZUy+jPg91rv4w"
              "IlxYOhhs2CvU2uqXJKPTuA",
              "passwordPASSWORDpassword", "pbkdf2-sha512"},
        // By hashlib.
        Known{"pbkdf2-sha256$29000$MDEyMzQ1Njc4OWFiY2RlZg==$"
              "eG0uCfCzrHPlCckAe+cVE38FiYI6JSroe7jplbNAWsY=",
              "\u00dcbergang 12 K\u00e4hne", "pbkdf2-sha256"}));

TEST(PasswordHashTest, MakesArgon2idWithTheParametersInIt) {
  const auto made = PasswordHash::Make(Password("nine lamps"), {}, kSalt);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(absl::StartsWith(
      made->text(), "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"))
      << made->text();
  EXPECT_TRUE(Fits(made->text(), "nine lamps"));
  EXPECT_FALSE(Fits(made->text(), "nine lamp"));
  EXPECT_NE(made->text(),
            PasswordHash::Make(Password("nine lamps"), {}, "0123456789abcdeg")
                ->text());
}

TEST(PasswordHashTest, CutsNothingOff) {
  std::string one(256, 'x');
  std::string other = one;
  other[199] = 'y';
  const auto made = PasswordHash::Make(Password(one), {}, kSalt);
  EXPECT_TRUE(*made->Fits(Password(one)));
  EXPECT_FALSE(*made->Fits(Password(other)));
}

TEST(PasswordHashTest, DoesNotTakeTheBeginningOfALongPasswordForBcrypt) {
  // Of 72 times "x": bcrypt looks at no more.
  const std::string hash =
      "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
  const std::string known(72, 'x');
  ASSERT_TRUE(Fits(hash, known));
  EXPECT_FALSE(Fits(hash, known + "x"));
  EXPECT_FALSE(Fits(hash, known + "and the rest"));
}

TEST(PasswordHashTest, SaysWhatIsWeaker) {
  const Argon2Parameters parameters{.memory_kib = 32'768, .iterations = 3};
  const auto weaker = [&parameters](absl::string_view costs) {
    return PasswordHash::Parse(absl::StrCat("$argon2id$v=19$", costs,
                                            "$MDEyMzQ1Njc4OWFiY2RlZg$"
                                            "MDEyMzQ1Njc4OWFiY2RlZg"))
        ->IsWeakerThan(parameters);
  };
  EXPECT_FALSE(weaker("m=32768,t=3,p=1"));
  EXPECT_FALSE(weaker("m=65536,t=3,p=4"));
  EXPECT_TRUE(weaker("m=32767,t=3,p=1"));
  EXPECT_TRUE(weaker("m=65536,t=2,p=1"));
  EXPECT_TRUE(
      PasswordHash::Parse(
          "$2b$14$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
          ->IsWeakerThan(parameters));
}

TEST(PasswordHashTest, RefusesWhatWouldEatMemoryOrTime) {
  const auto refuses = [](absl::string_view text) {
    const auto parsed = PasswordHash::Parse(text);
    return parsed.status().code() == absl::StatusCode::kInvalidArgument;
  };
  const auto argon2id = [](absl::string_view costs) {
    return absl::StrCat("$argon2id$v=19$", costs,
                        "$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg");
  };
  EXPECT_FALSE(refuses(argon2id("m=262144,t=10,p=16")));
  EXPECT_TRUE(refuses(argon2id("m=262145,t=1,p=1")));
  EXPECT_TRUE(refuses(argon2id("m=4294967295,t=1,p=1")));
  EXPECT_TRUE(refuses(argon2id("m=4294967297,t=1,p=1")));
  EXPECT_TRUE(refuses(argon2id("m=19456,t=11,p=1")));
  EXPECT_TRUE(refuses(argon2id("m=19456,t=1,p=17")));
  EXPECT_TRUE(refuses(argon2id("m=15,t=1,p=2")));
  EXPECT_TRUE(refuses(argon2id("m=19456,t=0,p=1")));
  EXPECT_FALSE(
      refuses("$2b$14$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_TRUE(
      refuses("$2b$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  EXPECT_TRUE(
      refuses("$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
  const auto pbkdf2 = [](absl::string_view iterations) {
    return absl::StrCat("pbkdf2-sha256$", iterations,
                        "$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg");
  };
  EXPECT_FALSE(refuses(pbkdf2("2000000")));
  EXPECT_TRUE(refuses(pbkdf2("2000001")));
  EXPECT_TRUE(refuses(pbkdf2("999")));
}

TEST(PasswordHashTest, RefusesWhatIsMalformed) {
  for (const absl::string_view text :
       {"", "secret", "$", "$1$abcdefgh$abcdefghijklmnopqrstuv", "$2", "$2b$",
        "$argon2id$", "$argon2i$v=19$m=19456,t=2,p=1$c29tc2FsdA$c29tc2FsdA",
        "$argon2id$v=16$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
        "MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$m=19456,t=2$MDEyMzQ1Njc4OWFiY2RlZg$"
        "MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$t=2,m=19456,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
        "MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$m= 19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
        "MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$m=+19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
        "MDEyMzQ1Njc4OWFiY2RlZg",
        // No salt, no hash, and a hash that nearly anything fits.
        "$argon2id$v=19$m=19456,t=2,p=1$$MDEyMzQ1Njc4OWFiY2RlZg",
        "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$",
        "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MD",
        "pbkdf2-sha256$4096$MDEyMzQ1Njc4OWFiY2RlZg$",
        "pbkdf2-sha1$4096$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZg",
        "pbkdf2-sha256$4096$MDEyMzQ1Njc4OWFiY2RlZg",
        "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
        "$2b$05$CCCCCCCCCCCCCCCCCCCCC:E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"}) {
    const auto parsed = PasswordHash::Parse(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_FALSE(PasswordHash::Parse(std::string(1'000'000, '$')).ok());
}

TEST(PasswordHashTest, TellsNothingOfAHashInAnError) {
  const auto parsed = PasswordHash::Parse(
      "$argon2id$v=19$m=19456,t=99,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
      "MDEyMzQ1Njc4OWFiY2RlZg");
  EXPECT_FALSE(absl::StrContains(parsed.status().ToString(), "MDEy"));
}

}  // namespace
}  // namespace cofactor::factors::password
