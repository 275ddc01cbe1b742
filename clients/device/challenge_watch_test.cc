#include "clients/device/challenge_watch.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/mutex.h"
#include "clients/device/device_connection.h"
#include "clients/device/fake_device_server.h"
#include "factors/push/device_signer.h"
#include "factors/push/signed_bytes.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

// Draws zeros, so that a back-off is over at once.
class Zeros final : public Randomness {
 public:
  void Fill(absl::Span<uint8_t> out) override {
    for (uint8_t& byte : out) byte = 0;
  }
};

// Keeps what it is told, in words.
class Recorder final : public ChallengeWatch::Listener {
 public:
  void OnWelcome() override { Add("welcome"); }
  void OnChallenge(const cofactor::v1::DeviceChallenge& challenge) override {
    Add(absl::StrCat("challenge ", challenge.challenge_id()));
  }
  void OnEnded(const std::string& challenge_id,
               cofactor::v1::ChallengeState state) override {
    Add(absl::StrCat("ended ", challenge_id, " ", static_cast<int>(state)));
  }
  void OnFailure(const absl::Status& status, absl::Duration) override {
    MutexLock lock(mutex_);
    last_failure_ = status;
    ++failures_;
    changed_.NotifyAll();
  }
  void OnGivenUp(const absl::Status& status) override {
    Add(absl::StrCat("given up ", ErrorReason(status)));
  }

  // Waits until it was told so many things but failures, and returns them.
  std::vector<std::string> Await(size_t count) {
    MutexLock lock(mutex_);
    while (told_.size() < count) changed_.Wait(mutex_);
    return told_;
  }

  absl::Status AwaitFailure(int count = 1) {
    MutexLock lock(mutex_);
    while (failures_ < count) changed_.Wait(mutex_);
    return last_failure_;
  }

 private:
  void Add(std::string what) {
    MutexLock lock(mutex_);
    told_.push_back(std::move(what));
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> told_ ABSL_GUARDED_BY(mutex_);
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status last_failure_ ABSL_GUARDED_BY(mutex_);
};

using Told = std::vector<std::string>;

class ChallengeWatchTest : public testing::Test {
 protected:
  ChallengeWatchTest()
      : signer_(*factors::push::DeviceSigner::Generate(
            cofactor::v1::DEVICE_KEY_ALGORITHM_ED25519)) {
    device_.set_account_id(FakeDeviceServer::kAccount);
    device_.set_member_id(FakeDeviceServer::kMember);
    device_.set_enrollment_id("e1");
    server_.ExpectDevice("e1", "ticket");
    cofactor::v1::RegisterDeviceRequest request;
    request.set_account_id(device_.account_id());
    request.set_member_id(device_.member_id());
    request.set_enrollment_id("e1");
    auto& registration = *request.mutable_registration();
    registration.set_ticket("ticket");
    *registration.mutable_key() = signer_.key();
    registration.set_signature(*signer_.Sign(
        factors::push::RegistrationBytes(IdsOf(device_), registration)));
    EXPECT_TRUE(*(*Connect())->Register(request));
  }

  absl::StatusOr<std::unique_ptr<DeviceConnection>> Connect() {
    return DeviceConnection::Open(server_.url(), "", zeros_);
  }

  absl::StatusOr<OpenedDevice> Open() {
    if (!open_error_.ok()) return open_error_;
    return OpenedDevice{device_, *Connect(),
                        *factors::push::DeviceSigner::FromPrivateKey(
                            signer_.key().algorithm(), signer_.private_key())};
  }

  std::unique_ptr<ChallengeWatch> Watch() {
    return std::make_unique<ChallengeWatch>([this] { return Open(); },
                                            recorder_, zeros_);
  }

  static cofactor::v1::DeviceChallenge Challenge(const std::string& id) {
    cofactor::v1::DeviceChallenge challenge;
    challenge.set_challenge_id(id);
    challenge.set_account_id(FakeDeviceServer::kAccount);
    challenge.set_member_id(FakeDeviceServer::kMember);
    return challenge;
  }

  FakeDeviceServer server_;
  Zeros zeros_;
  factors::push::DeviceSigner signer_;
  v1::PushDevice device_;
  absl::Status open_error_;
  Recorder recorder_;
};

TEST_F(ChallengeWatchTest, BringsChallengesAndSaysThatTheyWereSeen) {
  server_.Push(Challenge("early"));
  const auto watch = Watch();
  EXPECT_EQ(recorder_.Await(2), (Told{"welcome", "challenge early"}));
  server_.AwaitSeen("early");
  server_.Push(Challenge("late"));
  server_.End("early", cofactor::v1::CHALLENGE_STATE_SUPERSEDED);
  EXPECT_EQ(recorder_.Await(4), (Told{"welcome", "challenge early",
                                      "challenge late", "ended early 9"}));
  server_.AwaitSeen("late");
}

TEST_F(ChallengeWatchTest, AChallengeOfAnotherMemberIsNotBrought) {
  const auto watch = Watch();
  recorder_.Await(1);
  auto challenge = Challenge("theirs");
  challenge.set_member_id("grace");
  server_.Push(challenge);
  server_.Push(Challenge("ours"));
  EXPECT_EQ(recorder_.Await(2), (Told{"welcome", "challenge ours"}));
}

TEST_F(ChallengeWatchTest, ComesBackAfterARestartOfTheServer) {
  const auto watch = Watch();
  recorder_.Await(1);
  server_.Stop();
  EXPECT_TRUE(absl::IsUnavailable(recorder_.AwaitFailure()));
  server_.Push(Challenge("meanwhile"));
  server_.Start();
  EXPECT_EQ(recorder_.Await(3),
            (Told{"welcome", "welcome", "challenge meanwhile"}));
}

TEST_F(ChallengeWatchTest, DoesNotFightWithANewerChannel) {
  const auto watch = Watch();
  recorder_.Await(1);
  server_.ReplaceChannels();
  EXPECT_EQ(recorder_.Await(2), (Told{"welcome", "given up CHANNEL_REPLACED"}));
  EXPECT_EQ(server_.channels(), 1);
}

TEST_F(ChallengeWatchTest, AnUnknownDeviceKeepsTrying) {
  const auto key = server_.KeyOf("e1");
  server_.Revoke("e1");
  const auto watch = Watch();
  EXPECT_TRUE(absl::IsUnauthenticated(recorder_.AwaitFailure(2)));
}

TEST_F(ChallengeWatchTest, ADeviceThatIsGoneIsGivenUp) {
  open_error_ = absl::NotFoundError("removed");
  const auto watch = Watch();
  EXPECT_EQ(recorder_.Await(1), (Told{"given up "}));
}

TEST_F(ChallengeWatchTest, EndsWhileTheServerSaysNothing) {
  server_.BeSilent();
  // The test is that it ends, both before and in the middle of the greeting.
  Watch();
  const auto watch = Watch();
}

TEST_F(ChallengeWatchTest, EndsWhileNothingHappens) {
  const auto watch = Watch();
  recorder_.Await(1);
}

}  // namespace
}  // namespace cofactor::device
