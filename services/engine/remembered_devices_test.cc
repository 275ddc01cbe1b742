#include "services/engine/remembered_devices.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "services/engine/keys.h"
#include "services/engine/session_fixture.h"

namespace cofactor::services {
namespace {

class RememberedDevicesTest : public SessionFixture {
 protected:
  RememberedDevicesTest() { PutPolicy(MakePolicy()); }

  std::vector<storage::Entry> Records() {
    return harness_.RawRecords(std::string(kRememberedDevicesPrefix));
  }
};

TEST_F(RememberedDevicesTest, KnowsADeviceAgain) {
  const std::string token = Remember();
  const std::string id = UseDevice(token);
  EXPECT_NE(id, "");
  EXPECT_EQ(UseDevice(token), id);
  const std::vector<std::string> parts = absl::StrSplit(token, '_');
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1], id);
  for (const storage::Entry& entry : harness_.RawRecords()) {
    EXPECT_EQ(entry.record.value.find(parts[2]), std::string::npos);
  }
}

TEST_F(RememberedDevicesTest, MakesNoSession) {
  UseDevice(Remember());
  EXPECT_TRUE(harness_.RawRecords(std::string(kSessionPrefix)).empty());
}

TEST_F(RememberedDevicesTest, KnowsNothingByAForgedToken) {
  const std::string token = Remember();
  const std::string id = UseDevice(token);
  const std::string other = Remember();
  const std::vector<std::string> other_parts = absl::StrSplit(other, '_');
  for (const std::string& forged :
       {absl::StrCat("cfd_", id, "_", std::string(64, '0')),
        absl::StrCat("cfd_", id, "_", other_parts[2]), token.substr(1),
        absl::StrCat(token, "0"), id, std::string()}) {
    EXPECT_EQ(UseDevice(forged), "") << forged;
  }
}

TEST_F(RememberedDevicesTest, BelongsToOneMemberAccountAndClient) {
  harness_.CreateMember("acme", "eve");
  harness_.CreateMember("zeta", "ada");
  PutPolicy(MakePolicy(), "zeta");
  const std::string token = Remember();
  EXPECT_EQ(UseDevice(token, "eve"), "");
  EXPECT_EQ(UseDevice(token, "ada", "zeta"), "");
  ActAs("other", {v1::SCOPE_VERIFY, v1::SCOPE_ACCOUNTS});
  EXPECT_EQ(UseDevice(token), "");
  ActAs("web");
  EXPECT_NE(UseDevice(token), "");
}

TEST_F(RememberedDevicesTest, IsForgottenInTime) {
  const std::string token = Remember();
  Advance(absl::Hours(24 * 30) - absl::Seconds(1));
  // Use makes it no younger.
  EXPECT_NE(UseDevice(token), "");
  auto records = Records();
  ASSERT_EQ(records.size(), 1u);
  Advance(absl::Seconds(1));
  EXPECT_TRUE(Records().empty());
  records[0].record.expire_time = absl::InfiniteFuture();
  PutBack(records);
  EXPECT_EQ(UseDevice(token), "");
}

TEST_F(RememberedDevicesTest, LastsAsLongAsThePolicyOfNowSays) {
  const std::string token = Remember();
  Advance(absl::Hours(2));
  v1::Policy policy = MakePolicy();
  policy.mutable_remembered_devices()->mutable_lifetime()->set_seconds(7'200);
  PutPolicy(policy);
  EXPECT_EQ(UseDevice(token), "");
  policy.mutable_remembered_devices()->mutable_lifetime()->set_seconds(7'201);
  PutPolicy(policy);
  EXPECT_NE(UseDevice(token), "");
  policy.mutable_remembered_devices()->mutable_lifetime()->set_seconds(86'400 *
                                                                       90);
  PutPolicy(policy);
  Advance(absl::Hours(24 * 30));
  EXPECT_EQ(UseDevice(token), "");
}

TEST_F(RememberedDevicesTest, ReplacesTheOldestOfTooMany) {
  std::vector<std::string> tokens;
  for (int i = 0; i < 6; ++i) {
    Advance(absl::Seconds(1));
    tokens.push_back(Remember(absl::StrCat("device ", i)));
  }
  EXPECT_EQ(UseDevice(tokens[0]), "");
  for (int i = 1; i < 6; ++i) EXPECT_NE(UseDevice(tokens[i]), "") << i;
  v1::Policy policy = MakePolicy();
  policy.mutable_remembered_devices()->set_max_devices(2);
  PutPolicy(policy);
  const std::string last = Remember();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(UseDevice(tokens[i]), "") << i;
  EXPECT_NE(UseDevice(tokens[5]), "");
  EXPECT_NE(UseDevice(last), "");
}

TEST_F(RememberedDevicesTest, IsForgottenWithASuspensionForGood) {
  const std::string token = Remember();
  const auto records = Records();
  ASSERT_TRUE(Suspend(true).ok());
  EXPECT_EQ(UseDevice(token), "");
  ASSERT_TRUE(Suspend(false).ok());
  EXPECT_EQ(UseDevice(token), "");
  PutBack(records);
  EXPECT_EQ(UseDevice(token), "");
  EXPECT_NE(UseDevice(Remember()), "");
}

TEST_F(RememberedDevicesTest, DoesNotPassToAnotherMemberOfTheSameId) {
  const std::string token = Remember();
  const auto records = Records();
  ASSERT_TRUE(DeleteMember().ok());
  EXPECT_TRUE(Records().empty());
  Advance(absl::Seconds(1));
  harness_.CreateMember("acme", "ada");
  EXPECT_EQ(UseDevice(token), "");
  PutBack(records);
  EXPECT_EQ(UseDevice(token), "");
}

TEST_F(RememberedDevicesTest, HelpsNobodyWhoMayNotVerify) {
  const std::string token = Remember();
  ASSERT_TRUE(SetValidUntil(harness_.now() + absl::Minutes(1)).ok());
  EXPECT_NE(UseDevice(token), "");
  Advance(absl::Minutes(1));
  EXPECT_EQ(UseDevice(token), "");
}

}  // namespace
}  // namespace cofactor::services
