// Web Push against the packages of Node that others send and receive it with:
// http_ece opens what we encrypt, jws checks our signatures, and what web-push
// encrypts is opened by the receiver that our other tests rely on.

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "services/jws/jws.h"
#include "services/wake_up/vapid.h"
#include "services/wake_up/web_push_encryption.h"
#include "services/wake_up/web_push_receiver.h"

namespace cofactor::services {
namespace {

constexpr int kReceivers = 200;

std::vector<std::string> LinesOf(const std::string& arguments) {
  FILE* pipe = popen(
      absl::StrCat("node tests/oracle/web_push.js ", arguments).c_str(), "r");
  std::string output;
  char buffer[4096];
  size_t got = 0;
  while ((got = fread(buffer, 1, sizeof(buffer), pipe)) > 0) {
    output.append(buffer, got);
  }
  EXPECT_EQ(pclose(pipe), 0) << arguments;
  return absl::StrSplit(absl::StripAsciiWhitespace(output), '\n');
}

struct Receiver {
  std::string public_key;
  std::string private_key;
  std::string auth;
};

std::vector<Receiver> Receivers(int count) {
  std::vector<Receiver> receivers;
  for (const std::string& line : LinesOf(absl::StrCat("keys ", count))) {
    const std::vector<std::string> parts = absl::StrSplit(line, ' ');
    if (parts.size() != 3) break;
    receivers.push_back({absl::HexStringToBytes(parts[0]),
                         absl::HexStringToBytes(parts[1]),
                         absl::HexStringToBytes(parts[2])});
  }
  EXPECT_EQ(receivers.size(), static_cast<size_t>(count));
  return receivers;
}

TEST(WebPushOracleTest, HttpEceOpensWhatWeEncrypt) {
  SystemRandomness randomness;
  const std::string path = absl::StrCat(testing::TempDir(), "/bodies");
  std::vector<std::string> texts;
  {
    std::ofstream file(path);
    for (const Receiver& receiver : Receivers(kReceivers)) {
      const Secret text = randomness.DrawSecret(1 + 19 * texts.size());
      const auto body =
          EncryptWebPush(receiver.public_key, receiver.auth,
                         text.ExposeSecret(), 7 * texts.size(), randomness);
      ASSERT_TRUE(body.ok()) << body.status();
      file << absl::BytesToHexString(receiver.private_key) << " "
           << absl::BytesToHexString(receiver.auth) << " "
           << absl::BytesToHexString(*body) << "\n";
      texts.push_back(absl::BytesToHexString(text.ExposeSecret()));
    }
  }
  EXPECT_EQ(LinesOf(absl::StrCat("open ", path)), texts);
}

TEST(WebPushOracleTest, OurReceiverOpensWhatWebPushEncrypts) {
  for (const Receiver& receiver : Receivers(3)) {
    const std::vector<std::string> body = LinesOf(
        absl::StrCat("seal ", absl::BytesToHexString(receiver.public_key), " ",
                     absl::BytesToHexString(receiver.auth), " watermelon"));
    ASSERT_EQ(body.size(), 1u);
    EXPECT_EQ(WebPushReceiver(receiver.public_key, receiver.private_key,
                              receiver.auth)
                  .Open(absl::HexStringToBytes(body[0])),
              "watermelon");
  }
}

TEST(WebPushOracleTest, WebPushTakesOurVapid) {
  const ManualClock clock(absl::FromUnixSeconds(1'700'000'000));
  auto key = JwsSigner::GenerateEs256();
  ASSERT_TRUE(key.ok());
  const auto vapid =
      Vapid::Create(clock, *std::move(key), "mailto:a@b.example");
  ASSERT_TRUE(vapid.ok());
  const auto header = (*vapid)->Authorization("https://push.example:8443");
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(LinesOf(absl::StrCat("vapid '", header->ExposeSecret(),
                                 "' https://push.example:8443")),
            std::vector<std::string>{
                "https://push.example:8443 1700043200 mailto:a@b.example"});
}

}  // namespace
}  // namespace cofactor::services
