#include "factors/push/signed_bytes.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

std::string Hex(absl::string_view bytes) {
  return absl::BytesToHexString(bytes);
}

// Everything that an answer is signed over.
struct Signed {
  std::string challenge_id = "c1";
  std::string account_id = "acme";
  std::string member_id = "ada";
  std::string enrollment_id = "e1";
  std::string purpose = "sign-in";
  v1::ChallengeDetails details;
  absl::Time expire_time = absl::FromUnixMicros(1'700'000'120'000'000);
  v1::PushAnswer answer;

  Signed() {
    details.set_title("Sign in to the shop");
    details.set_amount("1,250.00 EUR");
    details.set_payee("Muster GmbH");
    (*details.mutable_fields())["City"] = "Berlin";
    (*details.mutable_fields())["Device"] = "Laptop";
    answer.set_decision(v1::PUSH_DECISION_APPROVE);
    answer.set_number("042137");
  }

  std::string Bytes() const {
    return AnswerBytes({account_id, member_id, enrollment_id},
                       {challenge_id, purpose, details, expire_time}, answer);
  }
};

// The example of docs/push.md: put together by hand.
TEST(SignedBytesTest, AreAsTheDocumentationShowsThem) {
  Signed example;
  example.details.Clear();
  example.details.set_title("Sign in");
  (*example.details.mutable_fields())["City"] = "Berlin";
  const std::string details_digest =
      "86ad2ec30022759445076f39dafb4e9058fe97f562e6f2bf592d4604c293aec0";
  EXPECT_EQ(Hex(DetailsDigest("sign-in", example.details)), details_digest);
  EXPECT_EQ(Hex(example.Bytes()),
            absl::StrCat(
                // "cofactor/push/v1/answer", NUL
                "636f666163746f722f707573682f76312f616e7377657200",
                "000000026331",                // "c1"
                "0000000461636d65",            // "acme"
                "00000003616461",              // "ada"
                "000000026531",                // "e1"
                "00000020", details_digest,    // Of the details.
                "000000080000000000000001",    // APPROVE
                "00000006303432313337",        // "042137"
                "00000000",                    // No reason.
                "0000000800060a241f454e00"));  // 1,700,000,120 s in us
}

TEST(SignedBytesTest, DifferIfAnythingDiffers) {
  std::vector<std::function<void(Signed&)>> changes = {
      [](Signed& s) {},
      [](Signed& s) { s.challenge_id = "c2"; },
      [](Signed& s) { s.account_id = "acmf"; },
      [](Signed& s) { s.member_id = "adb"; },
      [](Signed& s) { s.enrollment_id = "e2"; },
      [](Signed& s) { s.purpose = "payment"; },
      [](Signed& s) { s.details.set_title("Sign in to the bank"); },
      [](Signed& s) { s.details.set_amount("1.250,00 EUR"); },
      [](Signed& s) { s.details.set_payee("Muster GmbI"); },
      [](Signed& s) { (*s.details.mutable_fields())["City"] = "Bonn"; },
      [](Signed& s) { (*s.details.mutable_fields())["Town"] = "Berlin"; },
      [](Signed& s) { s.details.mutable_fields()->erase("City"); },
      [](Signed& s) { s.details.mutable_fields()->clear(); },
      [](Signed& s) { s.details.Clear(); },
      [](Signed& s) { s.expire_time += absl::Microseconds(1); },
      [](Signed& s) { s.expire_time -= absl::Seconds(1); },
      [](Signed& s) { s.answer.set_decision(v1::PUSH_DECISION_DENY); },
      [](Signed& s) { s.answer.set_decision(v1::PUSH_DECISION_REPORT); },
      [](Signed& s) { s.answer.set_number("042138"); },
      [](Signed& s) { s.answer.set_number(""); },
      [](Signed& s) { s.answer.set_reason("no"); },
      // Bytes that wander from one field to its neighbour.
      [](Signed& s) { s.account_id = "acmea", s.member_id = "da"; },
      [](Signed& s) { s.account_id = "", s.member_id = "acmeada"; },
      [](Signed& s) { s.member_id = "adae", s.enrollment_id = "1"; },
      [](Signed& s) { std::swap(s.challenge_id, s.enrollment_id); },
      [](Signed& s) {
        s.details.set_amount("Muster GmbH");
        s.details.set_payee("1,250.00 EUR");
      },
      [](Signed& s) {
        s.details.set_amount("1,250.00 EURMuster GmbH");
        s.details.set_payee("");
      },
      [](Signed& s) {
        (*s.details.mutable_fields())["City"] = "Laptop";
        (*s.details.mutable_fields())["Device"] = "Berlin";
      },
      [](Signed& s) {
        s.answer.set_number("");
        s.answer.set_reason("042137");
      },
  };
  std::set<std::string> seen;
  for (size_t i = 0; i < changes.size(); ++i) {
    Signed changed;
    changes[i](changed);
    EXPECT_TRUE(seen.insert(changed.Bytes()).second) << "change " << i;
  }
}

TEST(SignedBytesTest, DoNotDependOnTheOrderOfTheMap) {
  v1::ChallengeDetails forwards;
  v1::ChallengeDetails backwards;
  for (int i = 0; i < 16; ++i) {
    (*forwards.mutable_fields())[absl::StrCat("label ", i)] = "x";
    (*backwards.mutable_fields())[absl::StrCat("label ", 15 - i)] = "x";
  }
  EXPECT_EQ(DetailsDigest("p", forwards), DetailsDigest("p", backwards));
}

TEST(SignedBytesTest, OfOneUseAreNoneOfAnother) {
  const DeviceIds ids{"acme", "ada", "e1"};
  v1::DeviceKey key;
  key.set_algorithm(v1::DEVICE_KEY_ALGORITHM_ED25519);
  key.set_public_key(std::string(32, 'k'));
  const std::vector<std::string> all = {
      ListBytes(ids, "nonce"),
      ChannelBytes(ids, "nonce"),
      RotationBytes(ids, "nonce", key),
      UpdateBytes(ids, "nonce", "", "", v1::WakeUpAddress()),
      RegistrationBytes(ids, v1::DeviceRegistration()),
      Signed().Bytes(),
  };
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < all.size(); ++j) {
      // Nor is one the start of the other.
      EXPECT_EQ(absl::StartsWith(all[i], all[j]), i == j) << i << " " << j;
    }
  }
  EXPECT_NE(ListBytes(ids, "nonce"), ListBytes(ids, "nonc"));
  EXPECT_NE(ListBytes(ids, "nonce"), ListBytes({"acme", "ada", "e2"}, "nonce"));
}

TEST(SignedBytesTest, OfARegistrationHoldAllOfIt) {
  const auto bytes =
      [](const std::function<void(v1::DeviceRegistration&)>& change,
         const DeviceIds& ids = {"acme", "ada", "e1"}) {
        v1::DeviceRegistration registration;
        registration.set_ticket(std::string(16, 't'));
        registration.mutable_key()->set_algorithm(
            v1::DEVICE_KEY_ALGORITHM_ED25519);
        registration.mutable_key()->set_public_key(std::string(32, 'k'));
        registration.set_device_name("phone");
        registration.set_platform("Android");
        registration.mutable_wake_up()->set_fcm_token("token");
        change(registration);
        return RegistrationBytes(ids, registration);
      };
  const auto nothing = [](v1::DeviceRegistration&) {};
  std::set<std::string> seen = {bytes(nothing)};
  const std::vector<std::function<void(v1::DeviceRegistration&)>> changes = {
      [](auto& r) { r.set_ticket(std::string(16, 'u')); },
      [](auto& r) {
        r.mutable_key()->set_algorithm(v1::DEVICE_KEY_ALGORITHM_P256);
      },
      [](auto& r) { r.mutable_key()->set_public_key(std::string(32, 'l')); },
      [](auto& r) { r.set_device_name("phon"), r.set_platform("eAndroid"); },
      [](auto& r) { r.set_device_name("tablet"); },
      [](auto& r) { r.set_platform("iOS"); },
      [](auto& r) { r.clear_wake_up(); },
      [](auto& r) { r.mutable_wake_up()->set_fcm_token("tokem"); },
      [](auto& r) { r.mutable_wake_up()->set_apns_token("token"); },
      [](auto& r) {
        r.mutable_wake_up()->mutable_web_push()->set_endpoint("token");
      },
      [](auto& r) {
        r.mutable_wake_up()->mutable_web_push()->set_p256dh("token");
      },
      [](auto& r) {
        r.mutable_wake_up()->mutable_web_push()->set_auth("token");
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    EXPECT_TRUE(seen.insert(bytes(changes[i])).second) << i;
  }
  EXPECT_TRUE(seen.insert(bytes(nothing, {"acmf", "ada", "e1"})).second);
  EXPECT_TRUE(seen.insert(bytes(nothing, {"acme", "adb", "e1"})).second);
  EXPECT_TRUE(seen.insert(bytes(nothing, {"acme", "ada", "e2"})).second);
  // All but the signature, which is over the rest.
  EXPECT_FALSE(
      seen.insert(bytes([](auto& r) { r.set_signature("x"); })).second);
}

}  // namespace
}  // namespace cofactor::factors::push
