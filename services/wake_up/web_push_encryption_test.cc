#include "services/wake_up/web_push_encryption.h"

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "gtest/gtest.h"
#include "services/wake_up/web_push_receiver.h"

namespace cofactor::services {
namespace {

constexpr absl::string_view kText = "When I grow up, I want to be a watermelon";

std::string Decode(absl::string_view text) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(text, &bytes)) std::abort();
  return bytes;
}

// Gives given bytes, in their order.
class GivenBytes final : public Randomness {
 public:
  explicit GivenBytes(std::string bytes) : bytes_(std::move(bytes)) {}

  void Fill(absl::Span<uint8_t> out) override {
    if (out.size() > bytes_.size() - at_) std::abort();
    bytes_.copy(reinterpret_cast<char*>(out.data()), out.size(), at_);
    at_ += out.size();
  }

  size_t left() const { return bytes_.size() - at_; }

 private:
  const std::string bytes_;
  size_t at_ = 0;
};

// RFC 8291, section 5 and appendix A.
std::string RfcKey() {
  return Decode(
      "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZ"
      "GH6SRpkNtoIAiw4");
}
std::string RfcAuth() { return Decode("BTBZMqHH6r4Tts7J_aSIgg"); }
std::string RfcSalt() { return Decode("DGv6ra1nlYgDCS1FRnbzlw"); }
std::string RfcSenderKey() {
  return Decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
}
std::string RfcBody() {
  return Decode(
      "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27ml"
      "mlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT"
      "pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN");
}

TEST(WebPushEncryptionTest, MakesTheExampleOfTheRfcBitForBit) {
  GivenBytes bytes(RfcSalt() + RfcSenderKey());
  const auto body = EncryptWebPush(RfcKey(), RfcAuth(), kText, 0, bytes);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(absl::BytesToHexString(*body), absl::BytesToHexString(RfcBody()));
  EXPECT_EQ(bytes.left(), 0u);
}

// The receiver of these tests is another implementation: it is checked too.
TEST(WebPushEncryptionTest, TheReceiverReadsTheExampleOfTheRfc) {
  const WebPushReceiver receiver(
      RfcKey(), Decode("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"),
      RfcAuth());
  EXPECT_EQ(receiver.Open(RfcBody()), kText);
  std::string body = RfcBody();
  body.back() ^= 1;
  EXPECT_EQ(receiver.Open(body), std::nullopt);
  EXPECT_EQ(WebPushReceiver().Open(RfcBody()), std::nullopt);
}

TEST(WebPushEncryptionTest, TheReceiverAloneReadsIt) {
  SystemRandomness randomness;
  for (const size_t size : {0, 1, 15, 16, 17, 127, 128, 129, 3992, 3993}) {
    const WebPushReceiver receiver;
    const std::string text(size, 'x');
    const auto body = EncryptWebPush(receiver.p256dh(), receiver.auth(), text,
                                     128, randomness);
    ASSERT_TRUE(body.ok()) << body.status();
    EXPECT_EQ(receiver.Open(*body), text) << size;
    EXPECT_EQ(WebPushReceiver().Open(*body), std::nullopt);
    // RFC 8291, section 4: what every push service takes.
    EXPECT_LE(body->size(), 4096u);
  }
}

TEST(WebPushEncryptionTest, TheSizeTellsNothingOfAShortText) {
  SystemRandomness randomness;
  const WebPushReceiver receiver;
  const auto size_of = [&](absl::string_view text) {
    const auto body = EncryptWebPush(receiver.p256dh(), receiver.auth(), text,
                                     64, randomness);
    return body.ok() ? body->size() : 0;
  };
  EXPECT_EQ(size_of(""), 16u + 4 + 1 + 65 + 64 + 1 + 16);
  EXPECT_EQ(size_of(""), size_of(std::string(64, 'x')));
  EXPECT_NE(size_of(""), size_of(std::string(65, 'x')));
}

TEST(WebPushEncryptionTest, NeverMakesTheSameTwice) {
  SystemRandomness randomness;
  const WebPushReceiver receiver;
  const auto one =
      EncryptWebPush(receiver.p256dh(), receiver.auth(), kText, 64, randomness);
  const auto other =
      EncryptWebPush(receiver.p256dh(), receiver.auth(), kText, 64, randomness);
  ASSERT_TRUE(one.ok() && other.ok());
  // Salt, and key of the sender.
  EXPECT_NE(one->substr(0, 16), other->substr(0, 16));
  EXPECT_NE(one->substr(21, 65), other->substr(21, 65));
}

TEST(WebPushEncryptionTest, DrawsAgainWhatIsNoPrivateKey) {
  // Zero, the order of the curve, and more than that.
  GivenBytes bytes(RfcSalt() + std::string(32, '\0') +
                   absl::HexStringToBytes("ffffffff00000000ffffffffffffffff"
                                          "bce6faada7179e84f3b9cac2fc632551") +
                   std::string(32, '\xff') + RfcSenderKey());
  const auto body = EncryptWebPush(RfcKey(), RfcAuth(), kText, 0, bytes);
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(*body, RfcBody());
}

TEST(WebPushEncryptionTest, RefusesPointsThatAreNotOnTheCurve) {
  SystemRandomness randomness;
  const auto code_of = [&](absl::string_view p256dh) {
    return EncryptWebPush(p256dh, RfcAuth(), kText, 0, randomness)
        .status()
        .code();
  };
  const std::string good = RfcKey();
  EXPECT_EQ(code_of(good), absl::StatusCode::kOk);

  std::string off = good;
  off.back() ^= 1;
  EXPECT_EQ(code_of(off), absl::StatusCode::kInvalidArgument);
  // The point of an invalid curve attack: (0, 0) is on another curve.
  EXPECT_EQ(code_of("\x04" + std::string(64, '\0')),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of("\x04" + std::string(64, '\xff')),
            absl::StatusCode::kInvalidArgument);
  // The point at infinity, as long and as it is written.
  EXPECT_EQ(code_of(std::string(65, '\0')), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(std::string(1, '\0')), absl::StatusCode::kInvalidArgument);
  // Compressed, and the hybrid form.
  EXPECT_EQ(code_of("\x02" + good.substr(1, 32)),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of("\x06" + good.substr(1)),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(good.substr(0, 64)), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(good + "x"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of(""), absl::StatusCode::kInvalidArgument);
}

TEST(WebPushEncryptionTest, RefusesWrongSizes) {
  SystemRandomness randomness;
  for (const size_t size : {0, 15, 17, 64}) {
    EXPECT_EQ(
        EncryptWebPush(RfcKey(), std::string(size, 'a'), kText, 0, randomness)
            .status()
            .code(),
        absl::StatusCode::kInvalidArgument)
        << size;
  }
  EXPECT_EQ(
      EncryptWebPush(RfcKey(), RfcAuth(), std::string(3994, 'a'), 0, randomness)
          .status()
          .code(),
      absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cofactor::services
