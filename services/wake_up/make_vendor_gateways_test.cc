#include "services/wake_up/make_vendor_gateways.h"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "services/messenger/test_http2_front.h"
#include "services/wake_up/test_key.h"
#include "services/wake_up/vendor_fixture.h"

namespace cofactor::services {
namespace {

class MakeVendorGatewaysTest : public VendorTest {
 protected:
  MakeVendorGatewaysTest() : path_(testing::TempDir() + "/vendor_key") {
    fcm_.set_service_account_file(path_);
    apns_.set_key_file(path_);
    apns_.set_key_id("ABC123DEFG");
    apns_.set_team_id("DEF123GHIJ");
    apns_.set_topic("com.example.app");
  }

  static std::string AccountJson(const std::string& token_uri) {
    return nlohmann::json({{"type", "service_account"},
                           {"project_id", "project-1"},
                           {"private_key_id", "key-1"},
                           {"private_key", TestKey::Rsa().pem()},
                           {"client_email", "sender@example.com"},
                           {"token_uri", token_uri}})
        .dump(2);
  }

  WakeUp To() {
    WakeUp wake_up;
    wake_up.ttl = absl::Minutes(2);
    wake_up.deadline = clock_.Now() + absl::Seconds(20);
    return wake_up;
  }

  // The error of a file that is not wanted, which names it and nothing in it.
  template <typename Gateway>
  void ExpectBlames(const Gateway& gateway) {
    EXPECT_EQ(gateway.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_TRUE(absl::StrContains(gateway.status().message(), path_));
    EXPECT_FALSE(absl::StrContains(gateway.status().message(), "BEGIN"));
    EXPECT_FALSE(absl::StrContains(gateway.status().message(), "canary"));
  }

  const std::string path_;
  config::v1::Fcm fcm_;
  config::v1::Apns apns_;
};

TEST_F(MakeVendorGatewaysTest, MakesOneForFirebase) {
  WriteTestFile(path_, AccountJson(server_.url() + "/token"));
  const auto gateway = MakeFcmGateway(
      fcm_, {.fcm_url = server_.url(), .allow_loopback = true}, clock_, *http_);
  ASSERT_TRUE(gateway.ok()) << gateway.status();
  EXPECT_EQ((*gateway)->name(), "fcm");
  server_.Then(Answer(
      200, R"({"access_token":"t","expires_in":9,"token_type":"Bearer"})"));
  server_.Then(Answer(200, "{}"));
  WakeUp wake_up = To();
  wake_up.address.set_fcm_token("token");
  EXPECT_EQ(SendAndAwait(**gateway, wake_up).verdict, WakeUpVerdict::kTaken);
  EXPECT_TRUE(absl::StartsWith(server_.requests().at(1),
                               "POST /v1/projects/project-1/messages:send "));
  // Only a server for tests may be that careless.
  ExpectBlames(MakeFcmGateway(fcm_, {}, clock_, *http_));
}

TEST_F(MakeVendorGatewaysTest, MakesOneForApple) {
  const TestKey key = TestKey::Ec();
  WriteTestFile(path_, key.pem());
  const TestHttp2Front front(server_.port());
  const auto gateway =
      MakeApnsGateway(apns_, {.apns_url = front.url()}, clock_, *http_);
  ASSERT_TRUE(gateway.ok()) << gateway.status();
  EXPECT_EQ((*gateway)->name(), "apns");
  server_.Then(Answer(200, ""));
  WakeUp wake_up = To();
  wake_up.address.set_apns_token("abcd");
  EXPECT_EQ(SendAndAwait(**gateway, wake_up).verdict, WakeUpVerdict::kTaken);
  const std::string request = server_.requests().at(0);
  EXPECT_EQ(HeaderOf(request, "Apns-Topic"), "com.example.app");
  const std::string bearer = HeaderOf(request, "Authorization");
  const auto jws = key.Verify(bearer.substr(bearer.find(' ') + 1));
  ASSERT_TRUE(jws.has_value());
  EXPECT_EQ(jws->header["kid"], "ABC123DEFG");
  EXPECT_EQ(jws->claims["iss"], "DEF123GHIJ");
}

TEST_F(MakeVendorGatewaysTest, RefusesFilesThatAreNotWhatIsWanted) {
  unlink(path_.c_str());
  ExpectBlames(MakeFcmGateway(fcm_, {}, clock_, *http_));
  ExpectBlames(MakeApnsGateway(apns_, {}, clock_, *http_));
  for (const std::string& text :
       {std::string("canary"), TestKey::Rsa().pem()}) {
    WriteTestFile(path_, text);
    ExpectBlames(MakeFcmGateway(fcm_, {}, clock_, *http_));
    ExpectBlames(MakeApnsGateway(apns_, {}, clock_, *http_));
  }
  WriteTestFile(path_, TestKey::Ec().pem());
  EXPECT_TRUE(MakeApnsGateway(apns_, {}, clock_, *http_).ok());
  chmod(path_.c_str(), 0644);
  ExpectBlames(MakeApnsGateway(apns_, {}, clock_, *http_));
  unlink(path_.c_str());
}

}  // namespace
}  // namespace cofactor::services
