#include "clients/device/vault.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/randomness.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

class VaultTest : public testing::Test {
 protected:
  VaultTest() {
    options_.path = absl::StrCat(
        testing::TempDir(), "/",
        testing::UnitTest::GetInstance()->current_test_info()->name());
    options_.cost = {1, 8};
    unlink(options_.path.c_str());
  }

  std::unique_ptr<Vault> Create() {
    auto vault = Vault::Create(options_, passphrase_, randomness_);
    EXPECT_TRUE(vault.ok()) << vault.status();
    return *std::move(vault);
  }

  absl::StatusOr<std::unique_ptr<Vault>> Open(
      absl::string_view passphrase = "right") {
    return Vault::Open(options_, Secret(passphrase), randomness_);
  }

  static absl::Status Add(Vault& vault, const std::string& name) {
    return vault.Update([&name](v1::DeviceVault& message) {
      message.add_totp_accounts()->set_name(name);
      return absl::OkStatus();
    });
  }

  std::string File() const {
    std::ifstream file(options_.path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  Vault::Options options_;
  SeededRandomness randomness_{1};
  const Secret passphrase_{absl::string_view("right")};
};

TEST_F(VaultTest, KeepsWhatWasWritten) {
  ASSERT_TRUE(Add(*Create(), "Example").ok());
  const auto vault = Open();
  ASSERT_TRUE(vault.ok()) << vault.status();
  const auto content = (*vault)->Read();
  ASSERT_TRUE(content.ok()) << content.status();
  ASSERT_EQ((*content)->totp_accounts_size(), 1);
  EXPECT_EQ((*content)->totp_accounts(0).name(), "Example");
}

TEST_F(VaultTest, IsForItsOwnerAlone) {
  Create();
  struct stat info = {};
  ASSERT_EQ(stat(options_.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
}

TEST_F(VaultTest, AWrongPassphraseChangesNothing) {
  ASSERT_TRUE(Add(*Create(), "Example").ok());
  const std::string before = File();
  const absl::Status status = Open("wrong").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_TRUE(absl::StrContains(status.message(), "passphrase")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), options_.path)) << status;
  EXPECT_EQ(File(), before);
}

TEST_F(VaultTest, ADamagedFileIsSaidToBeAndStays) {
  const auto vault = Create();
  std::string damaged = File();
  damaged[100 % damaged.size()] ^= 1;
  std::ofstream(options_.path, std::ios::binary) << damaged;
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Add(*vault, "x").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(File(), damaged);
}

TEST_F(VaultTest, DoesNotReplaceAFile) {
  ASSERT_TRUE(Add(*Create(), "Example").ok());
  const std::string before = File();
  EXPECT_EQ(Vault::Create(options_, passphrase_, randomness_).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(File(), before);
}

TEST_F(VaultTest, SaysThatThereIsNoFile) {
  EXPECT_FALSE(Vault::Exists(options_.path));
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kNotFound);
}

TEST_F(VaultTest, ARefusedChangeIsNotWritten) {
  const auto vault = Create();
  const std::string before = File();
  EXPECT_EQ(vault
                ->Update([](v1::DeviceVault& message) {
                  message.add_totp_accounts();
                  return absl::InvalidArgumentError("no");
                })
                .code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(File(), before);
}

TEST_F(VaultTest, TwoWritersLoseNothing) {
  Create();
  constexpr int kEach = 25;
  const auto write = [this](const std::string& name) {
    auto vault = Open();
    ASSERT_TRUE(vault.ok()) << vault.status();
    for (int i = 0; i < kEach; ++i) {
      const absl::Status added = Add(**vault, absl::StrCat(name, i));
      ASSERT_TRUE(added.ok()) << added;
    }
  };
  std::thread other([&write] { write("a"); });
  write("b");
  other.join();
  EXPECT_EQ((*(*Open())->Read())->totp_accounts_size(), 2 * kEach);
}

TEST_F(VaultTest, DoesNotWaitForALockForever) {
  const auto vault = Create();
  const int held =
      open(absl::StrCat(options_.path, ".lock").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_EQ(flock(held, LOCK_EX), 0);
  options_.lock_timeout = absl::ZeroDuration();
  auto hasty = Open();
  ASSERT_TRUE(hasty.ok()) << hasty.status();
  EXPECT_EQ(Add(**hasty, "x").code(), absl::StatusCode::kUnavailable);
  close(held);
  EXPECT_TRUE(Add(**hasty, "x").ok());
}

TEST_F(VaultTest, ChangesItsPassphrase) {
  const auto vault = Create();
  ASSERT_TRUE(Add(*vault, "Example").ok());
  const auto other = Open();
  ASSERT_TRUE(vault->ChangePassphrase(Secret(absl::string_view("newer"))).ok());
  EXPECT_EQ(Open().status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ((*other)->Read().status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ((*vault->Read())->totp_accounts_size(), 1);
  EXPECT_EQ((*(*Open("newer"))->Read())->totp_accounts_size(), 1);
}

}  // namespace
}  // namespace cofactor::device
