// How a device comes to an enrollment: the activation, and the registration.

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/push/device_key.h"
#include "factors/push/push_factor_fixture.h"
#include "factors/push/push_state.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

using ::cofactor::record::v1::PushStateRecord;

class PushRegistrationTest : public PushFactorFixture {};

INSTANTIATE_TEST_SUITE_P(AllAlgorithms, PushRegistrationTest,
                         testing::Values(v1::DEVICE_KEY_ALGORITHM_ED25519,
                                         v1::DEVICE_KEY_ALGORITHM_P256));

TEST_P(PushRegistrationTest, AnActivationTellsWhereAndWhat) {
  const BegunEnrollment begun = Begin();
  const ActivationUri uri = UriOf(begun);
  EXPECT_EQ(uri.server, "https://id.example.com:443");
  EXPECT_EQ(uri.account_id, "acme");
  EXPECT_EQ(uri.member_id, "ada");
  EXPECT_EQ(uri.enrollment_id, "e1");
  EXPECT_EQ(uri.issuer, "acme");
  EXPECT_EQ(uri.account_name, "ada");
  EXPECT_EQ(uri.ticket.size(), 16u);
  EXPECT_TRUE(absl::StrContains(begun.activation.push().qr_svg(), "<svg"));
  EXPECT_TRUE(
      absl::StrContains(begun.activation.push().qr_png().substr(0, 8), "PNG"));
  EXPECT_TRUE(begun.attributes.empty());
  EXPECT_TRUE(begun.messages.empty());

  parameters_.mutable_push()->set_issuer("ACME & Co");
  parameters_.mutable_push()->set_account_name("Ada Ö");
  EXPECT_EQ(UriOf(Begin()).issuer, "ACME & Co");
  EXPECT_EQ(UriOf(Begin()).account_name, "Ada Ö");
}

TEST_P(PushRegistrationTest, TheLongestNamesFitIntoAQrCode) {
  const std::string id(128, '@');
  const std::string enrollment_id(32, 'e');
  EXPECT_EQ(UriOf(Begin({id, id, enrollment_id})).issuer, id);
  parameters_.mutable_push()->set_issuer(std::string(64, '&'));
  EXPECT_EQ(UriOf(Begin({id, id, enrollment_id})).issuer, std::string(64, '&'));
}

TEST_P(PushRegistrationTest, RefusesNamesThatAreNoText) {
  const auto bad = [this] {
    return BadField(
        factor_.BeginEnrollment(kSubject, parameters_, kNow, randomness_)
            .status());
  };
  for (const std::string& name : {std::string(65, 'x'), std::string("a\nb"),
                                  std::string("\xff"), std::string("\0", 1)}) {
    parameters_.mutable_push()->set_issuer(name);
    EXPECT_EQ(bad(), "parameters.push.issuer");
    parameters_.mutable_push()->set_issuer("");
    parameters_.mutable_push()->set_account_name(name);
    EXPECT_EQ(bad(), "parameters.push.account_name");
    parameters_.Clear();
  }
  parameters_.mutable_custom();
  EXPECT_EQ(bad(), "parameters.custom");
}

TEST_P(PushRegistrationTest, EveryTicketIsAnotherAndIsKeptAsAHash) {
  std::set<std::string> tickets;
  for (int i = 0; i < 100; ++i) {
    const BegunEnrollment begun = Begin();
    const std::string ticket(UriOf(begun).ticket.ExposeSecret());
    EXPECT_FALSE(absl::StrContains(begun.state.data.ExposeSecret(), ticket));
    tickets.insert(ticket);
  }
  EXPECT_EQ(tickets.size(), 100u);
}

TEST_P(PushRegistrationTest, RegistersADeviceOnce) {
  const BegunEnrollment begun = Begin();
  const v1::DeviceRegistration registration = Registration(begun);
  const auto verdict = Confirm(begun.state, registration);
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  ASSERT_TRUE(verdict->accepted);
  EXPECT_EQ(
      *verdict->new_attributes,
      (std::map<std::string, std::string>{
          {"device_name", "Ada's phone"},
          {"platform", "Android 16"},
          {"key_algorithm",
           GetParam() == v1::DEVICE_KEY_ALGORITHM_P256 ? "P-256" : "Ed25519"},
          {"key_fingerprint", FingerprintOf(signer_.key())},
          {"wake_up", "fcm"}}));
  EXPECT_EQ(DeviceKeyOf(*verdict->new_state)->SerializeAsString(),
            signer_.key().SerializeAsString());
  PushStateRecord record;
  ASSERT_TRUE(record.ParseFromString(
      std::string(verdict->new_state->data.ExposeSecret())));
  EXPECT_TRUE(record.ticket_hash().empty());

  // Neither the same nor another device registers on it again.
  EXPECT_FALSE(Registers(*verdict->new_state, registration));
  v1::DeviceRegistration second = registration;
  const DeviceSigner other = *DeviceSigner::Generate(GetParam());
  *second.mutable_key() = other.key();
  second.set_signature(*other.Sign(RegistrationBytes(IdsOf(kSubject), second)));
  EXPECT_TRUE(Registers(begun.state, second));
  EXPECT_FALSE(Registers(*verdict->new_state, second));
}

TEST_P(PushRegistrationTest, RegistersNothingWithoutTheTicket) {
  const BegunEnrollment begun = Begin();
  const v1::DeviceRegistration right = Registration(begun);
  for (size_t bit = 0; bit < 16 * 8; ++bit) {
    v1::DeviceRegistration wrong = right;
    char& byte = (*wrong.mutable_ticket())[bit / 8];
    byte = static_cast<char>(byte ^ (1 << bit % 8));
    Sign(wrong);
    EXPECT_FALSE(Registers(begun.state, wrong)) << bit;
  }
  EXPECT_FALSE(Registers(Begin().state, right));
  // What is stored is no ticket.
  PushStateRecord record;
  ASSERT_TRUE(
      record.ParseFromString(std::string(begun.state.data.ExposeSecret())));
  v1::DeviceRegistration wrong = right;
  wrong.set_ticket(record.ticket_hash().substr(0, 16));
  Sign(wrong);
  EXPECT_FALSE(Registers(begun.state, wrong));
  EXPECT_TRUE(Registers(begun.state, right));
}

TEST_P(PushRegistrationTest, RegistersNoKeyThatDidNotSignAllOfIt) {
  const BegunEnrollment begun = Begin();
  const v1::DeviceRegistration right = Registration(begun);
  const DeviceSigner other = *DeviceSigner::Generate(GetParam());
  const std::vector<std::function<void(v1::DeviceRegistration&)>> changes = {
      [&](auto& r) { *r.mutable_key() = other.key(); },
      [](auto& r) { r.set_device_name("Eve's phone"); },
      [](auto& r) { r.set_platform(""); },
      [](auto& r) { r.mutable_wake_up()->set_fcm_token("tokem"); },
      [](auto& r) { r.clear_wake_up(); },
      [](auto& r) { r.set_signature(std::string(64, 'x')); },
      [](auto& r) { r.set_signature("x"); },
      [&](auto& r) {
        r.set_signature(*other.Sign(RegistrationBytes(IdsOf(kSubject), r)));
      },
      [&](auto& r) {
        r.set_signature(*signer_.Sign(ListBytes(IdsOf(kSubject), r.ticket())));
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    v1::DeviceRegistration changed = right;
    changes[i](changed);
    EXPECT_FALSE(Registers(begun.state, changed)) << i;
  }
  EXPECT_FALSE(Registers(begun.state, right, {"acmf", "ada", "e1"}));
  EXPECT_FALSE(Registers(begun.state, right, {"acme", "eve", "e1"}));
  EXPECT_FALSE(Registers(begun.state, right, {"acme", "ada", "e2"}));
}

TEST_P(PushRegistrationTest, KeepsNothingOfAnAddressThatItDoesNotKnow) {
  const BegunEnrollment begun = Begin();
  v1::DeviceRegistration registration = Registration(begun);
  registration.mutable_wake_up()
      ->GetReflection()
      ->MutableUnknownFields(registration.mutable_wake_up())
      ->AddLengthDelimited(99, std::string(10'000, 'x'));
  const auto verdict = Confirm(begun.state, registration);
  ASSERT_TRUE(verdict.ok() && verdict->accepted) << verdict.status();
  EXPECT_LT(verdict->new_state->data.size(), 200u);
}

TEST(PushOptionsTest, TakesAServerThatDevicesCanTrust) {
  for (const char* server :
       {"", "https://id.example.com", "http://127.0.0.1:50051"}) {
    FactorRegistry::Builder builder;
    EXPECT_TRUE(RegisterPush(builder, {.device_server = server}).ok())
        << server;
  }
  for (const char* server : {"id.example.com", "http://id.example.com",
                             "https://id.example.com/x"}) {
    FactorRegistry::Builder builder;
    EXPECT_EQ(RegisterPush(builder, {.device_server = server}).code(),
              absl::StatusCode::kInvalidArgument)
        << server;
  }
}

}  // namespace
}  // namespace cofactor::factors::push
