// The commands against a server that checks what they sign.

#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "clients/device/command_fixture.h"
#include "clients/device/run_command.h"
#include "factors/push/device_key.h"
#include "factors/qr_code/qr_code.h"
#include "nlohmann/json.hpp"

namespace cofactor::device {
namespace {

using ::cofactor::v1::PUSH_DECISION_APPROVE;
using ::cofactor::v1::PUSH_DECISION_DENY;
using ::cofactor::v1::PUSH_DECISION_REPORT;

constexpr char kOtpauth[] =
    "otpauth://totp/ACME:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&digits=8";

TEST_F(CommandTest, EnrolsByUriWithEitherKey) {
  for (const std::string algorithm : {"ed25519", "p256"}) {
    const Ran ran = Run({"enrol", Invite(algorithm), "--algorithm", algorithm});
    ASSERT_TRUE(ran.status.ok()) << ran.status;
    EXPECT_TRUE(absl::StrContains(ran.output, "enrolled: ACME:ada@example.com"))
        << ran.output;
    const auto key = server_.KeyOf(algorithm);
    ASSERT_TRUE(key.has_value());
    EXPECT_TRUE(
        absl::StrContains(ran.output, factors::push::FingerprintOf(*key)));
  }
  // The ticket is not kept.
  EXPECT_FALSE(Content()->push_devices(0).has_registration());
  EXPECT_EQ(Content()->push_devices(1).name(), "ACME:ada@example.com 2");
}

TEST_F(CommandTest, EnrolsByPictureAndFromTheInput) {
  const std::string picture = absl::StrCat(folder_, "/code.png");
  std::ofstream(picture, std::ios::binary)
      << factors::MakeQrCode(Invite("one"))->png;
  EXPECT_TRUE(Run({"enrol", "--qr", picture}).status.ok());
  EXPECT_TRUE(server_.KeyOf("one").has_value());
  EXPECT_TRUE(Run({"enrol", "-"}, Invite("two") + "\n").status.ok());
  EXPECT_TRUE(server_.KeyOf("two").has_value());
}

TEST_F(CommandTest, AUsedUriLeavesNothingBehind) {
  const std::string uri = Invite("one");
  ASSERT_TRUE(Run({"enrol", uri}).status.ok());
  EXPECT_EQ(Run({"enrol", uri}).status.code(),
            absl::StatusCode::kAlreadyExists);
  ASSERT_TRUE(Run({"remove", "ACME:ada@example.com", "--yes"}).status.ok());
  const Ran again = Run({"enrol", uri});
  EXPECT_EQ(again.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ExitCode(again.status), 1);
  EXPECT_EQ(Content()->push_devices_size(), 0);
}

TEST_F(CommandTest, ARegistrationWhoseAnswerGotLostIsFinishedLater) {
  const std::string uri = Invite("one");
  server_.LoseNextAnswer();
  const Ran lost = Run({"enrol", uri, "--algorithm", "p256"});
  EXPECT_TRUE(absl::StrContains(lost.status.message(), "repeat"))
      << lost.status;
  ASSERT_TRUE(server_.KeyOf("one").has_value());
  // Until then it is not used.
  EXPECT_EQ(Run({"list"}).status.code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Run({"enrol", uri}).status.ok());
  EXPECT_TRUE(Run({"list"}).status.ok());
}

TEST_F(CommandTest, ARegistrationThatDidNotReachTheServerIsMadeLater) {
  const std::string uri = Invite("one");
  server_.RefuseNext(RetryLater("OVERLOADED", "later", absl::Seconds(1)));
  EXPECT_EQ(ExitCode(Run({"enrol", uri}).status), 75);
  EXPECT_TRUE(Content()->push_devices(0).has_registration());
  ASSERT_TRUE(Run({"enrol", uri}).status.ok());
  EXPECT_TRUE(Run({"list"}).status.ok());
}

TEST_F(CommandTest, ShowsAllThatItSigns) {
  Enrol("phone");
  EXPECT_EQ(Run({"list"}).output, "nothing waits\n");
  server_.Push(Challenge("c1"));
  clock_.Advance(absl::Seconds(100));
  const Ran ran = Run({"list"});
  ASSERT_TRUE(ran.status.ok()) << ran.status;
  EXPECT_EQ(ran.output,
            "challenge: c1\ndevice: phone\npurpose: payment\ntitle: Pay\n"
            "amount: 1,250.00 EUR\nfield \"City\": Berlin\nattempts left: 5\n"
            "expires: in 20 s\n\n");
  const auto json = nlohmann::json::parse(Run({"list", "--json"}).output);
  EXPECT_EQ(json["challenge_id"], "c1");
  EXPECT_EQ(json["fields"]["City"], "Berlin");
  EXPECT_EQ(json["seconds_left"], 20);
}

TEST_F(CommandTest, NothingOfTheServerReachesTheTerminalAsItIs) {
  Enrol("phone");
  auto challenge = Challenge("c\x1B[2J");
  challenge.set_purpose("sign\x1B]0;in");
  challenge.mutable_details()->set_title("a\namount: 1 EUR\r\x1B[A");
  challenge.mutable_details()->set_payee("\xE2\x80\xAEtxet");
  (*challenge.mutable_details()->mutable_fields())["\x1B[31m"] = "\x07";
  server_.Push(challenge);
  for (const auto& words :
       {std::vector<std::string>{"list"}, {"list", "--json"}}) {
    const Ran ran = Run(words);
    ASSERT_TRUE(ran.status.ok()) << ran.status;
    EXPECT_FALSE(ran.output.empty());
    for (const char c : ran.output) {
      EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
    }
    EXPECT_FALSE(absl::StrContains(ran.output, "\namount: 1 EUR"));
    EXPECT_FALSE(absl::StrContains(ran.output, "\xE2\x80\xAE"));
  }
}

TEST_F(CommandTest, ApprovesWithTheNumberAlone) {
  Enrol("phone");
  server_.Push(Challenge("c1"));
  const Ran wrong = Run({"approve", "c1", "--number=654321"});
  EXPECT_EQ(ExitCode(wrong.status), 1) << wrong.status;
  EXPECT_TRUE(absl::StrContains(wrong.output,
                                "not accepted: c1 SEEN, attempts left: 4"))
      << wrong.output;
  const Ran right = Run({"approve", "c1"}, "123 456\n");
  ASSERT_TRUE(right.status.ok()) << right.status;
  EXPECT_TRUE(absl::StrContains(right.output, "accepted: c1 APPROVED\n"));
  EXPECT_TRUE(absl::StrContains(right.output, "amount: 1,250.00 EUR\n"));
  EXPECT_EQ(ExitCode(Run({"approve", "c1", "--number=123456"}).status), 66);
}

TEST_F(CommandTest, WhatIsNoNumberIsNotSent) {
  Enrol("phone");
  server_.Push(Challenge("c1"));
  for (const std::string number :
       {"", "12345", "1234567", "12345a", "-12345"}) {
    EXPECT_EQ(Run({"approve", "c1", "--number=" + number}).status.code(),
              absl::StatusCode::kInvalidArgument)
        << number;
  }
  EXPECT_FALSE(Run({"approve", "c1"}, "").status.ok());
  EXPECT_TRUE(server_.answers().empty());
}

TEST_F(CommandTest, DeniesAndReports) {
  Enrol("phone");
  server_.Push(Challenge("c1"));
  EXPECT_TRUE(Run({"deny", "c1", "--reason", "not now"}).status.ok());
  server_.Push(Challenge("c2"));
  EXPECT_TRUE(Run({"not-me", "c2"}).status.ok());
  const auto answers = server_.answers();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_EQ(answers[0].decision(), PUSH_DECISION_DENY);
  EXPECT_EQ(answers[0].reason(), "not now");
  EXPECT_EQ(answers[1].decision(), PUSH_DECISION_REPORT);
}

TEST_F(CommandTest, AChallengeOfAnotherMemberIsNotShown) {
  Enrol("phone");
  auto challenge = Challenge("c1");
  challenge.set_member_id("grace");
  server_.Push(challenge);
  EXPECT_EQ(Run({"list"}).output, "nothing waits\n");
  EXPECT_EQ(Run({"approve", "c1", "--number=123456"}).status.code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CommandTest, SaysThatAChallengeIsOverByItsOwnClock) {
  Enrol("phone");
  server_.Push(Challenge("c1"));
  clock_.Advance(absl::Minutes(5));
  EXPECT_TRUE(absl::StrContains(Run({"list"}).output, "s ago by the clock"));
  // The server decides.
  EXPECT_TRUE(Run({"approve", "c1", "--number=123456"}).status.ok());
}

TEST_F(CommandTest, RotatesTheKey) {
  Enrol("phone");
  const auto before = server_.KeyOf("phone");
  const Ran ran = Run({"rotate", "phone"});
  ASSERT_TRUE(ran.status.ok()) << ran.status;
  const auto after = server_.KeyOf("phone");
  EXPECT_NE(before->public_key(), after->public_key());
  EXPECT_TRUE(
      absl::StrContains(ran.output, factors::push::FingerprintOf(*after)));
  EXPECT_TRUE(Content()->push_devices(0).next_private_key().empty());
  EXPECT_TRUE(Run({"list"}).status.ok());
}

TEST_F(CommandTest, ARotationWhoseAnswerGotLostLosesNoKey) {
  Enrol("phone");
  server_.LoseNextAnswer();
  EXPECT_FALSE(Run({"rotate", "phone"}).status.ok());
  EXPECT_FALSE(Content()->push_devices(0).next_private_key().empty());
  // The server has the new key, and the device finds that out.
  EXPECT_TRUE(Run({"list"}).status.ok());
  EXPECT_TRUE(Content()->push_devices(0).next_private_key().empty());
  EXPECT_TRUE(Run({"list"}).status.ok());
}

TEST_F(CommandTest, ARotationThatWasRefusedKeepsTheOldKeyInUse) {
  Enrol("phone");
  const auto before = server_.KeyOf("phone");
  server_.RefuseNext(RetryLater("OVERLOADED", "later", absl::Seconds(1)));
  EXPECT_FALSE(Run({"rotate", "phone"}).status.ok());
  EXPECT_TRUE(Run({"list"}).status.ok());
  const std::string kept = Content()->push_devices(0).next_private_key();
  EXPECT_FALSE(kept.empty());
  // The same new key is tried again: the first try may still arrive.
  ASSERT_TRUE(Run({"rotate", "phone"}).status.ok());
  EXPECT_EQ(Content()->push_devices(0).private_key(), kept);
  EXPECT_NE(server_.KeyOf("phone")->public_key(), before->public_key());
}

TEST_F(CommandTest, ARevokedDeviceIsSaidToBeUnknown) {
  Enrol("phone");
  server_.Revoke("phone");
  const Ran ran = Run({"list"});
  EXPECT_EQ(ExitCode(ran.status), 77);
  EXPECT_EQ(ErrorReason(ran.status), "DEVICE_NOT_PROVEN");
}

TEST_F(CommandTest, AServerThatIsAwayIsSaidToBe) {
  Enrol("phone");
  server_.Stop();
  const Ran ran = Run({"list"});
  EXPECT_EQ(ExitCode(ran.status), 69);
  EXPECT_TRUE(absl::StrContains(ran.status.message(), "cannot be reached"));
  server_.Start();
  EXPECT_TRUE(Run({"list"}).status.ok());
}

TEST_F(CommandTest, UpdatesTheDevice) {
  Enrol("phone");
  EXPECT_TRUE(Run({"update", "phone", "--device_name", "Desk"}).status.ok());
  EXPECT_EQ(Content()->push_devices(0).device_name(), "Desk");
  EXPECT_EQ(Content()->push_devices(0).platform(), "Linux");
  EXPECT_TRUE(Run({"update", "phone", "--web_push_endpoint",
                   "https://push.example.com/x", "--web_push_p256dh", "AAAA",
                   "--web_push_auth", "BBBB"})
                  .status.ok());
  EXPECT_EQ(Content()->push_devices(0).wake_up().web_push().endpoint(),
            "https://push.example.com/x");
  EXPECT_EQ(Content()->push_devices(0).device_name(), "Desk");
  EXPECT_EQ(Run({"update", "phone", "--web_push_auth", "BBBB"}).status.code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(CommandTest, ShowsCodes) {
  EXPECT_EQ(Run({"codes"}).status.code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(Run({"enrol", kOtpauth}).status.ok());
  EXPECT_EQ(Run({"enrol", kOtpauth, "--name", "x"}).status.code(),
            absl::StatusCode::kAlreadyExists);
  clock_.Set(absl::FromUnixSeconds(1111111109));
  EXPECT_EQ(Run({"codes"}).output, "07081804    1 s  ACME:ada (ACME, ada)\n");
  EXPECT_EQ(Run({"codes", "ACME:ada"}).output, Run({"codes"}).output);
  EXPECT_EQ(Run({"codes", "other"}).status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(nlohmann::json::parse(Run({"codes", "--json"}).output)["code"],
            "07081804");
}

TEST_F(CommandTest, RenamesAndRemoves) {
  Enrol("phone");
  ASSERT_TRUE(Run({"enrol", kOtpauth, "--name", "codes"}).status.ok());
  EXPECT_EQ(Run({"rename", "phone", "codes"}).status.code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Run({"rename", "phone", "a\nb"}).status.code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Run({"rename", "phone", "desk"}).status.ok());
  EXPECT_TRUE(Run({"list", "--device", "desk"}).status.ok());
  EXPECT_EQ(Run({"list", "--device", "phone"}).status.code(),
            absl::StatusCode::kNotFound);
  // Nobody is there to be asked.
  EXPECT_EQ(Run({"remove", "desk"}, "yes\n").status.code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Run({"remove", "desk", "--yes"}).status.ok());
  EXPECT_TRUE(Run({"remove", "codes", "--yes"}).status.ok());
  EXPECT_EQ(Run({"remove", "codes", "--yes"}).status.code(),
            absl::StatusCode::kNotFound);
}

TEST_F(CommandTest, NoSecretIsShown) {
  Enrol("phone");
  ASSERT_TRUE(Run({"enrol", kOtpauth}).status.ok());
  for (const auto& words :
       {std::vector<std::string>{"devices"}, {"devices", "--json"}}) {
    const Ran ran = Run(words);
    EXPECT_TRUE(absl::StrContains(
        ran.output, factors::push::FingerprintOf(*server_.KeyOf("phone"))));
    EXPECT_FALSE(absl::StrContains(ran.output, "GEZDGNBV"));
    EXPECT_FALSE(absl::StrContains(ran.output,
                                   Content()->push_devices(0).private_key()));
  }
}

TEST_F(CommandTest, WithoutAServerNothingIsBegun) {
  EXPECT_EQ(Run({"enrol", Invite("one"), "--server", "http://example.com"})
                .status.code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_FALSE(Vault::Exists(vault_options_.path));
}

}  // namespace
}  // namespace cofactor::device
