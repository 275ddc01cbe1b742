#include "factors/password/password_factor.h"

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cofactor::factors::password {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kRight[] = "nine lamps, no attic";
const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

FactorRegistry Registry(const PasswordOptions& options) {
  FactorRegistry::Builder builder;
  EXPECT_TRUE(RegisterPassword(builder, options).ok());
  return std::move(builder).Build();
}

v1::FactorResponse Response(absl::string_view password) {
  v1::FactorResponse response;
  response.set_password(std::string(password));
  return response;
}

std::string Times(size_t count, absl::string_view text) {
  std::string times;
  for (size_t i = 0; i < count; ++i) times.append(text.data(), text.size());
  return times;
}

record::v1::PasswordStateRecord Open(const FactorState& state) {
  record::v1::PasswordStateRecord record;
  EXPECT_TRUE(record.ParseFromString(std::string(state.data.ExposeSecret())));
  return record;
}

class PasswordFactorTest : public testing::Test {
 protected:
  void Use(const PasswordOptions& options) { registry_ = Registry(options); }

  const Factor& factor() const { return *registry_.Find("password"); }

  absl::StatusOr<BegunEnrollment> Begin(
      const v1::PasswordParameters& parameters) {
    v1::FactorParameters all;
    *all.mutable_password() = parameters;
    return factor().BeginEnrollment({"initech", "milton", "e1"}, all, kNow,
                                    randomness_);
  }
  absl::StatusOr<BegunEnrollment> Choose(absl::string_view password) {
    v1::PasswordParameters parameters;
    parameters.set_password(std::string(password));
    return Begin(parameters);
  }
  absl::StatusOr<BegunEnrollment> Import(absl::string_view hash) {
    v1::PasswordParameters parameters;
    parameters.set_imported_hash(std::string(hash));
    return Begin(parameters);
  }

  Verdict Verify(const FactorState& state, absl::string_view password) {
    auto verdict =
        factor().Verify({state, Response(password), nullptr, kNow, {}});
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict.ok() ? *std::move(verdict) : Verdict();
  }

  SeededRandomness randomness_{7};
  FactorRegistry registry_ = Registry(PasswordOptions());
};

TEST_F(PasswordFactorTest, VerifiesTheChosenPasswordAlone) {
  const auto begun = Choose(kRight);
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_THAT(Open(begun->state).hash(),
              StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  const Verdict right = Verify(begun->state, kRight);
  EXPECT_TRUE(right.accepted);
  EXPECT_FALSE(right.new_state.has_value());
  for (const absl::string_view wrong :
       {"nine lamps, no atti", "nine lamps, no attic ", "Nine lamps, no attic",
        "x"}) {
    EXPECT_FALSE(Verify(begun->state, wrong).accepted) << wrong;
  }
  const auto confirmed = factor().ConfirmEnrollment(
      {begun->state, Response(kRight), nullptr, kNow, {}});
  ASSERT_TRUE(confirmed.ok());
  EXPECT_TRUE(confirmed->accepted);
}

TEST_F(PasswordFactorTest, KeepsNoPassword) {
  const auto begun = Choose(kRight);
  EXPECT_FALSE(absl::StrContains(begun->state.data.ExposeSecret(), kRight));
  // The same password of somebody else looks different.
  EXPECT_NE(Open(begun->state).hash(), Open(Choose(kRight)->state).hash());
}

TEST_F(PasswordFactorTest, TakesThe8To256CodePointsOfANewPassword) {
  // Of some random characters, so that length alone decides.
  EXPECT_FALSE(Choose("J7$mq!z").ok());
  EXPECT_TRUE(Choose("J7$mq!zP").ok());
  // 8 bytes more than code points.
  EXPECT_FALSE(Choose("\u00e97$mq!z").ok());
  // 8 code points as they are typed, and 7 of them after NFC.
  EXPECT_FALSE(Choose("e\u03017$mq!z").ok());
  EXPECT_TRUE(Choose("e\u03017$mq!zP").ok());
  const std::string start = "J7$mq!zP k2&Vx-";
  EXPECT_TRUE(Choose(start + std::string(256 - start.size(), '.')).ok());
  const auto too_long = Choose(start + std::string(257 - start.size(), '.'));
  EXPECT_THAT(std::string(too_long.status().message()),
              StartsWith("parameters.password.password"));
  EXPECT_FALSE(Choose("").ok());
}

TEST_F(PasswordFactorTest, TakesWhatIsTypedInPartsForTheSame) {
  const std::string composed = "caf\u00e9 am \u00dcbergang";
  const std::string in_parts = "cafe\u0301 am U\u0308bergang";
  EXPECT_TRUE(Verify(Choose(composed)->state, in_parts).accepted);
  EXPECT_TRUE(Verify(Choose(in_parts)->state, composed).accepted);
  EXPECT_FALSE(Verify(Choose(composed)->state, "cafe am Ubergang").accepted);
}

TEST_F(PasswordFactorTest, CutsNothingOff) {
  const std::string one = absl::StrCat(kRight, Times(180, "\u00e9"));
  const std::string start = absl::StrCat(kRight, Times(179, "\u00e9"));
  const FactorState state = std::move(Choose(one)->state);
  EXPECT_TRUE(Verify(state, one).accepted);
  EXPECT_FALSE(Verify(state, start + "\u00e8").accepted);  // Code point 200.
  EXPECT_FALSE(Verify(state, start).accepted);
}

TEST_F(PasswordFactorTest, RefusesWhatIsEasyToGuess) {
  EXPECT_FALSE(Choose("password1").ok());
  EXPECT_FALSE(Choose("initech-milton").ok());
  PasswordOptions options;
  const std::string path = absl::StrCat(testing::TempDir(), "/list");
  std::ofstream(path) << "NINE LAMPS, NO ATTIC\n";
  options.blocklist = std::make_shared<const Blocklist>(*Blocklist::Read(path));
  Use(options);
  EXPECT_THAT(std::string(Choose(kRight).status().message()),
              HasSubstr("is on the list"));
  EXPECT_TRUE(Choose("nine lamps, two attics").ok());
}

TEST_F(PasswordFactorTest, TakesAShortPasswordFromBeforeTheBoundRose) {
  const auto begun = Choose("J7$mq!zP");
  PasswordOptions options;
  options.min_code_points = 15;
  Use(options);
  EXPECT_TRUE(Verify(begun->state, "J7$mq!zP").accepted);
  EXPECT_THAT(std::string(Choose("J7$mq!zP k2&Vx").status().message()),
              HasSubstr("want 15 to 256"));
  EXPECT_TRUE(Choose("J7$mq!zP k2&Vx-").ok());
}

TEST_F(PasswordFactorTest, WantsMoreOfAPasswordThatSufficesAlone) {
  v1::FactorParameters parameters;
  parameters.mutable_password()->set_password("J7$mq!zP k2&Vx");
  const EnrollmentSubject beside{"acme", "ada", "e1"};
  const EnrollmentSubject alone{"acme", "ada", "e1", true};
  const auto begin = [&](const EnrollmentSubject& subject) {
    return factor()
        .BeginEnrollment(subject, parameters, kNow, randomness_)
        .status();
  };
  EXPECT_TRUE(begin(beside).ok());
  EXPECT_THAT(std::string(begin(alone).message()), HasSubstr("want 15 to 256"));
  parameters.mutable_password()->set_password("J7$mq!zP k2&Vx-");
  EXPECT_TRUE(begin(alone).ok());
}

TEST_F(PasswordFactorTest, HashesAnewWhenTheParametersRise) {
  const auto begun = Choose(kRight);
  PasswordOptions options;
  options.memory_kib = 32'768;
  options.iterations = 3;
  Use(options);
  EXPECT_FALSE(Verify(begun->state, "wrong").new_state.has_value());
  const Verdict right = Verify(begun->state, kRight);
  ASSERT_TRUE(right.accepted);
  ASSERT_TRUE(right.new_state.has_value());
  const auto old_record = Open(begun->state);
  const auto new_record = Open(*right.new_state);
  EXPECT_THAT(new_record.hash(), StartsWith("$argon2id$v=19$m=32768,t=3,p=1$"));
  // Nothing of the old hash is left, and the next salt will be another one.
  EXPECT_FALSE(absl::StrContains(right.new_state->data.ExposeSecret(),
                                 old_record.hash()));
  EXPECT_NE(new_record.salt_seed(), old_record.salt_seed());
  EXPECT_TRUE(Verify(*right.new_state, kRight).accepted);
  EXPECT_FALSE(Verify(*right.new_state, kRight).new_state.has_value());
  EXPECT_FALSE(Verify(*right.new_state, "wrong").accepted);
  // A server with the old parameters leaves it as it is.
  Use(PasswordOptions());
  EXPECT_FALSE(Verify(*right.new_state, kRight).new_state.has_value());
}

TEST_F(PasswordFactorTest, NeverUsesASaltTwice) {
  const auto salt_of = [](const FactorState& state) {
    return Open(state).hash().substr(31, 22);
  };
  FactorState state = std::move(Choose(kRight)->state);
  const std::string first = salt_of(state);
  PasswordOptions options;
  options.iterations = 3;
  Use(options);
  state = *std::move(Verify(state, kRight).new_state);
  const std::string second = salt_of(state);
  options.iterations = 4;
  Use(options);
  state = *std::move(Verify(state, kRight).new_state);
  EXPECT_NE(first, second);
  EXPECT_NE(second, salt_of(state));
  EXPECT_NE(first, salt_of(state));
}

TEST_F(PasswordFactorTest, TakesOverHashesFromElsewhere) {
  struct {
    const char* hash;
    const char* password;
    const char* kind;
  } const cases[] = {
      {"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$"
       "bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
       "password", "argon2id"},
      {"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U",
       "bcrypt"},
      {"pbkdf2-sha512$4096$c2FsdFNBTFRzYWx0U0FMVHNhbHRTQUxUc2FsdFNBTFRzYWx0$"
       "jAUR9Mbll8asYxXY8DYuIl88UBSVuiO4aMAFF03E7nERW1n55gzZUy+"
       "jPg91rv4wIlxYOhhs"
       "2CvU2uqXJKPTuA==",
       "passwordPASSWORDpassword", "pbkdf2-sha512"},
  };
  for (const auto& imported : cases) {
    const auto begun = Import(imported.hash);
    ASSERT_TRUE(begun.ok()) << begun.status();
    EXPECT_EQ(begun->attributes.at("hash"), imported.kind);
    const Verdict wrong = Verify(begun->state, "not this one");
    EXPECT_FALSE(wrong.accepted);
    EXPECT_FALSE(wrong.new_state.has_value());
    const auto right = factor().ConfirmEnrollment(
        {begun->state, Response(imported.password), nullptr, kNow, {}});
    ASSERT_TRUE(right.ok()) << right.status();
    ASSERT_TRUE(right->accepted) << imported.kind;
    ASSERT_TRUE(right->new_state.has_value());
    EXPECT_EQ(right->new_attributes->at("hash"), "argon2id");
    EXPECT_THAT(Open(*right->new_state).hash(),
                StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
    EXPECT_FALSE(absl::StrContains(right->new_state->data.ExposeSecret(),
                                   imported.hash));
    EXPECT_TRUE(Verify(*right->new_state, imported.password).accepted);
  }
}

TEST_F(PasswordFactorTest, RefusesHashesThatItCannotTakeOver) {
  for (const absl::string_view hash :
       {"5f4dcc3b5aa765d61d8327deb882cf99",
        "$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
        "MDEyMzQ1Njc4OWFiY2RlZg"}) {
    const auto begun = Import(hash);
    EXPECT_EQ(ErrorReason(begun.status()), "INVALID_FIELD");
    EXPECT_THAT(std::string(begun.status().message()),
                StartsWith("parameters.password.imported_hash"));
  }
  v1::PasswordParameters both;
  both.set_password(kRight);
  both.set_imported_hash(
      "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
  EXPECT_EQ(ErrorReason(Begin(both).status()), "INVALID_FIELD");
}

TEST_F(PasswordFactorTest, ADecoyAcceptsNothing) {
  const auto decoy = factor().DecoyState(randomness_);
  ASSERT_TRUE(decoy.ok());
  EXPECT_FALSE(Verify(*decoy, kRight).accepted);
  EXPECT_FALSE(Verify(*decoy, kRight).new_state.has_value());
}

TEST_F(PasswordFactorTest, RefusesADamagedState) {
  const auto begun = Choose(kRight);
  for (const auto& damage :
       std::initializer_list<void (*)(record::v1::PasswordStateRecord&)>{
           [](auto& record) { record.clear_hash(); },
           [](auto& record) { record.set_decoy(true); },
           [](auto& record) { record.set_salt_seed("short"); },
           [](auto& record) { record.set_hash("$argon2id$"); },
           // What an import of an account may bring: it must not eat memory.
           [](auto& record) {
             record.set_hash(
                 "$argon2id$v=19$m=4194304,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$"
                 "MDEyMzQ1Njc4OWFiY2RlZg");
           }}) {
    record::v1::PasswordStateRecord record = Open(begun->state);
    damage(record);
    const FactorState state{1, Secret(record.SerializeAsString())};
    EXPECT_EQ(factor()
                  .Verify({state, Response(kRight), nullptr, kNow, {}})
                  .status()
                  .code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST_F(PasswordFactorTest, RefusesResponsesThatAreNoPassword) {
  v1::FactorResponse code;
  code.set_code("123456");
  for (const v1::FactorResponse& response :
       {v1::FactorResponse(), code, Response(""), Response("a\xff"),
        Response(absl::string_view("a\0b", 3)), Response(Times(257, "x"))}) {
    const absl::Status status = factor().CheckResponse(response, "code");
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD");
    EXPECT_THAT(std::string(status.message()), StartsWith("response.password"));
  }
  EXPECT_TRUE(factor().CheckResponse(Response("x"), "code").ok());
}

TEST(RegisterPasswordTest, RefusesOptionsThatAreOutOfRange) {
  FactorRegistry::Builder builder;
  PasswordOptions options;
  options.memory_kib = 19'455;
  EXPECT_FALSE(RegisterPassword(builder, options).ok());
  options = {};
  options.memory_kib = 262'145;
  EXPECT_FALSE(RegisterPassword(builder, options).ok());
  options = {};
  options.iterations = 1;
  EXPECT_FALSE(RegisterPassword(builder, options).ok());
  options = {};
  options.min_code_points = 7;
  EXPECT_FALSE(RegisterPassword(builder, options).ok());
}

}  // namespace
}  // namespace cofactor::factors::password
