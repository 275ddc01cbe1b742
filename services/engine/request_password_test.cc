#include "services/engine/request_password.h"

#include <openssl/sha.h>

#include <string>

#include "cofactor/v1/auth_service.pb.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

v1::VerifyRequest WithPassword(const std::string& password) {
  v1::VerifyRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_factor_type("password");
  request.mutable_response()->set_password(password);
  return request;
}

std::string Digest(const google::protobuf::Message& request,
                   absl::string_view client = "web",
                   absl::string_view request_id = "r-1") {
  const auto digest = DigestOf(request, client, request_id);
  EXPECT_TRUE(digest.ok()) << digest.status();
  return digest.ok() ? *digest : "";
}

std::string Sha256(const std::string& bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

TEST(RequestPasswordTest, FindsThePasswordOfEveryCallThatTakesOne) {
  EXPECT_TRUE(HasPassword(WithPassword("x")));
  v1::BeginEnrollmentRequest begin;
  begin.mutable_parameters()->mutable_password()->set_password("x");
  EXPECT_TRUE(HasPassword(begin));
  v1::BeginEnrollmentRequest change;
  change.mutable_parameters()->mutable_password()->set_current_password("x");
  EXPECT_TRUE(HasPassword(change));
  v1::ConfirmEnrollmentRequest confirm;
  confirm.mutable_response()->set_password("x");
  EXPECT_TRUE(HasPassword(confirm));
  v1::VerifyChallengeRequest answer;
  answer.mutable_response()->set_password("x");
  EXPECT_TRUE(HasPassword(answer));
}

TEST(RequestPasswordTest, FindsNoneWhereThereIsNone) {
  v1::VerifyRequest code;
  code.set_account_id("password");
  code.set_code("123456");
  EXPECT_FALSE(HasPassword(code));
  v1::BeginEnrollmentRequest begin;
  begin.set_factor_type("password");
  begin.mutable_parameters()->mutable_totp()->set_secret("password");
  EXPECT_FALSE(HasPassword(begin));
}

TEST(RequestPasswordTest, TellsRequestsApart) {
  const std::string digest = Digest(WithPassword("nine lamps"));
  EXPECT_EQ(digest.size(), 32u);
  EXPECT_EQ(digest, Digest(WithPassword("nine lamps")));
  EXPECT_NE(digest, Digest(WithPassword("nine lampt")));
  v1::VerifyRequest of_another = WithPassword("nine lamps");
  of_another.set_member_id("bob");
  EXPECT_NE(digest, Digest(of_another));
}

TEST(RequestPasswordTest, SaltsThePasswordOfEachCall) {
  const v1::VerifyRequest request = WithPassword("nine lamps");
  EXPECT_NE(Digest(request), Digest(request, "web", "r-2"));
  EXPECT_NE(Digest(request), Digest(request, "app", "r-1"));
}

// Whoever has the digest must not try passwords at the speed of SHA-256.
TEST(RequestPasswordTest, IsNoQuickHashOfAPassword) {
  const v1::VerifyRequest request = WithPassword("nine lamps");
  EXPECT_NE(Digest(request), Sha256(request.SerializeAsString()));
  v1::BeginEnrollmentRequest change;
  change.mutable_parameters()->mutable_password()->set_current_password(
      "nine lamps");
  EXPECT_NE(Digest(change), Sha256(change.SerializeAsString()));
  v1::VerifyRequest code;
  code.set_code("123456");
  EXPECT_EQ(Digest(code), Sha256(code.SerializeAsString()));
}

}  // namespace
}  // namespace cofactor::services
