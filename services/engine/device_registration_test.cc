// How a device confirms an enrollment: by its ticket, once, and by nothing
// else.

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cofactor/v1/audit.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/engine/device_fixture.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::util::MessageDifferencer;

class DeviceRegistrationTest : public DeviceFixture {
 protected:
  // With a ticket that is not that of the enrollment.
  static v1::RegisterDeviceRequest WithWrongTicket(const PushPhone& phone) {
    v1::DeviceRegistration registration = phone.Registration();
    registration.set_ticket(std::string(16, 'x'));
    registration.set_signature(phone.Sign(
        factors::push::RegistrationBytes(phone.ids(), registration)));
    return RequestOf(phone.ids(), registration);
  }

  // Begins and does not confirm an enrollment of "totp".
  std::string BeginTotp() {
    v1::BeginEnrollmentRequest begin;
    begin.set_account_id("acme");
    begin.set_member_id("ada");
    begin.set_factor_type("totp");
    return harness_.Call(&EnrollmentEngine::BeginEnrollment, begin)
        ->enrollment()
        .enrollment_id();
  }

  uint32_t FailuresOf(const PushPhone& phone) {
    return harness_
        .GetEnrollment(phone.account_id(), phone.member_id(),
                       phone.enrollment_id())
        .consecutive_failures();
  }
};

TEST_F(DeviceRegistrationTest, RegistersByTheTicketWithoutAnyOtherCredential) {
  for (const v1::DeviceKeyAlgorithm algorithm :
       {v1::DEVICE_KEY_ALGORITHM_ED25519, v1::DEVICE_KEY_ALGORITHM_P256}) {
    const PushPhone phone(Begin(), algorithm);
    EXPECT_FALSE(IsDevice(phone));
    harness_.ActAs({v1::SCOPE_DEVICE});
    EXPECT_TRUE(Registers(phone));
    EXPECT_TRUE(IsDevice(phone));
    harness_.ActAs(Caller::Server());
    EXPECT_EQ(
        harness_.GetEnrollment("acme", "ada", phone.enrollment_id()).state(),
        v1::ENROLLMENT_STATE_ACTIVE);
    EXPECT_EQ(AttributesOf(phone)["device_name"], "Ada's phone");
    EXPECT_EQ(AttributesOf(phone)["platform"], "Android 16");
  }
}

TEST_F(DeviceRegistrationTest, TellsTheAuditLogWhatBecameOfIt) {
  const PushPhone phone(Begin());
  const auto expect_event = [&](v1::AuditResult result,
                                const std::string& reason) {
    const record::v1::AuditRecord event = harness_.AuditEvents().back();
    EXPECT_EQ(event.action(), "RegisterDevice");
    EXPECT_EQ(event.account_id(), "acme");
    EXPECT_EQ(event.member_id(), "ada");
    EXPECT_EQ(event.enrollment_id(), phone.enrollment_id());
    EXPECT_EQ(event.factor_type(), "push");
    EXPECT_EQ(event.result(), result);
    EXPECT_EQ(event.reason(), reason);
  };
  ASSERT_TRUE(Register(WithWrongTicket(phone)).ok());
  expect_event(v1::AUDIT_RESULT_NOT_VERIFIED, "VERIFICATION_REASON_WRONG_CODE");
  ASSERT_TRUE(Registers(phone));
  expect_event(v1::AUDIT_RESULT_VERIFIED, "");
  ASSERT_FALSE(Registers(phone));
  expect_event(v1::AUDIT_RESULT_NOT_VERIFIED,
               "VERIFICATION_REASON_NO_ENROLLMENT");
}

// None of them tells what there is.
TEST_F(DeviceRegistrationTest, AnswersAlikeWhateverIsWrong) {
  const PushPhone phone(Begin());
  const auto with = [&](const std::string& account_id,
                        const std::string& member_id,
                        const std::string& enrollment_id) {
    const factors::push::DeviceIds ids{account_id, member_id, enrollment_id};
    v1::DeviceRegistration registration = phone.Registration();
    registration.set_signature(
        phone.Sign(factors::push::RegistrationBytes(ids, registration)));
    return RequestOf(ids, registration);
  };
  const std::string& id = phone.enrollment_id();
  const auto totp = harness_.EnrollTotp("acme", "ada");
  const std::string pending_totp = BeginTotp();
  const PushPhone old(Begin());
  ASSERT_TRUE(Registers(old));
  const PushPhone bobs(Begin("bob"));
  harness_.SuspendMember("acme", "bob");
  const PushPhone gone(Begin());
  harness_.DeleteEnrollment("acme", "ada", gone.enrollment_id());
  v1::DeviceRegistration unsigned_one = phone.Registration();
  unsigned_one.set_signature(old.Registration().signature());
  struct Case {
    std::string name;
    v1::RegisterDeviceRequest request;
  };
  for (const Case& wrong : {
           Case{"unknown account", with("beta", "ada", id)},
           Case{"unknown member", with("acme", "eve", id)},
           Case{"unknown enrollment", with("acme", "ada", "0")},
           Case{"of another member", with("acme", "bob", id)},
           Case{"active totp", with("acme", "ada", totp.enrollment_id)},
           Case{"pending totp", with("acme", "ada", pending_totp)},
           Case{"used ticket", RequestOf(old.ids(), old.Registration())},
           Case{"suspended", RequestOf(bobs.ids(), bobs.Registration())},
           Case{"deleted", RequestOf(gone.ids(), gone.Registration())},
           Case{"wrong ticket", WithWrongTicket(phone)},
           Case{"wrong signature", RequestOf(phone.ids(), unsigned_one)},
       }) {
    const auto answer = Register(wrong.request);
    ASSERT_TRUE(answer.ok()) << wrong.name << ": " << answer.status();
    EXPECT_TRUE(
        MessageDifferencer::Equals(*answer, v1::RegisterDeviceResponse()))
        << wrong.name;
  }
  // It was not for want of a registration that could have been right.
  EXPECT_TRUE(Registers(phone));
}

// Anybody may call, so that the disk would be anybody's to fill.
TEST_F(DeviceRegistrationTest, WritesNothingForNamesThatThereAreNot) {
  const PushPhone phone(Begin());
  const auto before = Versions();
  for (const factors::push::DeviceIds& ids :
       {factors::push::DeviceIds{"beta", "ada", phone.enrollment_id()},
        factors::push::DeviceIds{"acme", "eve", phone.enrollment_id()},
        factors::push::DeviceIds{"acme", "ada", "0"}}) {
    EXPECT_FALSE(Registers(RequestOf(ids, phone.Registration())));
  }
  EXPECT_EQ(Versions(), before);
}

// A ticket is no code: a device must not use up the tries of an authenticator.
TEST_F(DeviceRegistrationTest, TouchesNoEnrollmentOfAnotherFactor) {
  const std::string totp = BeginTotp();
  const PushPhone phone(Begin());
  const auto before = Versions(MemberKey("acme", "ada"));
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(
        Registers(RequestOf({"acme", "ada", totp}, phone.Registration())));
  }
  EXPECT_EQ(Versions(MemberKey("acme", "ada")), before);
  EXPECT_EQ(harness_.GetEnrollment("acme", "ada", totp).state(),
            v1::ENROLLMENT_STATE_PENDING);
}

TEST_F(DeviceRegistrationTest, CountsWrongTicketsAndLocksAtTheFifth) {
  const PushPhone phone(Begin());
  for (uint32_t i = 1; i <= 5; ++i) {
    EXPECT_FALSE(Registers(WithWrongTicket(phone)));
    EXPECT_EQ(FailuresOf(phone), i);
  }
  EXPECT_TRUE(harness_.AuditEvents().back().lock_began());
  // The right one is not even looked at.
  const auto locked = Register(RequestOf(phone.ids(), phone.Registration()));
  EXPECT_EQ(locked.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(IsDevice(phone));
  harness_.clock().Advance(absl::Seconds(30));
  EXPECT_TRUE(Registers(phone));
}

TEST_F(DeviceRegistrationTest, CountsAKeyThatTheDeviceDoesNotHave) {
  const std::string uri = Begin();
  const PushPhone phone(uri);
  const PushPhone other(uri);
  v1::DeviceRegistration registration = phone.Registration();
  *registration.mutable_key() = other.Registration().key();
  registration.set_signature(
      phone.Sign(factors::push::RegistrationBytes(phone.ids(), registration)));
  EXPECT_FALSE(Registers(RequestOf(phone.ids(), registration)));
  EXPECT_EQ(FailuresOf(phone), 1u);
}

// Whoever took a picture of the QR code comes too late.
TEST_F(DeviceRegistrationTest, ATicketIsGoodForOneDevice) {
  const std::string uri = Begin();
  const PushPhone first(uri);
  const PushPhone second(uri);
  ASSERT_TRUE(Registers(first));
  const auto before = Versions(MemberKey("acme", "ada"));
  EXPECT_FALSE(Registers(second));
  EXPECT_FALSE(Registers(first));
  EXPECT_EQ(Versions(MemberKey("acme", "ada")), before);
  EXPECT_TRUE(IsDevice(first));
  EXPECT_FALSE(IsDevice(second));
}

TEST_F(DeviceRegistrationTest, OneOfSixtyFourAtOnceWins) {
  const std::string uri = Begin();
  std::vector<PushPhone> phones;
  for (int i = 0; i < 64; ++i) phones.emplace_back(uri);
  std::atomic<int> registered{0};
  std::atomic<int> winner{-1};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&, i] {
      if (!Registers(phones[i])) return;
      ++registered;
      winner = i;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(registered, 1);
  for (int i = 0; i < 64; ++i) EXPECT_EQ(IsDevice(phones[i]), i == winner);
}

TEST_F(DeviceRegistrationTest, ATicketIsGoodForTenMinutes) {
  const PushPhone late(Begin());
  const PushPhone in_time(Begin("bob"));
  harness_.clock().Advance(absl::Minutes(10) - absl::Microseconds(1));
  EXPECT_TRUE(Registers(in_time));
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_FALSE(Registers(late));
}

TEST_F(DeviceRegistrationTest, ARetryReturnsTheFirstResultAndCountsOnce) {
  const PushPhone phone(Begin());
  v1::RegisterDeviceRequest wrong = WithWrongTicket(phone);
  wrong.set_request_id("r-1");
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(Registers(wrong));
  EXPECT_EQ(FailuresOf(phone), 1u);
  v1::RegisterDeviceRequest right =
      RequestOf(phone.ids(), phone.Registration());
  right.set_request_id("r-2");
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(Registers(right));
}

TEST_F(DeviceRegistrationTest, NothingReturnsTheTicketAfterwards) {
  const PushPhone phone(Begin("ada", "r-1"));
  ASSERT_TRUE(Registers(phone));
  EXPECT_EQ(Begin("ada", "r-1"), "");
}

// Also where there is no such enrollment, or it would tell that there is.
TEST_F(DeviceRegistrationTest, NamesTheFieldOfBadInput) {
  const PushPhone phone(Begin());
  for (const std::string& id : {phone.enrollment_id(), std::string("0")}) {
    const v1::RegisterDeviceRequest good =
        RequestOf({"acme", "ada", id}, phone.Registration());
    const auto field_of = [&](auto change) {
      v1::RegisterDeviceRequest bad = good;
      change(bad);
      const absl::Status status = Register(bad).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      return std::string(
          status.message().substr(0, status.message().find(':')));
    };
    EXPECT_EQ(field_of([](auto& bad) { bad.set_account_id("a/b"); }),
              "account_id");
    EXPECT_EQ(field_of([](auto& bad) { bad.clear_member_id(); }), "member_id");
    EXPECT_EQ(field_of([](auto& bad) { bad.clear_enrollment_id(); }),
              "enrollment_id");
    EXPECT_EQ(field_of([](auto& bad) { bad.clear_registration(); }),
              "registration.ticket");
    EXPECT_EQ(field_of([](auto& bad) {
                bad.mutable_registration()->mutable_key()->set_public_key("x");
              }).substr(0, 16),
              "registration.key");
    EXPECT_EQ(field_of([](auto& bad) {
                bad.mutable_registration()->clear_device_name();
              }),
              "registration.device_name");
    EXPECT_EQ(field_of([](auto& bad) {
                bad.mutable_registration()->set_platform("a\nb");
              }),
              "registration.platform");
    EXPECT_EQ(field_of([](auto& bad) {
                bad.mutable_registration()->mutable_wake_up()->set_apns_token(
                    "no hex");
              }),
              "registration.wake_up.apns_token");
  }
  EXPECT_EQ(FailuresOf(phone), 0u);
}

}  // namespace
}  // namespace cofactor::services
