#include "clients/device/command_fixture.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/private_file.h"
#include "clients/device/command_line.h"
#include "clients/device/console.h"
#include "clients/device/passphrase.h"
#include "clients/device/run_command.h"
#include "clients/device/session.h"
#include "factors/push/activation_uri.h"

namespace cofactor::device {
namespace {

constexpr absl::string_view kPassphrase = "four words of sense";

// A file in memory.
class MemoryFile {
 public:
  explicit MemoryFile(absl::string_view text = "")
      : descriptor_(memfd_create("test", MFD_CLOEXEC)) {
    EXPECT_EQ(write(descriptor_, text.data(), text.size()),
              static_cast<ssize_t>(text.size()));
    lseek(descriptor_, 0, SEEK_SET);
  }
  ~MemoryFile() { close(descriptor_); }

  int descriptor() const { return descriptor_; }
  std::string Text() const {
    std::string text(static_cast<size_t>(lseek(descriptor_, 0, SEEK_END)),
                     '\0');
    EXPECT_EQ(pread(descriptor_, text.data(), text.size(), 0),
              static_cast<ssize_t>(text.size()));
    return text;
  }

 private:
  const int descriptor_;
};

std::string NewFolder() {
  std::string pattern = absl::StrCat(testing::TempDir(), "/deviceXXXXXX");
  EXPECT_NE(mkdtemp(pattern.data()), nullptr);
  return pattern;
}

}  // namespace

CommandTest::CommandTest() : folder_(NewFolder()) {
  vault_options_.path = absl::StrCat(folder_, "/keys");
  vault_options_.cost = {1, 8};
  EXPECT_TRUE(ReplacePrivateFile(absl::StrCat(folder_, "/passphrase"),
                                 Secret(kPassphrase))
                  .ok());
}

CommandTest::~CommandTest() = default;

Ran CommandTest::Run(std::vector<std::string> words, const std::string& input) {
  const auto line = ParseCommandLine(words);
  if (!line.ok()) return {line.status(), "", ""};
  const MemoryFile in(input), out, errors;
  Console console(in.descriptor(), out.descriptor(), errors.descriptor());
  const auto passphrase =
      MakeFilePassphrase(absl::StrCat(folder_, "/passphrase"));
  Session session{*line,       clock_,         randomness_,      console,
                  *passphrase, vault_options_, "Test's machine", "Linux"};
  absl::Status status = RunCommand(session);
  return {std::move(status), out.Text(), errors.Text()};
}

std::string CommandTest::Invite(const std::string& enrollment_id) {
  std::string ticket(randomness_.DrawSecret(16).ExposeSecret());
  server_.ExpectDevice(enrollment_id, ticket);
  factors::push::ActivationUri uri;
  uri.server = server_.url();
  uri.account_id = FakeDeviceServer::kAccount;
  uri.member_id = FakeDeviceServer::kMember;
  uri.enrollment_id = enrollment_id;
  uri.ticket = Secret(std::move(ticket));
  uri.issuer = "ACME";
  uri.account_name = "ada@example.com";
  return std::string(factors::push::MakeActivationUri(uri).ExposeSecret());
}

void CommandTest::Enrol(const std::string& name) {
  const Ran ran = Run({"enrol", Invite(name), "--name", name});
  ASSERT_TRUE(ran.status.ok()) << ran.status;
}

VaultContent CommandTest::Content() {
  auto vault = Vault::Open(vault_options_, Secret(kPassphrase), randomness_);
  EXPECT_TRUE(vault.ok()) << vault.status();
  auto content = (*vault)->Read();
  EXPECT_TRUE(content.ok()) << content.status();
  return *std::move(content);
}

cofactor::v1::DeviceChallenge CommandTest::Challenge(
    const std::string& challenge_id) {
  cofactor::v1::DeviceChallenge challenge;
  challenge.set_challenge_id(challenge_id);
  challenge.set_account_id(FakeDeviceServer::kAccount);
  challenge.set_member_id(FakeDeviceServer::kMember);
  challenge.set_purpose("payment");
  challenge.mutable_details()->set_title("Pay");
  challenge.mutable_details()->set_amount("1,250.00 EUR");
  (*challenge.mutable_details()->mutable_fields())["City"] = "Berlin";
  challenge.mutable_expire_time()->set_seconds(
      absl::ToUnixSeconds(clock_.Now()) + 120);
  challenge.mutable_expire_time()->set_nanos(123456000);
  challenge.set_attempts_left(5);
  return challenge;
}

}  // namespace cofactor::device
