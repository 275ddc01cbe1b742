// The QR code of an enrollment, read by zbarimg as an app would, and what is
// made of what was read: a code by oathtool, or the registration of a device.

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/randomness.h"
#include "factors/standard_factors.h"
#include "gtest/gtest.h"
#include "tests/doubles/push_phone.h"

namespace cofactor::factors {
namespace {

std::string OutputOf(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  int c = 0;
  while ((c = fgetc(pipe)) != EOF) output.push_back(static_cast<char>(c));
  EXPECT_EQ(pclose(pipe), 0) << command;
  return std::string(absl::StripAsciiWhitespace(output));
}

// The value of a parameter in a URI.
std::string ParameterOf(const std::string& uri, const std::string& name) {
  const size_t start = uri.find(name + "=") + name.size() + 1;
  return uri.substr(start, uri.find('&', start) - start);
}

TEST(QrTest, IsReadBackAndMakesACodeThatIsAccepted) {
  FactorRegistry::Builder builder;
  ASSERT_TRUE(RegisterStandardFactors(builder).ok());
  const FactorRegistry registry = std::move(builder).Build();
  const Factor& totp = *registry.Find("totp");
  SeededRandomness randomness(7);
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);

  struct Case {
    v1::TotpAlgorithm algorithm;
    const char* mode;
    const char* issuer;
    const char* account_name;
  };
  for (const Case& one : {
           Case{v1::TOTP_ALGORITHM_SHA1, "sha1", "", ""},
           Case{v1::TOTP_ALGORITHM_SHA256, "sha256", "ACME Co & Söhne / 100%",
                "user+tag@example.com"},
           Case{v1::TOTP_ALGORITHM_SHA512, "sha512",
                "株式会社アクメ・認証サービス・東京本", "???###&&&==="},
       }) {
    v1::FactorParameters parameters;
    parameters.mutable_totp()->set_algorithm(one.algorithm);
    parameters.mutable_totp()->set_digits(8);
    parameters.mutable_totp()->set_issuer(one.issuer);
    parameters.mutable_totp()->set_account_name(one.account_name);
    const auto begun =
        totp.BeginEnrollment({"acme", "ada"}, parameters, now, randomness);
    ASSERT_TRUE(begun.ok()) << begun.status();
    const v1::TotpActivation& activation = begun->activation.totp();

    const std::string picture = absl::StrCat(testing::TempDir(), "/qr.png");
    std::ofstream(picture, std::ios::binary) << activation.qr_png();
    const std::string read = OutputOf(absl::StrCat(
        "zbarimg --quiet --raw -Sdisable -Sqrcode.enable ", picture));
    EXPECT_EQ(read, activation.key_uri());

    v1::FactorResponse response;
    response.set_code(OutputOf(absl::StrCat(
        "oathtool --totp=", one.mode,
        " --base32 --digits=", ParameterOf(read, "digits"),
        " --time-step-size=", ParameterOf(read, "period"), "s --now=@",
        absl::ToUnixSeconds(now), " ", ParameterOf(read, "secret"))));
    const auto verdict =
        totp.ConfirmEnrollment({begun->state, response, nullptr, now});
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_TRUE(verdict->accepted);
  }
}

TEST(QrTest, OfAPushEnrollmentIsReadBackAndRegistersADevice) {
  FactorRegistry::Builder builder;
  ASSERT_TRUE(RegisterStandardFactors(
                  builder, {}, {.device_server = "https://id.example.com:8443"})
                  .ok());
  const FactorRegistry registry = std::move(builder).Build();
  const Factor& push = *registry.Find("push");
  SeededRandomness randomness(7);
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const std::string long_id(128, '@');

  for (const EnrollmentSubject& subject :
       {EnrollmentSubject{"acme", "ada", "e1"},
        EnrollmentSubject{long_id, long_id, "0123456789abcdef"}}) {
    v1::FactorParameters parameters;
    parameters.mutable_push()->set_issuer("株式会社アクメ & Söhne / 100%");
    const auto begun =
        push.BeginEnrollment(subject, parameters, now, randomness);
    ASSERT_TRUE(begun.ok()) << begun.status();
    const v1::PushActivation& activation = begun->activation.push();
    const std::string picture =
        absl::StrCat(testing::TempDir(), "/push_qr.png");
    std::ofstream(picture, std::ios::binary) << activation.qr_png();
    const std::string read = OutputOf(absl::StrCat(
        "zbarimg --quiet --raw -Sdisable -Sqrcode.enable ", picture));
    EXPECT_EQ(read, activation.activation_uri());

    const PushPhone phone(read);
    EXPECT_EQ(phone.member_id(), subject.member_id);
    v1::FactorResponse response;
    *response.mutable_device() = phone.Registration();
    const auto verdict =
        push.ConfirmEnrollment({begun->state, response, nullptr, now, subject});
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_TRUE(verdict->accepted);
  }
}

}  // namespace
}  // namespace cofactor::factors
