#include "services/messenger/delivery_reports.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

absl::StatusCode CodeOf(const absl::StatusOr<DeliveryReport>& report) {
  return report.status().code();
}

constexpr char kKannelBase[] = "http://127.0.0.1:9464/sms/kannel";

class KannelReportsTest : public testing::Test {
 protected:
  static KannelReports Make(const std::string& key) {
    return *KannelReports::Create(Secret(key), kKannelBase);
  }

  // The query that Kannel calls for a message.
  std::string Query(const std::string& id, const std::string& status) const {
    const std::string url = reports_.Url(id);
    return absl::StrReplaceAll(url.substr(url.find('?') + 1), {{"%d", status}});
  }

  const KannelReports reports_ = Make("0123456789abcdef");
};

TEST_F(KannelReportsTest, MakesAnAddressOfItsOwnForEachMessage) {
  // printf 'cofactor kannel report v1\nmessage-1' |
  //   openssl dgst -sha256 -hmac 0123456789abcdef | cut -c1-32
  EXPECT_EQ(
      reports_.Url("message-1"),
      absl::StrCat(
          kKannelBase,
          "?id=message-1&mac=bf32ac31f31de54e1b724cdb355e2259&status=%d"));
  EXPECT_NE(reports_.Url("a").substr(reports_.Url("a").find("mac=")),
            reports_.Url("b").substr(reports_.Url("b").find("mac=")));
}

TEST_F(KannelReportsTest, ReadsEveryStatus) {
  const struct {
    const char* status;
    DeliveryState state;
    const char* reason;
  } kStatuses[] = {
      {"1", DeliveryState::kDelivered, ""},
      {"2", DeliveryState::kFailed, "not delivered"},
      {"4", DeliveryState::kQueued, ""},
      {"8", DeliveryState::kSent, ""},
      {"16", DeliveryState::kFailed, "refused by the network"},
  };
  for (const auto& test : kStatuses) {
    const auto report = reports_.Parse(Query("message-1", test.status));
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->message_id, "message-1");
    EXPECT_EQ(report->provider_id, "");
    EXPECT_EQ(report->state, test.state) << test.status;
    EXPECT_EQ(report->reason, test.reason);
  }
}

TEST_F(KannelReportsTest, RefusesForgeries) {
  const std::string good = Query("message-1", "1");
  EXPECT_TRUE(reports_.Parse(good).ok());
  const size_t mac = good.find("mac=") + 4;
  for (size_t i = 0; i < 32; ++i) {
    std::string forged = good;
    forged[mac + i] = forged[mac + i] == '0' ? '1' : '0';
    EXPECT_EQ(CodeOf(reports_.Parse(forged)),
              absl::StatusCode::kPermissionDenied);
  }
  for (const std::string& forged :
       {absl::StrReplaceAll(good, {{"message-1", "message-2"}}),
        std::string("id=message-1&status=1"),
        std::string("id=message-1&mac=&status=1"),
        good.substr(0, mac + 31) + "&status=1",
        absl::StrReplaceAll(good, {{"&status", "0&status"}})}) {
    EXPECT_EQ(CodeOf(reports_.Parse(forged)),
              absl::StatusCode::kPermissionDenied)
        << forged;
  }
  EXPECT_EQ(CodeOf(Make("another key 5678").Parse(good)),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(KannelReportsTest, RefusesWhatIsMalformed) {
  const std::string good = Query("message-1", "1");
  for (const std::string& query :
       {std::string(), std::string("status=1"), good + "&status=2",
        good + "&id=message-2", good + "&x=%", Query("message-1", "3"),
        Query("message-1", ""), Query("message-1", "01"),
        Query("message-1", "%d"), Query("", "1"),
        absl::StrCat("id=", std::string(65, 'a'), "&status=1"),
        std::string("id=a%0Ab&status=1"),
        absl::StrCat(good, "&x=", std::string(kMaxReportBytes, 'a'))}) {
    EXPECT_EQ(CodeOf(reports_.Parse(query)), absl::StatusCode::kInvalidArgument)
        << query.substr(0, 100);
  }
}

TEST_F(KannelReportsTest, WantsAKeyAndAnAddressThatKannelLeavesAlone) {
  EXPECT_FALSE(
      KannelReports::Create(Secret(std::string(15, 'k')), kKannelBase).ok());
  for (const std::string url :
       {"", "127.0.0.1/sms", "ftp://a.example", "http://a.example/%41",
        "http://a.example/?a=b", "http://a.example/#a", "http://a.example/ a",
        "http://u:p@a.example/", "http://a.example/\r\nX: y"}) {
    EXPECT_FALSE(KannelReports::Create(Secret(std::string(16, 'k')), url).ok())
        << url;
  }
}

// The example of Twilio's documentation, and that of its libraries.
TEST(TwilioSignatureTest, PassesKnownVectors) {
  for (const auto& [number, signature] :
       {std::pair{"+12349013030", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="},
        std::pair{"+14158675309", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}}) {
    EXPECT_EQ(TwilioSignature(Secret(absl::string_view("12345")),
                              "https://mycompany.com/myapp.php?foo=1&bar=2",
                              {{"To", "+18005551212"},
                               {"CallSid", "CA1234567890ABCDE"},
                               {"From", number},
                               {"Digits", "1234"},
                               {"Caller", number}}),
              signature);
  }
}

constexpr char kTwilioBase[] = "https://id.example.com/sms/twilio";

class TwilioReportsTest : public testing::Test {
 protected:
  static TwilioReports Make(const std::string& token) {
    return *TwilioReports::Create(Secret(token), kTwilioBase);
  }

  // As Twilio signs it.
  static std::string Sign(const std::string& url, const std::string& form) {
    const auto fields = ParseForm(form);
    return fields.ok() ? TwilioSignature(Secret(absl::string_view("t0ken")),
                                         url, *fields)
                       : "";
  }

  absl::StatusOr<DeliveryReport> Parse(const std::string& form) const {
    return reports_.Parse("id=message-1", form,
                          Sign(reports_.Url("message-1"), form));
  }

  const TwilioReports reports_ = Make("t0ken");
  const std::string good_ =
      "MessageSid=SM1&MessageStatus=delivered&To=%2B4915123456789&ErrorCode=";
};

TEST_F(TwilioReportsTest, MakesAnAddressForEachMessage) {
  EXPECT_EQ(reports_.Url("message-1"),
            "https://id.example.com/sms/twilio?id=message-1");
}

TEST_F(TwilioReportsTest, ReadsEveryStatus) {
  const struct {
    const char* status;
    const char* code;
    DeliveryState state;
    const char* reason;
  } kStatuses[] = {
      {"accepted", "", DeliveryState::kQueued, ""},
      {"scheduled", "", DeliveryState::kQueued, ""},
      {"queued", "", DeliveryState::kQueued, ""},
      {"sending", "", DeliveryState::kQueued, ""},
      {"sent", "", DeliveryState::kSent, ""},
      {"delivered", "0", DeliveryState::kDelivered, ""},
      {"read", "", DeliveryState::kDelivered, ""},
      {"undelivered", "30003", DeliveryState::kFailed, "code 30003"},
      {"failed", "30007", DeliveryState::kFailed, "code 30007"},
      {"failed", "", DeliveryState::kFailed, ""},
      {"canceled", "", DeliveryState::kFailed, ""},
      {"undelivered", "30036", DeliveryState::kExpired, "code 30036"},
  };
  for (const auto& test : kStatuses) {
    const auto report = Parse(absl::StrCat(
        "ErrorCode=", test.code, "&SmsSid=SM1&MessageStatus=", test.status,
        "&MessageSid=SM1&AccountSid=AC42"));
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->message_id, "message-1");
    EXPECT_EQ(report->provider_id, "SM1");
    EXPECT_EQ(report->state, test.state) << test.status;
    EXPECT_EQ(report->reason, test.reason);
  }
}

TEST_F(TwilioReportsTest, RefusesForgeries) {
  const std::string signature = Sign(reports_.Url("message-1"), good_);
  EXPECT_TRUE(reports_.Parse("id=message-1", good_, signature).ok());
  for (size_t i = 0; i < signature.size(); ++i) {
    std::string forged = signature;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    EXPECT_EQ(CodeOf(reports_.Parse("id=message-1", good_, forged)),
              absl::StatusCode::kPermissionDenied);
  }
  EXPECT_EQ(CodeOf(reports_.Parse("id=message-1", good_, "")),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(reports_.Parse("id=message-2", good_, signature)),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(reports_.Parse("id=message-1", good_ + "&a=b", signature)),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(
      CodeOf(reports_.Parse(
          "id=message-1", absl::StrReplaceAll(good_, {{"delivered", "failed"}}),
          signature)),
      absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(CodeOf(Make("another").Parse("id=message-1", good_, signature)),
            absl::StatusCode::kPermissionDenied);
}

TEST_F(TwilioReportsTest, RefusesWhatIsMalformed) {
  for (const std::string& form :
       {std::string(), std::string("MessageSid=SM1"),
        std::string("MessageSid=SM1&MessageStatus=Delivered"),
        std::string("MessageSid=S%0AM&MessageStatus=sent"),
        std::string("MessageSid=SM1&MessageStatus=failed&ErrorCode=1+1"),
        std::string("MessageSid=SM1&MessageStatus=failed&ErrorCode=123456789"),
        good_ + "&MessageStatus=failed", good_ + "&a=%4",
        absl::StrCat(good_, "&x=", std::string(kMaxReportBytes, 'a'))}) {
    EXPECT_EQ(CodeOf(Parse(form)), absl::StatusCode::kInvalidArgument)
        << form.substr(0, 100);
  }
  for (const std::string query :
       {"", "id=", "id=a%20b", "id=a&id=b", "id=%", "ID=message-1"}) {
    EXPECT_EQ(CodeOf(reports_.Parse(query, good_, "x")),
              absl::StatusCode::kInvalidArgument)
        << query;
  }
}

TEST_F(TwilioReportsTest, WantsATokenAndAnAddress) {
  EXPECT_FALSE(TwilioReports::Create(Secret(), kTwilioBase).ok());
  EXPECT_FALSE(TwilioReports::Create(Secret(absl::string_view("t")),
                                     "https://a.example/?a=b")
                   .ok());
}

}  // namespace
}  // namespace cofactor::services
