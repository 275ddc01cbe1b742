#include "services/messenger/outbox_gateway.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "services/messenger/gateway_fixture.h"

namespace cofactor::services {
namespace {

TEST(OutboxGatewayTest, KeepsTheLastTexts) {
  const ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
  OutboxGateway outbox("outbox", 3);
  EXPECT_TRUE(outbox.Messages().empty());
  for (int i = 0; i < 5; ++i) {
    SmsMessage message = TestMessage(clock);
    message.message_id = absl::StrCat("id-", i);
    message.text = Secret(absl::StrCat("code ", i));
    message.sender = "Bank";
    message.delivery_report_url = "http://a.example";
    const SmsOutcome outcome = SendAndAwait(outbox, message);
    EXPECT_EQ(outcome.verdict, SmsVerdict::kAccepted);
    EXPECT_EQ(outcome.gateway, "outbox");
    EXPECT_EQ(outcome.provider_id, message.message_id);
  }
  const std::vector<SmsMessage> kept = outbox.Messages();
  ASSERT_EQ(kept.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(kept[i].message_id, absl::StrCat("id-", i + 2));
    EXPECT_EQ(kept[i].text.ExposeSecret(), absl::StrCat("code ", i + 2));
    EXPECT_EQ(kept[i].to, "+4915123456789");
    EXPECT_EQ(kept[i].sender, "Bank");
    EXPECT_EQ(kept[i].validity, absl::Minutes(10));
    EXPECT_EQ(kept[i].delivery_report_url, "http://a.example");
    EXPECT_EQ(kept[i].deadline, clock.Now() + absl::Minutes(1));
  }
  // Reading takes nothing out.
  EXPECT_EQ(outbox.Messages().size(), 3u);
}

}  // namespace
}  // namespace cofactor::services
