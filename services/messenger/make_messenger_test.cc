#include "services/messenger/make_messenger.h"

#include <sys/stat.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/private_file.h"
#include "cofactor/v1/delivery.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "services/messenger/delivery_reports.h"
#include "services/messenger/test_http_server.h"
#include "services/transport/test_socket.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class MakeMessengerTest : public testing::Test {
 protected:
  static std::string File(const std::string& name, const std::string& secret) {
    const std::string path = testing::TempDir() + "/" + name;
    EXPECT_TRUE(ReplacePrivateFile(path, Secret(secret)).ok());
    return path;
  }

  absl::Status Make(const std::string& sms_text) {
    config::v1::Sms sms;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrCat(sms_text,
                     "texts { locale: 'en' text: 'Use {code}.' }"
                     "webotp_host: 'id.example.com'"),
        &sms));
    auto parts = MakeMessenger(
        sms, clock_,
        [this](const record::v1::DeliveryReport& report) { Keep(report); },
        [this](const record::v1::DeliveryReport& report) {
          Keep(report);
          return true;
        });
    if (!parts.ok()) return parts.status();
    parts_ = *std::move(parts);
    return absl::OkStatus();
  }

  void Keep(const record::v1::DeliveryReport& report) {
    MutexLock lock(mutex_);
    reports_.push_back(absl::StrCat(
        report.message_id(), " ",
        v1::DeliveryState_Name(static_cast<v1::DeliveryState>(report.state())),
        " ", report.reason(), " ", report.gateway()));
    changed_.NotifyAll();
  }

  // Waits until there were so many, and returns all.
  std::vector<std::string> WaitForReports(size_t count) {
    MutexLock lock(mutex_);
    while (reports_.size() < count &&
           changed_.WaitFor(mutex_, std::chrono::seconds(20))) {
    }
    return reports_;
  }

  void Send(const std::string& id) {
    std::vector<PlannedMessage> messages;
    messages.push_back(
        {{"sms", "+4915123456789", Secret(absl::string_view("012345"))},
         id,
         "acme",
         clock_.Now() + absl::Minutes(10)});
    parts_.messenger->Send(std::move(messages));
  }

  // The first line of the answer to a request.
  std::string Ask(const std::string& request) {
    TestSocket socket(parts_.report_server->address());
    EXPECT_TRUE(socket.Send(request));
    return socket.Receive().substr(0, 12);
  }

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> reports_ ABSL_GUARDED_BY(mutex_);
  TestHttpServer http_;
  MessengerParts parts_;
};

TEST_F(MakeMessengerTest, KeepsTextsInTheOutbox) {
  ASSERT_TRUE(Make("gateways { name: 'box' outbox {} }").ok());
  Send("a");
  EXPECT_THAT(WaitForReports(1), ElementsAre("a DELIVERY_STATE_SENT  box"));
  ASSERT_NE(parts_.outbox, nullptr);
  const auto entries = parts_.outbox->Entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].message.text.ExposeSecret(),
            "Use 012345.\n@id.example.com #012345");
  EXPECT_EQ(parts_.report_server, nullptr);
}

TEST_F(MakeMessengerTest, AsksTheGatewaysInTheirOrder) {
  const std::string key = File("key", std::string(32, 'k'));
  const std::string password = File("password", "s3cret\n");
  ASSERT_TRUE(
      Make(absl::StrCat("gateways { name: 'first' webhook { url: '",
                        http_.url(), "/hook' secret_file: '", key,
                        "' } } gateways { name: 'second' kannel { url: '",
                        http_.url(), "/send' username: 'u' password_file: '",
                        password, "' sender: 'Us' } }"))
          .ok());
  http_.Then(TestHttpServer::Answer(429, ""));
  http_.Then(TestHttpServer::Answer(202, "0: Accepted for delivery"));
  Send("a");
  EXPECT_THAT(WaitForReports(1), ElementsAre("a DELIVERY_STATE_SENT  second"));
  const std::vector<std::string> requests = http_.WaitForRequests(2);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_THAT(requests[0], HasSubstr("POST /hook HTTP/1.1\r\n"));
  EXPECT_THAT(requests[0], HasSubstr("X-Cofactor-Signature: v1="));
  EXPECT_THAT(requests[1], HasSubstr("X-Kannel-Password: s3cret\r\n"));
  EXPECT_THAT(requests[1], HasSubstr("X-Kannel-From: Us\r\n"));
  // Nobody listens for reports.
  EXPECT_FALSE(absl::StrContains(requests[1], "X-Kannel-DLR-Url"));
}

TEST_F(MakeMessengerTest, TellsKannelWhereToReport) {
  const std::string key = File("key", std::string(32, 'k'));
  ASSERT_TRUE(Make(absl::StrCat(
                       "gateways { name: 'near' kannel { url: '", http_.url(),
                       "/send' username: 'u' password_file: '",
                       File("password", "s3cret"),
                       "' } } report_address: '127.0.0.1:0' report_key_file: '",
                       key, "'"))
                  .ok());
  http_.Then(TestHttpServer::Answer(202, "0: Accepted for delivery"));
  Send("a");
  WaitForReports(1);
  const std::string request = http_.WaitForRequests(1).at(0);
  const std::string start = absl::StrCat("X-Kannel-DLR-Url: http://",
                                         parts_.report_server->address());
  ASSERT_THAT(request, HasSubstr(start));
  std::string target = request.substr(request.find(start) + start.size());
  target = target.substr(0, target.find("%d"));
  EXPECT_EQ(Ask(absl::StrCat("GET ", target, "1 HTTP/1.1\r\nHost: x\r\n\r\n")),
            "HTTP/1.1 204");
  EXPECT_THAT(WaitForReports(2),
              ElementsAre("a DELIVERY_STATE_SENT  near",
                          "a DELIVERY_STATE_DELIVERED  near"));
}

TEST_F(MakeMessengerTest, TellsTwilioWhereToReport) {
  ASSERT_TRUE(
      Make(absl::StrCat("gateways { name: 'far' twilio { base_url: '",
                        http_.url(), "' account_sid: 'AC1' auth_token_file: '",
                        File("token", "t0ken"),
                        "' sender: '+4930123' } } report_address: '127.0.0.1:0'"
                        " report_url_base: 'https://id.example.com'"))
          .ok());
  http_.Then(TestHttpServer::Answer(201, R"({"sid": "SM1"})"));
  Send("a");
  EXPECT_THAT(WaitForReports(1), ElementsAre("a DELIVERY_STATE_SENT  far"));
  const std::string request = http_.WaitForRequests(1).at(0);
  EXPECT_THAT(request, HasSubstr("StatusCallback=https%3A%2F%2Fid.example.com"
                                 "%2Fsms%2Ffar%3Fid%3Da"));
  EXPECT_THAT(request, HasSubstr("From=%2B4930123"));
  const std::string form = "MessageSid=SM1&MessageStatus=delivered";
  const std::string signature = TwilioSignature(
      Secret(absl::string_view("t0ken")), "https://id.example.com/sms/far?id=a",
      {{"MessageSid", "SM1"}, {"MessageStatus", "delivered"}});
  EXPECT_EQ(Ask(absl::StrCat("POST /sms/far?id=a HTTP/1.1\r\nHost: x\r\n"
                             "X-Twilio-Signature: ",
                             signature, "\r\nContent-Length: ", form.size(),
                             "\r\n\r\n", form)),
            "HTTP/1.1 204");
  EXPECT_EQ(WaitForReports(2).back(), "a DELIVERY_STATE_DELIVERED  far");
}

TEST_F(MakeMessengerTest, SaysWhichSecretIsOfNoUse) {
  const std::string open = File("open", std::string(32, 'k'));
  chmod(open.c_str(), 0644);
  const std::string brief = File("brief", std::string(31, 'k'));
  const std::string none = testing::TempDir() + "/none";
  const std::string good = File("good", std::string(32, 'k'));
  for (const std::string& path : {open, none}) {
    for (const std::string& sms :
         {absl::StrCat("gateways { name: 'a' kannel { url: 'http://x' "
                       "password_file: '",
                       path, "' } }"),
          absl::StrCat("gateways { name: 'a' twilio { auth_token_file: '", path,
                       "' } }"),
          absl::StrCat("gateways { name: 'a' webhook { secret_file: '", path,
                       "' } }")}) {
      const absl::Status status = Make(sms);
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << sms;
      EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    }
  }
  for (const std::string& sms :
       {absl::StrCat("gateways { name: 'a' webhook { secret_file: '", brief,
                     "' } }"),
        absl::StrCat("gateways { name: 'a' kannel { password_file: '", good,
                     "' } } report_address: '127.0.0.1:0' report_key_file: '",
                     brief, "'")}) {
    const absl::Status status = Make(sms);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << sms;
    EXPECT_THAT(std::string(status.message()), HasSubstr(brief));
  }
}

}  // namespace
}  // namespace cofactor::services
