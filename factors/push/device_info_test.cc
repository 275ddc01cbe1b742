#include "factors/push/device_info.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "factors/push/device_signer.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

std::string BadField(const absl::Status& status) {
  EXPECT_EQ(status.ok() ? "" : ErrorReason(status),
            status.ok() ? "" : "INVALID_FIELD");
  return status.ok() ? ""
                     : std::string(status.message().substr(
                           0, status.message().find(':')));
}

std::string Point() {
  return DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_P256)
      ->key()
      .public_key()
      .substr(26);
}

v1::WakeUpAddress WebPush(const std::string& endpoint) {
  v1::WakeUpAddress address;
  address.mutable_web_push()->set_endpoint(endpoint);
  address.mutable_web_push()->set_p256dh(Point());
  address.mutable_web_push()->set_auth(std::string(16, 'a'));
  return address;
}

std::string BadAddress(const v1::WakeUpAddress& address) {
  return BadField(CheckWakeUpAddress("device.", address));
}

TEST(DeviceInfoTest, TakesNamesThatAreText) {
  for (const std::string& name :
       {std::string("Ada's phone"), std::string("Adas Händi 📱"),
        std::string(64, 'x')}) {
    EXPECT_EQ(BadField(CheckDeviceName("", name)), "");
    EXPECT_EQ(BadField(CheckPlatform("", name)), "");
  }
  EXPECT_EQ(BadField(CheckPlatform("p.", "")), "");
  EXPECT_EQ(BadField(CheckDeviceName("p.", "")), "p.device_name");
  for (const std::string& name :
       {std::string(65, 'x'), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\x1b[31m"), std::string("\x7f"), std::string("\xff"),
        std::string("\xc2\x85"), std::string("\xe2\x80\xae") + "abc"}) {
    EXPECT_EQ(BadField(CheckDeviceName("p.", name)), "p.device_name");
    EXPECT_EQ(BadField(CheckPlatform("", name)), "platform");
  }
}

TEST(DeviceInfoTest, TakesAWebPushSubscription) {
  for (const char* endpoint :
       {"https://push.example.com/abc?d=e", "https://push.example.com",
        "https://push.example.com:8443/x", "http://127.0.0.1:8080/x",
        "http://localhost/x", "http://[::1]:1/x"}) {
    EXPECT_EQ(BadAddress(WebPush(endpoint)), "") << endpoint;
  }
  for (const std::string& endpoint :
       {std::string(), std::string("http://push.example.com/abc"),
        std::string("ftp://push.example.com"),
        std::string("file:///etc/passwd"),
        std::string("https://user:pw@push.example.com/"),
        std::string("https://push.example.com/a b"),
        std::string("https://push.example.com/a\r\nX: y"),
        std::string("https://push.example.com/#x"), std::string("https:///x"),
        std::string("https://push.example.com:99999/"),
        std::string("http://127.0.0.1@evil.example/"),
        std::string("http://127.0.0.1.evil.example/"),
        std::string("http://0x7f.1/"),
        absl::StrCat("https://push.example.com/", std::string(1'000, 'x'))}) {
    EXPECT_EQ(BadAddress(WebPush(endpoint)), "device.wake_up.web_push.endpoint")
        << endpoint;
  }
  v1::WakeUpAddress address = WebPush("https://push.example.com/abc");
  std::string off_the_curve = Point();
  off_the_curve.back() = static_cast<char>(off_the_curve.back() ^ 1);
  for (const std::string& point :
       {std::string(), Point().substr(1), Point() + "x", off_the_curve,
        std::string(1, '\0'), std::string(65, '\x04')}) {
    address.mutable_web_push()->set_p256dh(point);
    EXPECT_EQ(BadAddress(address), "device.wake_up.web_push.p256dh");
  }
  address = WebPush("https://push.example.com/abc");
  for (const size_t size : {0, 15, 17, 1'000}) {
    address.mutable_web_push()->set_auth(std::string(size, 'a'));
    EXPECT_EQ(BadAddress(address), "device.wake_up.web_push.auth");
  }
}

TEST(DeviceInfoTest, TakesTheTokensOfVendors) {
  EXPECT_EQ(BadAddress(v1::WakeUpAddress()), "");
  v1::WakeUpAddress address;
  for (const std::string& token :
       {std::string("abc:DEF-_0"), std::string(512, 'x')}) {
    address.set_fcm_token(token);
    EXPECT_EQ(BadAddress(address), "");
  }
  for (const std::string& token :
       {std::string(), std::string(513, 'x'), std::string("a b"),
        std::string("a\nb"), std::string("ä")}) {
    address.set_fcm_token(token);
    EXPECT_EQ(BadAddress(address), "device.wake_up.fcm_token");
  }
  for (const std::string& token :
       {std::string("00ffAB"), std::string(200, 'a')}) {
    address.set_apns_token(token);
    EXPECT_EQ(BadAddress(address), "");
  }
  for (const std::string& token :
       {std::string(), std::string(202, 'a'), std::string("abc"),
        std::string("xy"), std::string("../../x.")}) {
    address.set_apns_token(token);
    EXPECT_EQ(BadAddress(address), "device.wake_up.apns_token");
  }
}

TEST(DeviceInfoTest, TellsNothingOfTheAddress) {
  for (const auto& [address, kind] :
       {std::pair{WebPush("https://push.example.com/CANARY"), "web_push"},
        std::pair{v1::WakeUpAddress(), "none"}}) {
    for (const auto& [name, value] : AttributesOf(
             "n", "p",
             DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_P256)->key(),
             address)) {
      EXPECT_FALSE(absl::StrContains(value, "CANARY"));
      if (name == "wake_up") {
        EXPECT_EQ(value, kind);
      }
      if (name == "key_algorithm") {
        EXPECT_EQ(value, "P-256");
      }
    }
  }
  EXPECT_FALSE(absl::StrContains(
      CheckWakeUpAddress("", WebPush("http://CANARY.example")).message(),
      "CANARY"));
}

}  // namespace
}  // namespace cofactor::factors::push
