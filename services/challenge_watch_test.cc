// WatchChallenge over real connections.

#include "services/challenge_watch.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/stream_fixture.h"
#include "tests/doubles/authorized_channel.h"

namespace cofactor::services {
namespace {

// Bytes that a message does not fit in.
constexpr int kSmallWindow = 8;

class ChallengeWatchTest : public testing::Test {
 protected:
  void WaitForStreams(int open) {
    server_.WaitForGauge("cofactor_challenge_watchers_open", open);
  }

  StreamFixture server_;
};

TEST_F(ChallengeWatchTest, TellsHowAChallengeStandsAndEndsWithIt) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  Watcher watcher(server_.auth(), challenge.challenge_id());
  const auto first = watcher.Next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->SerializeAsString(), challenge.SerializeAsString());
  EXPECT_TRUE(server_.Answer(challenge, server_.RightCode()).verified());
  EXPECT_EQ(watcher.NextState(), v1::CHALLENGE_STATE_APPROVED);
  EXPECT_FALSE(watcher.Next().has_value());
  EXPECT_TRUE(watcher.End().ok());
}

TEST_F(ChallengeWatchTest, TellsOfEachAnswer) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  Watcher watcher(server_.auth(), challenge.challenge_id());
  EXPECT_EQ(watcher.Next()->attempts_left(), 5u);
  for (uint32_t left = 4; left > 0; --left) {
    server_.Answer(challenge, server_.WrongCode());
    EXPECT_EQ(watcher.Next()->attempts_left(), left);
  }
  server_.clock().Advance(absl::Seconds(30));
  server_.Answer(challenge, server_.WrongCode());
  EXPECT_EQ(watcher.NextState(), v1::CHALLENGE_STATE_FAILED);
  EXPECT_TRUE(watcher.End().ok());
}

TEST_F(ChallengeWatchTest, TwoWatchersSeeTheSame) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  Watcher one(server_.auth(), challenge.challenge_id());
  Watcher other(server_.auth(), challenge.challenge_id());
  const auto see_the_same = [&] {
    const auto seen = one.Next();
    const auto seen_by_other = other.Next();
    ASSERT_TRUE(seen.has_value());
    ASSERT_TRUE(seen_by_other.has_value());
    EXPECT_EQ(seen->SerializeAsString(), seen_by_other->SerializeAsString());
  };
  see_the_same();
  server_.Answer(challenge, server_.WrongCode());
  see_the_same();
  server_.Cancel(challenge.challenge_id());
  see_the_same();
  EXPECT_TRUE(one.End().ok());
  EXPECT_TRUE(other.End().ok());
}

TEST_F(ChallengeWatchTest, TellsAFinalStateAndEndsAtOnce) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  server_.Cancel(challenge.challenge_id());
  Watcher watcher(server_.auth(), challenge.challenge_id());
  EXPECT_EQ(watcher.NextState(), v1::CHALLENGE_STATE_CANCELLED);
  EXPECT_FALSE(watcher.Next().has_value());
  EXPECT_TRUE(watcher.End().ok());
}

TEST_F(ChallengeWatchTest, RefusesWhatIsNoChallenge) {
  const grpc::Status unknown =
      Watcher(server_.auth(), std::string(32, '0')).End();
  EXPECT_EQ(unknown.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(unknown), "CHALLENGE_NOT_FOUND");
  EXPECT_EQ(Watcher(server_.auth(), "").End().error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Watcher(server_.auth(), "a/b").End().error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ChallengeWatchTest, TellsThatTheTimeRanOut) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  Watcher watcher(server_.auth(), challenge.challenge_id());
  EXPECT_EQ(watcher.NextState(), v1::CHALLENGE_STATE_PENDING);
  server_.clock().Advance(absl::Minutes(5));
  EXPECT_EQ(watcher.NextState(), v1::CHALLENGE_STATE_EXPIRED);
  EXPECT_TRUE(watcher.End().ok());
}

TEST_F(ChallengeWatchTest, GoesOnAfterARestart) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  Watcher before(server_.auth(), challenge.challenge_id());
  EXPECT_EQ(before.NextState(), v1::CHALLENGE_STATE_PENDING);
  server_.Answer(challenge, server_.WrongCode());
  server_.Restart();
  const grpc::Status status = before.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
  Watcher after(server_.auth(), challenge.challenge_id());
  EXPECT_EQ(after.Next()->attempts_left(), 4u);
  EXPECT_TRUE(server_.Answer(challenge, server_.RightCode()).verified());
  EXPECT_EQ(after.NextState(), v1::CHALLENGE_STATE_APPROVED);
  EXPECT_TRUE(after.End().ok());
}

TEST_F(ChallengeWatchTest, GivesItsPlaceBackWhenTheCallerLeaves) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  Watcher watcher(server_.auth(), challenge.challenge_id());
  ASSERT_TRUE(watcher.Next().has_value());
  WaitForStreams(1);
  watcher.Cancel();
  EXPECT_EQ(watcher.End().error_code(), grpc::StatusCode::CANCELLED);
  WaitForStreams(0);
}

TEST_F(ChallengeWatchTest, AsksTheGate) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  const auto auth = v1::AuthService::NewStub(
      server_.ChannelOf(server_.MakeClient({v1::SCOPE_ENROLL})));
  const grpc::Status status = Watcher(*auth, challenge.challenge_id()).End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(status), "SCOPE_MISSING");
}

// The window of the caller is filled by what it does not read.
TEST_F(ChallengeWatchTest, CutsACallerWhoDoesNotRead) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  const auto auth =
      v1::AuthService::NewStub(server_.DeviceConnection(kSmallWindow));
  const auto context = StreamFixture::Context();
  Authorize(*context, server_.admin_key());
  v1::WatchChallengeRequest request;
  request.set_challenge_id(challenge.challenge_id());
  const auto reader = auth->WatchChallenge(context.get(), request);
  // From then on the first message is under way.
  reader->WaitForInitialMetadata();
  // One who reads is not cut.
  Watcher other(server_.auth(), challenge.challenge_id());
  EXPECT_EQ(other.NextState(), v1::CHALLENGE_STATE_PENDING);
  WaitForStreams(2);
  server_.clock().Advance(ChallengeWatch::kWriteTimeout);
  WaitForStreams(1);
  server_.Cancel(challenge.challenge_id());
  EXPECT_EQ(other.NextState(), v1::CHALLENGE_STATE_CANCELLED);
  v1::WatchChallengeResponse response;
  while (reader->Read(&response)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

TEST_F(ChallengeWatchTest, EndsAllAtShutdown) {
  const v1::Challenge challenge = server_.CreateTotpChallenge();
  std::vector<std::unique_ptr<Watcher>> watchers;
  for (int i = 0; i < 20; ++i) {
    watchers.push_back(
        std::make_unique<Watcher>(server_.auth(), challenge.challenge_id()));
  }
  // Some rest, of others the first message is under way.
  ASSERT_TRUE(watchers[0]->Next().has_value());
  server_.Shutdown();
  for (const auto& watcher : watchers) {
    EXPECT_EQ(watcher->End().error_code(), grpc::StatusCode::UNAVAILABLE);
  }
}

TEST(ChallengeWatchBoundTest, OpensNoMoreStreamsThanItMay) {
  ServerOptions options = StreamFixture::Loopback();
  options.max_challenge_watches = 2;
  StreamFixture server(options);
  const v1::Challenge challenge = server.CreateTotpChallenge();
  Watcher one(server.auth(), challenge.challenge_id());
  Watcher two(server.auth(), challenge.challenge_id());
  ASSERT_TRUE(one.Next().has_value());
  ASSERT_TRUE(two.Next().has_value());
  const grpc::Status status =
      Watcher(server.auth(), challenge.challenge_id()).End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_STREAMS");
}

}  // namespace
}  // namespace cofactor::services
