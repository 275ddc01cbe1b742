#include "services/jws/jws.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "services/jws/base64url.h"

namespace cofactor::services {
namespace {

std::string Decode(absl::string_view text) {
  std::string bytes;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(text, &bytes)) << text;
  return bytes;
}

const unsigned char* Bytes(absl::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;

Secret PemOf(const Key& key, const EVP_CIPHER* cipher = nullptr) {
  BIO* const bio = BIO_new(BIO_s_mem());
  char passphrase[] = "secret";
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(bio, key.get(), cipher,
                                          cipher ? passphrase : nullptr,
                                          cipher ? 6 : 0, nullptr, nullptr),
            1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  Secret pem(absl::string_view(text, static_cast<size_t>(size)));
  BIO_free(bio);
  return pem;
}

Key Ed25519Key(absl::string_view seed) {
  return Key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                          Bytes(seed), seed.size()));
}

// A P-256 key from its parts in base64url.
Key P256Key(absl::string_view x, absl::string_view y, absl::string_view d) {
  const std::string point = "\x04" + Decode(x) + Decode(y);
  const std::string scalar = Decode(d);
  BIGNUM* const number =
      BN_bin2bn(Bytes(scalar), static_cast<int>(scalar.size()), nullptr);
  OSSL_PARAM_BLD* const builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
                                  "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
                                   point.data(), point.size());
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number);
  OSSL_PARAM* const parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* const context =
      EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EXPECT_EQ(EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, parameters), 1);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  BN_free(number);
  return Key(key);
}

// Whether OpenSSL takes a signature; that of ECDSA as r and s.
bool Verifies(const Key& key, absl::string_view input,
              absl::string_view signature) {
  std::string bytes(signature);
  const bool is_ec = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_EC;
  if (is_ec) {
    if (signature.size() != 64) return false;
    ECDSA_SIG* const parts = ECDSA_SIG_new();
    ECDSA_SIG_set0(parts, BN_bin2bn(Bytes(signature), 32, nullptr),
                   BN_bin2bn(Bytes(signature) + 32, 32, nullptr));
    unsigned char* der = nullptr;
    const int size = i2d_ECDSA_SIG(parts, &der);
    bytes.assign(reinterpret_cast<char*>(der), static_cast<size_t>(size));
    OPENSSL_free(der);
    ECDSA_SIG_free(parts);
  }
  const bool is_ed = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519;
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, is_ed ? nullptr : EVP_sha256(),
                       nullptr, key.get());
  const bool verifies = EVP_DigestVerify(context, Bytes(bytes), bytes.size(),
                                         Bytes(input), input.size()) == 1;
  EVP_MD_CTX_free(context);
  return verifies;
}

// RFC 7515, appendix A.3.1.
Key Rfc7515Key() {
  return P256Key("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                 "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                 "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI");
}

JwsSigner SignerOf(JwsAlgorithm algorithm, const Key& key) {
  absl::StatusOr<JwsSigner> signer = JwsSigner::FromPem(algorithm, PemOf(key));
  EXPECT_TRUE(signer.ok()) << signer.status();
  return *std::move(signer);
}

// RFC 8037, appendices A.1 and A.4. The signature is deterministic.
TEST(JwsTest, SignsTheVectorOfEdDsa) {
  const JwsSigner signer = SignerOf(
      JwsAlgorithm::kEdDsa,
      Ed25519Key(Decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")));
  const absl::StatusOr<std::string> signature = signer.SignBytes(
      "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
  ASSERT_TRUE(signature.ok());
  EXPECT_EQ(
      Base64Url(*signature),
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVs"
      "Pt9g7sVvpAr_MuM0KAg");
}

// RFC 7515, appendix A.3.1: the check of the signature there, by which the
// checks of this file are checked.
TEST(JwsTest, TheVectorOfEs256Verifies) {
  const absl::string_view input =
      "eyJhbGciOiJFUzI1NiJ9"
      ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
      "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
  std::string signature = Decode(
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
      "pmWQxfKTUJqPP3-Kg6NU1Q");
  EXPECT_TRUE(Verifies(Rfc7515Key(), input, signature));
  signature[5] ^= 1;
  EXPECT_FALSE(Verifies(Rfc7515Key(), input, signature));
}

TEST(JwsTest, JoinsHeaderClaimsAndSignature) {
  const Key key = Rfc7515Key();
  const JwsSigner signer = SignerOf(JwsAlgorithm::kEs256, key);
  // Often enough that r or s begins with a zero byte in one of them.
  for (int i = 0; i < 600; ++i) {
    const absl::StatusOr<std::string> jws = signer.Sign(
        {{"typ", "JWT"}, {"kid", "k1"}}, {{"sub", "a"}, {"exp", i}});
    ASSERT_TRUE(jws.ok());
    const std::vector<std::string> parts = absl::StrSplit(*jws, '.');
    ASSERT_EQ(parts.size(), 3u);
    const auto header = nlohmann::json::parse(Decode(parts[0]));
    EXPECT_EQ(header, (nlohmann::json{
                          {"alg", "ES256"}, {"typ", "JWT"}, {"kid", "k1"}}));
    EXPECT_EQ(nlohmann::json::parse(Decode(parts[1])),
              (nlohmann::json{{"sub", "a"}, {"exp", i}}));
    ASSERT_TRUE(Verifies(key, parts[0] + "." + parts[1], Decode(parts[2])));
  }
}

TEST(JwsTest, SignsWithRsa) {
  const Key key(EVP_RSA_gen(2048));
  const JwsSigner signer = SignerOf(JwsAlgorithm::kRs256, key);
  const absl::StatusOr<std::string> jws =
      signer.Sign(nlohmann::json::object(), {{"a", 1}});
  ASSERT_TRUE(jws.ok());
  const std::vector<std::string> parts = absl::StrSplit(*jws, '.');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(Decode(parts[0]), R"({"alg":"RS256"})");
  EXPECT_TRUE(Verifies(key, parts[0] + "." + parts[1], Decode(parts[2])));
}

// A caller cannot say another algorithm than that of the key.
TEST(JwsTest, SetsTheAlgorithmItself) {
  const absl::StatusOr<std::string> jws =
      SignerOf(JwsAlgorithm::kEs256, Rfc7515Key())
          .Sign({{"alg", "none"}}, nlohmann::json::object());
  ASSERT_TRUE(jws.ok());
  EXPECT_EQ(Decode(jws->substr(0, jws->find('.'))), R"({"alg":"ES256"})");
}

TEST(JwsTest, BytesThatAreNoTextDoNotEndTheProcess) {
  const absl::StatusOr<std::string> jws =
      SignerOf(JwsAlgorithm::kEs256, Rfc7515Key())
          .Sign(nlohmann::json::object(), {{"sub", "\xff\xfe"}});
  EXPECT_TRUE(jws.ok());
}

TEST(JwsTest, TellsThePublicPoint) {
  const absl::StatusOr<std::string> point =
      SignerOf(JwsAlgorithm::kEs256, Rfc7515Key()).PublicPoint();
  ASSERT_TRUE(point.ok());
  EXPECT_EQ(*point, "\x04" +
                        Decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU") +
                        Decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"));
  EXPECT_EQ(SignerOf(JwsAlgorithm::kEdDsa, Ed25519Key(std::string(32, 'a')))
                .PublicPoint()
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(JwsTest, ANewKeyOutlivesItsFile) {
  absl::StatusOr<JwsSigner> made = JwsSigner::GenerateEs256();
  ASSERT_TRUE(made.ok());
  absl::StatusOr<JwsSigner> other = JwsSigner::GenerateEs256();
  ASSERT_TRUE(other.ok());
  EXPECT_NE(*made->PublicPoint(), *other->PublicPoint());
  const absl::StatusOr<Secret> pem = made->PrivatePem();
  ASSERT_TRUE(pem.ok());
  absl::StatusOr<JwsSigner> read =
      JwsSigner::FromPem(JwsAlgorithm::kEs256, *pem);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*made->PublicPoint(), *read->PublicPoint());
}

// RFC 8037, appendices A.2 and A.3.
TEST(JwsTest, WritesThePublicKeyOfEdDsaForItsThumbprint) {
  const absl::StatusOr<nlohmann::json> jwk =
      SignerOf(
          JwsAlgorithm::kEdDsa,
          Ed25519Key(Decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")))
          .PublicJwk();
  ASSERT_TRUE(jwk.ok());
  EXPECT_EQ(jwk->dump(),
            R"({"crv":"Ed25519","kty":"OKP",)"
            R"("x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})");
}

// RFC 7515, appendix A.3.1.
TEST(JwsTest, WritesThePublicKeyOfEs256) {
  const absl::StatusOr<nlohmann::json> jwk =
      SignerOf(JwsAlgorithm::kEs256, Rfc7515Key()).PublicJwk();
  ASSERT_TRUE(jwk.ok());
  EXPECT_EQ(jwk->dump(),
            R"({"crv":"P-256","kty":"EC",)"
            R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
            R"("y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})");
}

// RFC 8037, appendix A.5, and RFC 7515, appendix A.3.
TEST(JwsTest, VerifiesTheVectorsAndNothingElse) {
  struct Vector {
    JwsSigner signer;
    std::string input;
    std::string signature;
  };
  Vector vectors[] = {
      {SignerOf(JwsAlgorithm::kEdDsa, Ed25519Key(Decode("nWGxne_9WmC6hEr0kuwsxE"
                                                        "RJxWl7MmkZcDusAxyuf2"
                                                        "A"))),
       "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
       Decode("hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5B"
              "hVsPt9g7sVvpAr_MuM0KAg")},
      {SignerOf(JwsAlgorithm::kEs256, Rfc7515Key()),
       "eyJhbGciOiJFUzI1NiJ9"
       ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
       "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
       Decode("DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA"
              "pmWQxfKTUJqPP3-Kg6NU1Q")},
  };
  for (const Vector& vector : vectors) {
    EXPECT_TRUE(vector.signer.Verifies(vector.input, vector.signature));
    EXPECT_FALSE(vector.signer.Verifies(vector.input + "a", vector.signature));
    EXPECT_FALSE(vector.signer.Verifies(vector.input, ""));
    EXPECT_FALSE(vector.signer.Verifies(vector.input, std::string(64, '\0')));
    EXPECT_FALSE(vector.signer.Verifies(vector.input, vector.signature + '\0'));
    EXPECT_FALSE(
        vector.signer.Verifies(vector.input, vector.signature.substr(0, 63)));
    for (const size_t at : {0, 31, 32, 63}) {
      std::string changed = vector.signature;
      changed[at] ^= 1;
      EXPECT_FALSE(vector.signer.Verifies(vector.input, changed)) << at;
    }
  }
  EXPECT_FALSE(vectors[0].signer.Verifies(vectors[1].input,  //
                                          vectors[1].signature));
}

TEST(JwsTest, AKeyComesBackFromItsDer) {
  absl::StatusOr<JwsSigner> made[] = {JwsSigner::GenerateEdDsa(),
                                      JwsSigner::GenerateEs256()};
  const JwsAlgorithm algorithms[] = {JwsAlgorithm::kEdDsa,
                                     JwsAlgorithm::kEs256};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(made[i].ok());
    const absl::StatusOr<Secret> der = made[i]->PrivateDer();
    ASSERT_TRUE(der.ok());
    const absl::StatusOr<JwsSigner> read =
        JwsSigner::FromDer(algorithms[i], *der);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*made[i]->PublicJwk(), *read->PublicJwk());
    const absl::StatusOr<std::string> signature = read->SignBytes("a");
    ASSERT_TRUE(signature.ok());
    EXPECT_TRUE(made[i]->Verifies("a", *signature));
    EXPECT_FALSE(made[1 - i]->Verifies("a", *signature));

    EXPECT_FALSE(JwsSigner::FromDer(algorithms[1 - i], *der).ok());
    const std::string bytes(der->ExposeSecret());
    for (const std::string& wrong :
         {std::string(), std::string("banana"), bytes + "a",
          bytes.substr(0, bytes.size() - 1)}) {
      EXPECT_EQ(
          JwsSigner::FromDer(algorithms[i], Secret(wrong)).status().code(),
          absl::StatusCode::kInvalidArgument);
    }
  }
}

TEST(JwsTest, RefusesKeysOfOtherKinds) {
  const Key ed = Ed25519Key(std::string(32, 'a'));
  const Key p256 = Rfc7515Key();
  const Key p384(EVP_EC_gen("P-384"));
  const Key k256(EVP_EC_gen("secp256k1"));
  const Key rsa(EVP_RSA_gen(2048));
  const Key small_rsa(EVP_RSA_gen(1024));
  const std::vector<std::pair<JwsAlgorithm, const Key*>> wrong = {
      {JwsAlgorithm::kEs256, &ed},        {JwsAlgorithm::kEs256, &rsa},
      {JwsAlgorithm::kEs256, &p384},      {JwsAlgorithm::kEs256, &k256},
      {JwsAlgorithm::kRs256, &p256},      {JwsAlgorithm::kRs256, &ed},
      {JwsAlgorithm::kEdDsa, &p256},      {JwsAlgorithm::kEdDsa, &rsa},
      {JwsAlgorithm::kRs256, &small_rsa},
  };
  for (size_t i = 0; i < wrong.size(); ++i) {
    EXPECT_EQ(JwsSigner::FromPem(wrong[i].first, PemOf(*wrong[i].second))
                  .status()
                  .code(),
              absl::StatusCode::kInvalidArgument)
        << i;
  }
}

TEST(JwsTest, RefusesWhatIsNoKeyWithoutTellingIt) {
  for (const absl::string_view text :
       {"", "banana", "-----BEGIN PRIVATE KEY-----\nbanana\n"}) {
    const absl::Status status =
        JwsSigner::FromPem(JwsAlgorithm::kEs256, Secret(text)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_FALSE(absl::StrContains(status.message(), "banana"));
  }
}

// Else OpenSSL would ask on the terminal, and the server hang.
TEST(JwsTest, RefusesAKeyWithAPassphrase) {
  EXPECT_EQ(JwsSigner::FromPem(JwsAlgorithm::kEs256,
                               PemOf(Rfc7515Key(), EVP_aes_256_cbc()))
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cofactor::services
