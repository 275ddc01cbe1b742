#include "services/messenger/outbox_gateway.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/gateway_fixture.h"

namespace cofactor::services {
namespace {

TEST(OutboxGatewayTest, KeepsTheLastTexts) {
  ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
  OutboxGateway outbox(clock, "outbox", 3);
  EXPECT_TRUE(outbox.Entries().empty());
  for (int i = 0; i < 5; ++i) {
    SmsMessage message = TestMessage(clock);
    message.message_id = absl::StrCat("id-", i);
    message.text = Secret(absl::StrCat("code ", i));
    message.sender = "Bank";
    message.delivery_report_url = "http://a.example";
    clock.Advance(absl::Seconds(1));
    const SmsOutcome outcome = SendAndAwait(outbox, message);
    EXPECT_EQ(outcome.verdict, SmsVerdict::kAccepted);
    EXPECT_EQ(outcome.gateway, "outbox");
    EXPECT_EQ(outcome.provider_id, message.message_id);
  }
  const std::vector<OutboxGateway::Entry> kept = outbox.Entries();
  ASSERT_EQ(kept.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(kept[i].message.message_id, absl::StrCat("id-", i + 2));
    EXPECT_EQ(kept[i].message.text.ExposeSecret(),
              absl::StrCat("code ", i + 2));
    EXPECT_EQ(kept[i].message.to, "+4915123456789");
    EXPECT_EQ(kept[i].message.sender, "Bank");
    EXPECT_EQ(kept[i].message.validity, absl::Minutes(10));
    EXPECT_EQ(kept[i].message.delivery_report_url, "http://a.example");
    EXPECT_EQ(kept[i].send_time, absl::FromUnixSeconds(1'700'000'003 + i));
    EXPECT_EQ(kept[i].message.deadline, kept[i].send_time + absl::Seconds(59));
  }
  // Reading takes nothing out.
  EXPECT_EQ(outbox.Entries().size(), 3u);
}

}  // namespace
}  // namespace cofactor::services
