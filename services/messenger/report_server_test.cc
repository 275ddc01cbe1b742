#include "services/messenger/report_server.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cofactor/v1/delivery.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/transport/test_socket.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;

constexpr char kKannelUrl[] = "http://127.0.0.1:9465/sms/near";
constexpr char kTwilioUrl[] = "https://id.example.com/sms/far";

Secret Key() { return Secret(absl::string_view("0123456789abcdef")); }

class ReportServerTest : public testing::Test {
 protected:
  ReportServerTest()
      : kannel_(*KannelReports::Create(Key(), kKannelUrl)),
        twilio_(*TwilioReports::Create(Key(), kTwilioUrl)) {
    auto server = ReportServer::Start(
        "127.0.0.1:0", [this](const record::v1::DeliveryReport& report) {
          if (is_full_) return false;
          reports_.push_back(absl::StrCat(report.message_id(), " ",
                                          report.state(), " ", report.reason(),
                                          " ", report.gateway()));
          return true;
        });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  void Open() {
    ReportServer::Readers readers;
    readers.kannel.emplace("near", *KannelReports::Create(Key(), kKannelUrl));
    readers.twilio.emplace("far", *TwilioReports::Create(Key(), kTwilioUrl));
    server_->ReadBy(std::move(readers));
  }

  // The status of the answer, and nothing if there was none.
  std::string Ask(const std::string& method, const std::string& target,
                  const std::string& headers = "",
                  const std::string& body = "") {
    TestSocket socket(server_->address());
    EXPECT_TRUE(socket.Send(absl::StrCat(method, " ", target,
                                         " HTTP/1.1\r\nHost: x\r\n", headers,
                                         "\r\n", body)));
    std::string all;
    for (std::string some = socket.Receive(); !some.empty();
         some = socket.Receive()) {
      all += some;
    }
    // The body of a 204 is none.
    EXPECT_TRUE(!absl::StartsWith(all, "HTTP/1.1 204") ||
                absl::EndsWith(all, "\r\n\r\n"));
    return all.substr(0, 12);
  }

  // What Kannel asks for, with its status filled in.
  std::string Kannel(const std::string& id, int status) const {
    std::string url = kannel_.Url(id);
    url.replace(url.find("%d"), 2, absl::StrCat(status));
    return url.substr(url.find("/sms/"));
  }

  std::string AskAsTwilio(const std::string& form,
                          const std::string& signature) {
    const std::string url = twilio_.Url("b");
    return Ask(
        "POST", url.substr(url.find("/sms/")),
        absl::StrCat("Content-Type: application/x-www-form-urlencoded"
                     "\r\nX-Twilio-Signature: ",
                     signature, "\r\nContent-Length: ", form.size(), "\r\n"),
        form);
  }

  std::string SignatureOf(const std::string& form) const {
    return TwilioSignature(Key(), twilio_.Url("b"), *ParseForm(form));
  }

  const KannelReports kannel_;
  const TwilioReports twilio_;
  // Each answer is awaited, so no thread of the server writes beside a test.
  std::vector<std::string> reports_;
  bool is_full_ = false;
  std::unique_ptr<ReportServer> server_;
};

TEST_F(ReportServerTest, TakesReportsOfKannel) {
  Open();
  EXPECT_EQ(Ask("GET", Kannel("a", 1)), "HTTP/1.1 204");
  EXPECT_EQ(Ask("GET", Kannel("a", 2)), "HTTP/1.1 204");
  EXPECT_EQ(Ask("GET", Kannel("a", 8)), "HTTP/1.1 204");
  EXPECT_THAT(
      reports_,
      ElementsAre(
          absl::StrCat("a ", v1::DELIVERY_STATE_DELIVERED, "  near"),
          absl::StrCat("a ", v1::DELIVERY_STATE_FAILED, " not delivered near"),
          absl::StrCat("a ", v1::DELIVERY_STATE_SENT, "  near")));
}

TEST_F(ReportServerTest, TakesReportsOfTwilio) {
  Open();
  const std::string delivered = "MessageSid=SM1&MessageStatus=delivered";
  EXPECT_EQ(AskAsTwilio(delivered, SignatureOf(delivered)), "HTTP/1.1 204");
  const std::string late =
      "ErrorCode=30036&MessageSid=SM1&MessageStatus=undelivered";
  EXPECT_EQ(AskAsTwilio(late, SignatureOf(late)), "HTTP/1.1 204");
  EXPECT_THAT(
      reports_,
      ElementsAre(
          absl::StrCat("b ", v1::DELIVERY_STATE_DELIVERED, "  far"),
          absl::StrCat("b ", v1::DELIVERY_STATE_EXPIRED, " code 30036 far")));
}

TEST_F(ReportServerTest, RefusesWhatIsForged) {
  Open();
  std::string forged = Kannel("a", 1);
  forged.replace(forged.find("id=a"), 4, "id=c");
  EXPECT_EQ(Ask("GET", forged), "HTTP/1.1 403");
  EXPECT_EQ(AskAsTwilio("MessageStatus=delivered", ""), "HTTP/1.1 403");
  EXPECT_EQ(AskAsTwilio("MessageStatus=delivered",
                        SignatureOf("MessageStatus=failed")),
            "HTTP/1.1 403");
  EXPECT_TRUE(reports_.empty());
}

TEST_F(ReportServerTest, FindsNoOtherPath) {
  Open();
  for (const std::string target :
       {"/", "/sms/", "/sms/none", "/sms/near/", "/sms", "/near", "/metrics"}) {
    EXPECT_EQ(Ask("GET", target), "HTTP/1.1 404") << target;
  }
  EXPECT_TRUE(reports_.empty());
}

TEST_F(ReportServerTest, TakesNoOtherMethod) {
  Open();
  EXPECT_EQ(Ask("POST", Kannel("a", 1), "Content-Length: 0\r\n"),
            "HTTP/1.1 405");
  EXPECT_EQ(Ask("GET", "/sms/far?id=b"), "HTTP/1.1 405");
  EXPECT_TRUE(reports_.empty());
}

TEST_F(ReportServerTest, RefusesWhatIsMalformedOrTooLong) {
  Open();
  EXPECT_EQ(Ask("GET", "/sms/near"), "HTTP/1.1 400");
  EXPECT_EQ(Ask("GET", Kannel("a", 64)), "HTTP/1.1 400");
  EXPECT_EQ(Ask("POST", "/sms/far?id=b"), "HTTP/1.1 400");
  EXPECT_EQ(Ask("POST", "/sms/far?id=b", "Transfer-Encoding: chunked\r\n",
                "0\r\n\r\n"),
            "HTTP/1.1 400");
  const std::string form(kMaxReportBytes + 1, 'x');
  EXPECT_EQ(AskAsTwilio(form, ""), "HTTP/1.1 413");
  // The body that is not read does not come, and nobody waits for it.
  EXPECT_EQ(Ask("POST", "/sms/far?id=b", "Content-Length: 99999999\r\n"),
            "HTTP/1.1 413");
  EXPECT_NE(Ask("GET", absl::StrCat("/sms/near?id=", form)), "HTTP/1.1 204");
  EXPECT_TRUE(reports_.empty());
  // It still serves.
  EXPECT_EQ(Ask("GET", Kannel("a", 1)), "HTTP/1.1 204");
}

TEST_F(ReportServerTest, AsksToComeAgainWhenItCannotTakeMore) {
  EXPECT_EQ(Ask("GET", Kannel("a", 1)), "HTTP/1.1 503");
  Open();
  is_full_ = true;
  EXPECT_EQ(Ask("GET", Kannel("a", 1)), "HTTP/1.1 503");
  is_full_ = false;
  EXPECT_EQ(Ask("GET", Kannel("a", 1)), "HTTP/1.1 204");
  EXPECT_EQ(reports_.size(), 1u);
}

TEST_F(ReportServerTest, SaysWhatIsWrongWithItsAddress) {
  const auto take = [](const record::v1::DeliveryReport&) { return true; };
  EXPECT_EQ(ReportServer::Start("x", take).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReportServer::Start(server_->address(), take).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cofactor::services
