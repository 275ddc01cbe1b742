// docs/push.md is all that an author of another authenticator has. What it
// shows is held against the code.

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "factors/push/activation_uri.h"
#include "factors/push/device_signer.h"
#include "factors/push/signed_bytes.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

class DocumentationTest : public testing::Test {
 protected:
  DocumentationTest() {
    std::ifstream file("docs/push.md");
    text_.assign(std::istreambuf_iterator<char>(file),
                 std::istreambuf_iterator<char>());
    // Long values go over several lines.
    text_.erase(std::remove_if(text_.begin(), text_.end(), absl::ascii_isspace),
                text_.end());
  }

  bool Shows(const std::string& value) const {
    return absl::StrContains(text_, value);
  }
  bool ShowsHex(absl::string_view bytes) const {
    return Shows(absl::BytesToHexString(bytes));
  }

  std::string text_;
};

TEST_F(DocumentationTest, ShowsAnActivationUri) {
  const size_t start = text_.find("cofactor://enroll?");
  ASSERT_NE(start, std::string::npos);
  const auto uri =
      ParseActivationUri(text_.substr(start, text_.find('(', start) - start));
  ASSERT_TRUE(uri.ok()) << uri.status();
  EXPECT_EQ(uri->member_id, "ada@example.com");
  EXPECT_TRUE(Shows(std::string(MakeActivationUri(*uri).ExposeSecret())));
}

TEST_F(DocumentationTest, ShowsASignedAnswer) {
  v1::ChallengeDetails details;
  details.set_title("Sign in");
  (*details.mutable_fields())["City"] = "Berlin";
  EXPECT_TRUE(ShowsHex(DetailsDigest("sign-in", details)));

  v1::PushAnswer answer;
  answer.set_decision(v1::PUSH_DECISION_APPROVE);
  answer.set_number("042137");
  const std::string bytes = AnswerBytes(
      {"acme", "ada", "e1"},
      {"c1", "sign-in", details, absl::FromUnixSeconds(1'700'000'120)}, answer);
  EXPECT_TRUE(ShowsHex(bytes));

  const char kPrivateKey[] =
      "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
  EXPECT_TRUE(Shows(kPrivateKey));
  const auto signer =
      DeviceSigner::FromPrivateKey(v1::DEVICE_KEY_ALGORITHM_ED25519,
                                   Secret(absl::HexStringToBytes(kPrivateKey)));
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_TRUE(ShowsHex(*signer->Sign(bytes)));
}

TEST_F(DocumentationTest, ShowsHowAPointBecomesAPublicKey) {
  const auto signer = DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_P256);
  ASSERT_TRUE(signer.ok()) << signer.status();
  EXPECT_TRUE(ShowsHex(signer->key().public_key().substr(0, 26)));
}

}  // namespace
}  // namespace cofactor::factors::push
