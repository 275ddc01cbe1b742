#include "services/wake_up/make_waker.h"

#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/private_file.h"
#include "cofactor/v1/delivery.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/messenger/test_http2_front.h"
#include "services/messenger/test_http_server.h"
#include "services/wake_up/test_key.h"
#include "services/wake_up/web_push_receiver.h"

namespace cofactor::services {
namespace {

using ::testing::HasSubstr;

class MakeWakerTest : public testing::Test {
 protected:
  MakeWakerTest() {
    config::v1::WebPush& web_push = *push_.mutable_web_push();
    web_push.set_vapid_key_file(absl::StrCat(
        testing::TempDir(), "/",
        testing::UnitTest::GetInstance()->current_test_info()->name()));
    web_push.set_subject("mailto:a@b.example");
    web_push.set_allow_loopback(true);
  }

  absl::StatusOr<WakerParts> Make(const VendorOptions& options = {}) {
    return MakeWaker(
        push_, clock_, randomness_,
        [promise = promise_](record::v1::DeliveryReport report) {
          promise->set_value(std::move(report));
        },
        options);
  }

  // The report on a wake-up to the address.
  record::v1::DeliveryReport ReportOn(Waker& waker,
                                      const v1::WakeUpAddress& address) {
    std::vector<PlannedMessage> messages(1);
    messages[0].message.channel = "wake_up";
    messages[0].message.address = address.SerializeAsString();
    messages[0].message_id = "m1";
    messages[0].expire_time = clock_.Now() + absl::Minutes(1);
    waker.Send(std::move(messages));
    std::future<record::v1::DeliveryReport> report = promise_->get_future();
    EXPECT_EQ(report.wait_for(std::chrono::seconds(20)),
              std::future_status::ready);
    return report.get();
  }

  std::string KeyText() const {
    std::ostringstream text;
    text << std::ifstream(push_.web_push().vapid_key_file()).rdbuf();
    return text.str();
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SystemRandomness randomness_;
  config::v1::Push push_;
  const std::shared_ptr<std::promise<record::v1::DeliveryReport>> promise_ =
      std::make_shared<std::promise<record::v1::DeliveryReport>>();
};

TEST_F(MakeWakerTest, ADeviceIsWokenUp) {
  TestHttpServer server;
  server.Then(TestHttpServer::Answer(201, ""));
  const WebPushReceiver receiver;
  const auto parts = Make();
  ASSERT_TRUE(parts.ok()) << parts.status();
  ASSERT_NE(parts->waker, nullptr);
  v1::WakeUpAddress address;
  address.mutable_web_push()->set_endpoint(server.url() + "/x");
  address.mutable_web_push()->set_p256dh(receiver.p256dh());
  address.mutable_web_push()->set_auth(receiver.auth());
  EXPECT_EQ(ReportOn(*parts->waker, address).state(), v1::DELIVERY_STATE_SENT);
  const std::vector<std::string> requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  const std::vector<std::string> halves =
      absl::StrSplit(requests[0], absl::MaxSplits("\r\n\r\n", 1));
  EXPECT_EQ(receiver.Open(halves[1]), R"({"cofactor":"challenge"})");
}

TEST_F(MakeWakerTest, ADeviceIsWokenUpByFirebase) {
  TestHttpServer server;
  server.Then(TestHttpServer::Answer(
      200, R"({"access_token":"t","expires_in":9,"token_type":"Bearer"})"));
  server.Then(TestHttpServer::Answer(200, "{}"));
  const std::string path = testing::TempDir() + "/account.json";
  ASSERT_TRUE(
      ReplacePrivateFile(
          path, Secret(nlohmann::json({{"type", "service_account"},
                                       {"project_id", "project-1"},
                                       {"private_key", TestKey::Rsa().pem()},
                                       {"client_email", "sender@example.com"},
                                       {"token_uri", server.url() + "/token"}})
                           .dump()))
          .ok());
  push_.Clear();
  push_.mutable_fcm()->set_service_account_file(path);
  const auto parts = Make({.fcm_url = server.url(), .allow_loopback = true});
  ASSERT_TRUE(parts.ok()) << parts.status();
  v1::WakeUpAddress address;
  address.set_fcm_token("token");
  EXPECT_EQ(ReportOn(*parts->waker, address).state(), v1::DELIVERY_STATE_SENT);
  EXPECT_THAT(server.requests().at(1), HasSubstr("messages:send"));
}

TEST_F(MakeWakerTest, ADeviceIsWokenUpByApple) {
  TestHttpServer server;
  server.Then({.bytes = "HTTP/1.1 410 Word\r\nConnection: close\r\n"
                        "Content-Length: 25\r\n\r\n"
                        R"({"reason":"Unregistered"})"});
  const TestHttp2Front front(server.port());
  const std::string path = testing::TempDir() + "/apns.p8";
  ASSERT_TRUE(ReplacePrivateFile(path, Secret(TestKey::Ec().pem())).ok());
  push_.Clear();
  push_.mutable_apns()->set_key_file(path);
  push_.mutable_apns()->set_topic("com.example.app");
  const auto parts = Make({.apns_url = front.url()});
  ASSERT_TRUE(parts.ok()) << parts.status();
  v1::WakeUpAddress address;
  address.set_apns_token("abcd");
  const record::v1::DeliveryReport report = ReportOn(*parts->waker, address);
  EXPECT_EQ(report.state(), v1::DELIVERY_STATE_FAILED);
  EXPECT_EQ(report.reason(), "ADDRESS_GONE");
  EXPECT_THAT(server.requests().at(0), HasSubstr("/3/device/abcd"));
}

TEST_F(MakeWakerTest, TheVapidKeyIsMadeOnceAndClosedToOthers) {
  const auto first = Make();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->web_push_public_key.size(), 65u);
  const std::string key = KeyText();
  EXPECT_THAT(key, HasSubstr("BEGIN PRIVATE KEY"));
  struct stat status;
  ASSERT_EQ(stat(push_.web_push().vapid_key_file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto second = Make();
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(KeyText(), key);
  EXPECT_EQ(second->web_push_public_key, first->web_push_public_key);
}

// Subscriptions are bound to the key: another one in its place would cut off
// all devices.
TEST_F(MakeWakerTest, AKeyThatIsUnfitIsToldAndNotReplaced) {
  const std::string& path = push_.web_push().vapid_key_file();
  ASSERT_TRUE(
      ReplacePrivateFile(path, Secret(absl::string_view("banana"))).ok());
  const absl::Status status = Make().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(path));
  EXPECT_EQ(KeyText(), "banana");
}

TEST_F(MakeWakerTest, AKeyThatIsOpenToOthersIsRefused) {
  ASSERT_TRUE(Make().ok());
  ASSERT_EQ(chmod(push_.web_push().vapid_key_file().c_str(), 0644), 0);
  EXPECT_EQ(Make().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(MakeWakerTest, AKeyThatCannotBeWrittenIsTold) {
  push_.mutable_web_push()->set_vapid_key_file(
      absl::StrCat(testing::TempDir(), "/no/such/folder/key"));
  EXPECT_EQ(Make().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(MakeWakerTest, WithoutAVendorThereIsNoWaker) {
  push_.clear_web_push();
  const auto parts = Make();
  ASSERT_TRUE(parts.ok()) << parts.status();
  EXPECT_EQ(parts->waker, nullptr);
}

}  // namespace
}  // namespace cofactor::services
