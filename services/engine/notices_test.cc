// What members are told of (requirement 11), and what does not stop a call.

#include "services/engine/notices.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "cofactor/v1/delivery.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/binding_fixture.h"
#include "services/engine/delivery_engine.h"
#include "services/engine/verification_engine.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kAdasPhone[] = "+4915123456789";
constexpr char kAdasOtherPhone[] = "+4915123456788";

std::string NameOf(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kRecoveryCodeUsed:
      return "used";
    case NoticeKind::kRecoveryStarted:
      return "recovery";
    case NoticeKind::kFactorAdded:
      return "added";
    case NoticeKind::kFactorRemoved:
      return "removed";
  }
  return "";
}

class NoticesTest : public BindingFixture {
 protected:
  // Notices that left since the last call: "kind number". No message may bring
  // a code.
  std::vector<std::string> TakeNotices() {
    std::vector<std::string> notices;
    for (const PlannedMessage& message : harness_.TakeMessages()) {
      if (!message.notice.has_value()) {
        ADD_FAILURE() << "a code was sent";
        continue;
      }
      EXPECT_EQ(message.message.channel, "sms");
      EXPECT_TRUE(message.message.code.empty());
      EXPECT_EQ(message.account_id, "acme");
      last_message_id_ = message.message_id;
      notices.push_back(
          absl::StrCat(NameOf(*message.notice), " ", message.message.address));
    }
    return notices;
  }

  v1::BeginEnrollmentRequest SmsRequest(const std::string& phone_number) {
    v1::BeginEnrollmentRequest request = BeginRequest({}, "sms");
    request.mutable_parameters()->mutable_sms()->set_phone_number(phone_number);
    return request;
  }

  absl::StatusOr<v1::ConfirmEnrollmentResponse> Confirm(
      const v1::BeginEnrollmentResponse& begun, const std::string& code) {
    v1::ConfirmEnrollmentRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_enrollment_id(begun.enrollment().enrollment_id());
    request.mutable_response()->set_code(code);
    return harness_.Call(&EnrollmentEngine::ConfirmEnrollment, request);
  }

  // Gives ada a number, without a policy and so without a word.
  void GivePhone(const std::string& phone_number = kAdasPhone) {
    const auto begun = Begin(SmsRequest(phone_number));
    ASSERT_TRUE(begun.ok()) << begun.status();
    const std::vector<PlannedMessage> messages = harness_.TakeMessages();
    ASSERT_EQ(messages.size(), 1u);
    ASSERT_TRUE(
        Confirm(*begun, std::string(messages[0].message.code.ExposeSecret()))
            ->verified());
    ASSERT_THAT(TakeNotices(), IsEmpty());
  }

  // Ada's new recovery codes.
  std::vector<std::string> GiveCodes() {
    const auto begun = Begin({}, "recovery_code");
    EXPECT_TRUE(begun.ok()) << begun.status();
    const auto& codes = begun->activation().recovery_code().codes();
    EXPECT_TRUE(Confirm(*begun, codes[0])->verified());
    EXPECT_THAT(TakeNotices(), IsEmpty());
    return {codes.begin(), codes.end()};
  }

  bool Verifies(const std::string& code,
                const std::string& factor_type = "recovery_code") {
    v1::VerifyRequest request;
    request.set_account_id("acme");
    request.set_member_id("ada");
    request.set_factor_type(factor_type);
    request.set_code(code);
    const auto response = harness_.Call(&VerificationEngine::Verify, request);
    return response.ok() && response->verified();
  }

  std::string last_message_id_;
};

TEST_F(NoticesTest, TellsTheMemberThatARecoveryCodeWasUsed) {
  GivePhone();
  const std::vector<std::string> codes = GiveCodes();
  ASSERT_TRUE(Verifies(codes[0]));
  EXPECT_THAT(TakeNotices(), ElementsAre(absl::StrCat("used ", kAdasPhone)));
  EXPECT_FALSE(Verifies(codes[0]));
  EXPECT_THAT(TakeNotices(), IsEmpty());
}

TEST_F(NoticesTest, TellsOnceOfSixtyFourUsesAtOnce) {
  GivePhone();
  const std::vector<std::string> codes = GiveCodes();
  std::atomic<int> verified{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      if (Verifies(codes[0])) ++verified;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, 1);
  EXPECT_THAT(TakeNotices(), ElementsAre(absl::StrCat("used ", kAdasPhone)));
}

TEST_F(NoticesTest, TellsNothingOfAnotherFactor) {
  ChangeMember("ada",
               [](record::v1::MemberRecord& ada) { ada.clear_enrollments(); });
  GivePhone();
  const auto app = harness_.EnrollTotp("acme", "ada");
  ASSERT_TRUE(
      harness_.Verify("acme", "ada", app.authenticator.CodeAt(harness_.now()))
          ->verified());
  EXPECT_THAT(TakeNotices(), IsEmpty());
}

TEST_F(NoticesTest, GoesToEachActiveNumberOnce) {
  GivePhone();
  GivePhone();
  GivePhone(kAdasOtherPhone);
  ASSERT_TRUE(Start(Receipt("olga")).ok());
  EXPECT_THAT(TakeNotices(),
              UnorderedElementsAre(absl::StrCat("recovery ", kAdasPhone),
                                   absl::StrCat("recovery ", kAdasOtherPhone)));
}

TEST_F(NoticesTest, GoesToNoNumberThatIsNotConfirmed) {
  ASSERT_TRUE(Begin(SmsRequest(kAdasPhone)).ok());
  harness_.TakeMessages();
  ASSERT_TRUE(Start(Receipt("olga")).ok());
  EXPECT_THAT(TakeNotices(), IsEmpty());
}

TEST_F(NoticesTest, TellsOfNewFactorsWhereThereIsAPolicy) {
  GivePhone();
  PutPolicy(MakePolicy());
  auto request = SmsRequest(kAdasOtherPhone);
  *request.mutable_proof() = ReceiptProof("ada");
  const auto begun = Begin(request);
  ASSERT_TRUE(begun.ok()) << begun.status();
  const std::vector<PlannedMessage> messages = harness_.TakeMessages();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_FALSE(messages[0].notice.has_value());
  ASSERT_TRUE(
      Confirm(*begun, std::string(messages[0].message.code.ExposeSecret()))
          ->verified());
  // Not to the new number, which a thief would have.
  EXPECT_THAT(TakeNotices(), ElementsAre(absl::StrCat("added ", kAdasPhone)));
}

TEST_F(NoticesTest, TellsTheNumberThatGoes) {
  GivePhone();
  PutPolicy(MakePolicy());
  ASSERT_TRUE(Remove(ReceiptProof("ada"), "sms").ok());
  EXPECT_THAT(TakeNotices(), ElementsAre(absl::StrCat("removed ", kAdasPhone)));
}

TEST_F(NoticesTest, TellsOfNoRemovalThatWasRefusedOrOfNothing) {
  GivePhone();
  PutPolicy(MakePolicy());
  EXPECT_FALSE(Remove({}, "totp").ok());
  ASSERT_TRUE(Begin(ReceiptProof("ada"), "totp").ok());
  ASSERT_TRUE(Remove({}, "totp").ok());  // The pending one.
  EXPECT_THAT(TakeNotices(), IsEmpty());
}

// The budget of a number is 5 in 10 minutes; the code that confirmed it was the
// first.
TEST_F(NoticesTest, LetsTheCallGoOnWhenALimitDropsANotice) {
  GivePhone();
  const std::vector<std::string> codes = GiveCodes();
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(Verifies(codes[i]));
    EXPECT_EQ(TakeNotices().size(), 1u);
  }
  ASSERT_TRUE(Verifies(codes[4]));
  EXPECT_THAT(TakeNotices(), IsEmpty());
  Advance(absl::Minutes(11));
  ASSERT_TRUE(Verifies(codes[5]));
  EXPECT_EQ(TakeNotices().size(), 1u);
}

TEST_F(NoticesTest, LetsReportsOfItsDeliveryPass) {
  GivePhone();
  const std::vector<std::string> codes = GiveCodes();
  ASSERT_TRUE(Verifies(codes[0]));
  ASSERT_EQ(TakeNotices().size(), 1u);
  record::v1::DeliveryReport report;
  report.set_message_id(last_message_id_);
  for (const v1::DeliveryState state :
       {v1::DELIVERY_STATE_SENT, v1::DELIVERY_STATE_FAILED}) {
    report.set_state(state);
    const auto reported =
        harness_.Call(&DeliveryEngine::RecordDelivery, report);
    EXPECT_TRUE(reported.ok()) << reported.status();
  }
}

}  // namespace
}  // namespace cofactor::services
