#include "factors/password/password_strength.h"

#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cofactor::factors::password {
namespace {

using ::testing::HasSubstr;

constexpr char kField[] = "parameters.password.password";

std::string WriteFile(absl::string_view text) {
  const std::string path = absl::StrCat(testing::TempDir(), "/blocklist");
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

absl::Status Check(absl::string_view password,
                   const Blocklist& blocklist = Blocklist()) {
  return CheckStrength(Secret(password), blocklist,
                       {"initech", "milton@example.com"}, kField);
}

TEST(PasswordStrengthTest, TakesWhatIsHardToGuess) {
  for (const absl::string_view password :
       {"correct horse battery staple", "nine lamps, no attic", "J7$mq!zPkk2",
        "\u00dcbergang 12 K\u00e4hne", "zugspitze im regen"}) {
    const absl::Status status = Check(password);
    EXPECT_TRUE(status.ok()) << password << ": " << status;
  }
  EXPECT_TRUE(
      Check(absl::StrCat("nine lamps, no attic ", std::string(235, '.'))).ok());
}

TEST(PasswordStrengthTest, SaysWhatIsEasyToGuess) {
  const auto message = [](absl::string_view password) {
    const absl::Status status = Check(password);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << password;
    EXPECT_TRUE(absl::StartsWith(status.message(), kField)) << password;
    // The word itself is in the text.
    EXPECT_TRUE(password == "password" ||
                !absl::StrContains(status.ToString(), password));
    return std::string(status.message());
  };
  EXPECT_THAT(message("password"), HasSubstr("a password that many use"));
  EXPECT_THAT(message("P@ssw0rd!"), HasSubstr("a password that many use"));
  EXPECT_THAT(message("Summer2024!"), HasSubstr("a password that many use"));
  EXPECT_THAT(message("aaaaaaaaaaaa"), HasSubstr("repeats itself"));
  EXPECT_THAT(message("abcdefgh"), HasSubstr("is a sequence"));
  EXPECT_THAT(message("12.05.1987"), HasSubstr("a date"));
}

TEST(PasswordStrengthTest, RefusesTheNamesOfTheAccountAndTheMember) {
  for (const absl::string_view password :
       {"initech99", "InitechMilton", "milton@example.com", "m1lton2024"}) {
    EXPECT_THAT(std::string(Check(password).message()),
                HasSubstr("the name of the account or the member"))
        << password;
  }
  // To somebody else they are no names.
  EXPECT_TRUE(CheckStrength(Secret(absl::string_view("initech-mlt0n")),
                            Blocklist(), {"acme", "ada"}, kField)
                  .ok());
}

TEST(PasswordStrengthTest, RefusesWhatTheOperatorBlocks) {
  const auto list = Blocklist::Read(
      WriteFile("Nine lamps, no attic\r\n\nstra\u00dfe am meer 7\n"
                "caf\u0065\u0301 royal dinner"));
  ASSERT_TRUE(list.ok()) << list.status();
  for (const absl::string_view password :
       {"nine lamps, no attic", "NINE LAMPS, NO ATTIC", "STRASSE am meer 7",
        "Caf\u00e9 Royal Dinner"}) {
    EXPECT_TRUE(list->Contains(password)) << password;
    EXPECT_THAT(std::string(Check(password, *list).message()),
                HasSubstr("is on the list"))
        << password;
  }
  for (const absl::string_view password :
       {"nine lamps, no attics", "nine lamps, no attic ", ""}) {
    EXPECT_FALSE(list->Contains(password)) << password;
  }
}

TEST(PasswordStrengthTest, RefusesABlocklistThatItCannotRead) {
  const auto missing = Blocklist::Read("/nowhere/blocklist");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(missing.status().message()),
              HasSubstr("/nowhere/blocklist"));
  const auto latin1 = Blocklist::Read(WriteFile("good\ncaf\xe9\n"));
  EXPECT_EQ(latin1.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(latin1.status().message()), HasSubstr("line 2"));
  EXPECT_EQ(Blocklist::Read(testing::TempDir()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Blocklist::Read(WriteFile("")).ok());
}

}  // namespace
}  // namespace cofactor::factors::password
