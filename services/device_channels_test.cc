// Channels of devices over real connections.

#include "services/device_channels.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cofactor/v1/device_service.grpc.pb.h"
#include "factors/push/signed_bytes.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "services/stream_fixture.h"
#include "tests/doubles/push_phone.h"

namespace cofactor::services {
namespace {

using Request = v1::OpenDeviceChannelRequest;
using Response = v1::OpenDeviceChannelResponse;

constexpr v1::PushDecision kApprove = v1::PUSH_DECISION_APPROVE;
constexpr v1::PushDecision kDeny = v1::PUSH_DECISION_DENY;
// Bytes that a message does not fit in.
constexpr int kSmallWindow = 8;

// The device's end of a channel.
class Channel {
 public:
  explicit Channel(const std::shared_ptr<grpc::Channel>& connection)
      : devices_(v1::DeviceService::NewStub(connection)),
        stream_(devices_->OpenDeviceChannel(context_.get())) {}

  // What comes next; no event if the channel has ended.
  Response Next() {
    Response response;
    if (!stream_->Read(&response)) response.Clear();
    return response;
  }

  std::string Nonce() { return Next().greeting().nonce(); }
  void Send(const Request& request) { stream_->Write(request); }
  void CloseSide() { stream_->WritesDone(); }

  static v1::DeviceProof Proof(const PushPhone& phone,
                               const std::string& nonce) {
    v1::DeviceProof hello;
    hello.set_account_id(phone.account_id());
    hello.set_member_id(phone.member_id());
    hello.set_enrollment_id(phone.enrollment_id());
    hello.set_nonce(nonce);
    hello.set_signature(
        phone.Sign(factors::push::ChannelBytes(phone.ids(), nonce)));
    return hello;
  }

  void SendHello(const v1::DeviceProof& hello) {
    Request request;
    *request.mutable_hello() = hello;
    Send(request);
  }

  // Returns whether the device is welcome.
  bool Hello(const PushPhone& phone) {
    SendHello(Proof(phone, Nonce()));
    return Next().has_welcome();
  }

  void SendSeen(const std::string& challenge_id) {
    Request request;
    request.set_seen_challenge_id(challenge_id);
    Send(request);
  }

  void SendAnswer(const PushPhone& phone, const v1::DeviceChallenge& shown,
                  v1::PushDecision decision, const std::string& number = "") {
    v1::Challenge challenge;
    challenge.set_challenge_id(shown.challenge_id());
    challenge.set_purpose(shown.purpose());
    *challenge.mutable_details() = shown.details();
    *challenge.mutable_expire_time() = shown.expire_time();
    Request request;
    v1::AnswerChallengeRequest& answer = *request.mutable_answer();
    answer.set_challenge_id(shown.challenge_id());
    answer.set_account_id(phone.account_id());
    answer.set_member_id(phone.member_id());
    answer.set_enrollment_id(phone.enrollment_id());
    *answer.mutable_answer() = phone.Answer(challenge, decision, number);
    Send(request);
  }

  // How the channel ended, whatever came before.
  grpc::Status End() {
    while (Next().event_case() != Response::EVENT_NOT_SET) continue;
    return stream_->Finish();
  }

 private:
  const std::unique_ptr<grpc::ClientContext> context_ =
      StreamFixture::Context();
  const std::unique_ptr<v1::DeviceService::Stub> devices_;
  const std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> stream_;
};

class DeviceChannelsTest : public testing::Test {
 protected:
  explicit DeviceChannelsTest(
      const ServerOptions& options = StreamFixture::Loopback())
      : server_(options) {}

  std::unique_ptr<Channel> Open(int window = 0) {
    return std::make_unique<Channel>(server_.DeviceConnection(window));
  }

  // A channel of a device that was let in.
  std::unique_ptr<Channel> Connect(const PushPhone& phone, int window = 0) {
    auto channel = Open(window);
    EXPECT_TRUE(channel->Hello(phone));
    return channel;
  }

  void WaitForChannels(int open) {
    server_.WaitForGauge("cofactor_device_channels_open", open);
  }

  static void ExpectEnded(const Response& response,
                          const std::string& challenge_id,
                          v1::ChallengeState state) {
    EXPECT_TRUE(response.has_ended());
    EXPECT_EQ(response.ended().challenge_id(), challenge_id);
    EXPECT_EQ(response.ended().state(), state)
        << v1::ChallengeState_Name(response.ended().state());
  }

  StreamFixture server_;
};

TEST_F(DeviceChannelsTest, BringsAChallengeAndTakesTheAnswer) {
  const PushPhone phone = server_.EnrolPhone();
  const auto channel = Connect(phone);
  const v1::CreateChallengeResponse created = server_.CreatePushChallenge();
  const Response brought = channel->Next();
  ASSERT_TRUE(brought.has_challenge());
  const v1::DeviceChallenge& challenge = brought.challenge();
  EXPECT_EQ(challenge.challenge_id(), created.challenge().challenge_id());
  EXPECT_EQ(challenge.purpose(), "sign-in");
  EXPECT_EQ(challenge.details().title(), "Sign in to the admin panel");
  channel->SendAnswer(phone, challenge, kApprove, created.number());
  const Response result = channel->Next();
  ASSERT_TRUE(result.has_answer_result());
  EXPECT_EQ(result.answer_result().challenge_id(), challenge.challenge_id());
  EXPECT_TRUE(result.answer_result().response().accepted());
  EXPECT_EQ(result.answer_result().response().state(),
            v1::CHALLENGE_STATE_APPROVED);
  ExpectEnded(channel->Next(), challenge.challenge_id(),
              v1::CHALLENGE_STATE_APPROVED);
  channel->CloseSide();
  EXPECT_TRUE(channel->End().ok());
}

TEST_F(DeviceChannelsTest, BringsWhatWaitedForTheDevice) {
  const PushPhone phone = server_.EnrolPhone();
  const std::string id =
      server_.CreatePushChallenge().challenge().challenge_id();
  EXPECT_EQ(Connect(phone)->Next().challenge().challenge_id(), id);
  server_.Restart();
  EXPECT_EQ(Connect(phone)->Next().challenge().challenge_id(), id);
}

TEST_F(DeviceChannelsTest, TellsWhoWatchesHowFarAChallengeHasCome) {
  const PushPhone phone = server_.EnrolPhone();
  const v1::CreateChallengeResponse created = server_.CreatePushChallenge();
  const std::string& id = created.challenge().challenge_id();
  // Whoever may not know members is not to learn that somebody was reached.
  const auto auth = v1::AuthService::NewStub(
      server_.ChannelOf(server_.MakeClient({v1::SCOPE_VERIFY})));
  Watcher backend(*auth, id);
  EXPECT_EQ(backend.NextState(), v1::CHALLENGE_STATE_PENDING);
  Watcher one(server_.auth(), id);
  Watcher other(server_.auth(), id);
  const auto both_see = [&](v1::ChallengeState state) {
    EXPECT_EQ(one.NextState(), state) << v1::ChallengeState_Name(state);
    EXPECT_EQ(other.NextState(), state) << v1::ChallengeState_Name(state);
  };
  both_see(v1::CHALLENGE_STATE_PENDING);
  const auto channel = Connect(phone);
  const v1::DeviceChallenge challenge = channel->Next().challenge();
  both_see(v1::CHALLENGE_STATE_DELIVERED);
  channel->SendSeen("another");
  channel->SendSeen(id);
  both_see(v1::CHALLENGE_STATE_SEEN);
  channel->SendAnswer(phone, challenge, kApprove, created.number());
  both_see(v1::CHALLENGE_STATE_APPROVED);
  EXPECT_EQ(backend.NextState(), v1::CHALLENGE_STATE_APPROVED);
  EXPECT_TRUE(one.End().ok());
  EXPECT_TRUE(other.End().ok());
  EXPECT_TRUE(backend.End().ok());
}

TEST_F(DeviceChannelsTest, TellsAllThatAChallengeWasSuperseded) {
  const PushPhone phone = server_.EnrolPhone();
  const PushPhone tablet = server_.EnrolPhone();
  const auto phone_channel = Connect(phone);
  const auto tablet_channel = Connect(tablet);
  const std::string first =
      server_.CreatePushChallenge().challenge().challenge_id();
  EXPECT_EQ(phone_channel->Next().challenge().challenge_id(), first);
  EXPECT_EQ(tablet_channel->Next().challenge().challenge_id(), first);
  Watcher one(server_.auth(), first);
  Watcher other(server_.auth(), first);
  EXPECT_TRUE(one.Next().has_value());
  EXPECT_TRUE(other.Next().has_value());
  const std::string second =
      server_.CreatePushChallenge().challenge().challenge_id();
  for (Channel* channel : {phone_channel.get(), tablet_channel.get()}) {
    ExpectEnded(channel->Next(), first, v1::CHALLENGE_STATE_SUPERSEDED);
    EXPECT_EQ(channel->Next().challenge().challenge_id(), second);
  }
  for (Watcher* watcher : {&one, &other}) {
    v1::ChallengeState last = v1::CHALLENGE_STATE_UNSPECIFIED;
    while (const auto challenge = watcher->Next()) last = challenge->state();
    EXPECT_EQ(last, v1::CHALLENGE_STATE_SUPERSEDED);
    EXPECT_TRUE(watcher->End().ok());
  }
}

TEST_F(DeviceChannelsTest, TellsTheOtherDeviceThatItWasAnswered) {
  const PushPhone phone = server_.EnrolPhone();
  const PushPhone tablet = server_.EnrolPhone();
  const auto phone_channel = Connect(phone);
  const auto tablet_channel = Connect(tablet);
  const std::string id =
      server_.CreatePushChallenge().challenge().challenge_id();
  const v1::DeviceChallenge challenge = phone_channel->Next().challenge();
  EXPECT_TRUE(tablet_channel->Next().has_challenge());
  phone_channel->SendAnswer(phone, challenge, kDeny);
  ExpectEnded(tablet_channel->Next(), id, v1::CHALLENGE_STATE_DENIED);
}

TEST_F(DeviceChannelsTest, SaysThatAChallengeWasCancelledOrExpired) {
  const PushPhone phone = server_.EnrolPhone();
  const auto channel = Connect(phone);
  std::string id = server_.CreatePushChallenge().challenge().challenge_id();
  EXPECT_TRUE(channel->Next().has_challenge());
  server_.Cancel(id);
  ExpectEnded(channel->Next(), id, v1::CHALLENGE_STATE_CANCELLED);
  id = server_.CreatePushChallenge().challenge().challenge_id();
  EXPECT_TRUE(channel->Next().has_challenge());
  server_.clock().Advance(absl::Minutes(5));
  ExpectEnded(channel->Next(), id, v1::CHALLENGE_STATE_EXPIRED);
}

TEST_F(DeviceChannelsTest, TellsOfAWrongNumberAndTakesTheRightOneThen) {
  const PushPhone phone = server_.EnrolPhone();
  const auto channel = Connect(phone);
  const v1::CreateChallengeResponse created = server_.CreatePushChallenge();
  const v1::DeviceChallenge challenge = channel->Next().challenge();
  channel->SendAnswer(phone, challenge, kApprove,
                      WrongNumber(created.number()));
  const v1::AnswerResult wrong = channel->Next().answer_result();
  EXPECT_FALSE(wrong.response().accepted());
  EXPECT_EQ(wrong.response().attempts_left(), 4u);
  channel->SendAnswer(phone, challenge, kApprove, created.number());
  EXPECT_TRUE(channel->Next().answer_result().response().accepted());
}

TEST_F(DeviceChannelsTest, RefusesAnAnswerThatIsReplayed) {
  const PushPhone phone = server_.EnrolPhone();
  const auto channel = Connect(phone);
  const v1::CreateChallengeResponse created = server_.CreatePushChallenge();
  const v1::DeviceChallenge challenge = channel->Next().challenge();
  // Both at once: the second is read once the first has its result.
  channel->SendAnswer(phone, challenge, kApprove, created.number());
  channel->SendAnswer(phone, challenge, kApprove, created.number());
  EXPECT_TRUE(channel->Next().answer_result().response().accepted());
  Response next = channel->Next();
  if (next.has_ended()) next = channel->Next();
  ASSERT_TRUE(next.has_answer_result());
  EXPECT_FALSE(next.answer_result().has_response());
  EXPECT_EQ(next.answer_result().error_reason(), "CHALLENGE_FINAL");
  EXPECT_FALSE(next.answer_result().error_message().empty());
}

TEST_F(DeviceChannelsTest, TakesNoAnswerOfAnotherDevice) {
  const PushPhone phone = server_.EnrolPhone();
  const PushPhone tablet = server_.EnrolPhone();
  const auto channel = Connect(phone);
  const v1::CreateChallengeResponse created = server_.CreatePushChallenge();
  const v1::DeviceChallenge challenge = channel->Next().challenge();
  channel->SendAnswer(tablet, challenge, kApprove, created.number());
  const v1::AnswerResult refused = channel->Next().answer_result();
  EXPECT_EQ(refused.error_reason(), "DEVICE_MISMATCH");
  EXPECT_EQ(refused.challenge_id(), challenge.challenge_id());
  channel->SendAnswer(phone, challenge, kApprove, created.number());
  EXPECT_TRUE(channel->Next().answer_result().response().accepted());
}

TEST_F(DeviceChannelsTest, LetsNobodyInWhoProvesNothing) {
  const PushPhone phone = server_.EnrolPhone();
  const PushPhone tablet = server_.EnrolPhone();
  server_.CreatePushChallenge();
  std::vector<std::pair<std::string, std::unique_ptr<Channel>>> channels;
  const auto open = [&](const std::string& what) -> Channel& {
    channels.emplace_back(what, Open());
    return *channels.back().second;
  };
  {
    Channel& channel = open("a signature over another nonce");
    v1::DeviceProof hello = Channel::Proof(phone, channel.Nonce());
    hello.set_signature(
        Channel::Proof(phone, std::string(32, 'x')).signature());
    channel.SendHello(hello);
  }
  {
    Channel& channel = open("the signature of another device");
    const std::string nonce = channel.Nonce();
    v1::DeviceProof hello = Channel::Proof(phone, nonce);
    hello.set_signature(
        tablet.Sign(factors::push::ChannelBytes(phone.ids(), nonce)));
    channel.SendHello(hello);
  }
  {
    // One listens to a hello and repeats it on a channel of its own.
    const auto heard = Open();
    const v1::DeviceProof hello = Channel::Proof(phone, heard->Nonce());
    heard->SendHello(hello);
    EXPECT_TRUE(heard->Next().has_welcome());
    Channel& channel = open("a hello of another channel");
    channel.Nonce();
    channel.SendHello(hello);
  }
  {
    Channel& channel = open("a signature for another use");
    const std::string nonce = channel.Nonce();
    v1::DeviceProof hello = Channel::Proof(phone, nonce);
    hello.set_signature(
        phone.Sign(factors::push::ListBytes(phone.ids(), nonce)));
    channel.SendHello(hello);
  }
  {
    Channel& channel = open("a device that there is not");
    v1::DeviceProof hello = Channel::Proof(phone, channel.Nonce());
    hello.set_enrollment_id(std::string(32, '0'));
    channel.SendHello(hello);
  }
  open("something else than hello").SendSeen("c1");
  open("nothing").Send(Request());
  open("a side that is closed").CloseSide();
  for (auto& [what, channel] : channels) {
    Response response;
    // A greeting and nothing else, least of all a challenge.
    while ((response = channel->Next()).has_greeting()) {
    }
    EXPECT_EQ(response.event_case(), Response::EVENT_NOT_SET) << what;
    const grpc::Status status = channel->End();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << what;
    EXPECT_EQ(ReasonOf(status), "DEVICE_NOT_PROVEN") << what;
  }
}

TEST_F(DeviceChannelsTest, GreetsEachWithANonceOfItsOwn) {
  EXPECT_NE(Open()->Nonce(), Open()->Nonce());
}

TEST_F(DeviceChannelsTest, WaitsForHelloNoLongerThanItSays) {
  const auto channel = Open();
  EXPECT_EQ(channel->Nonce().size(), 32u);
  const PushPhone phone = server_.EnrolPhone();
  const auto in_time = Connect(phone);
  server_.clock().Advance(DeviceChannels::kHelloTimeout);
  const grpc::Status status = channel->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_EQ(ReasonOf(status), "HELLO_TOO_LATE");
  server_.CreatePushChallenge();
  EXPECT_TRUE(in_time->Next().has_challenge());
}

TEST_F(DeviceChannelsTest, ANewerChannelOfADeviceTakesTheOldOnesPlace) {
  const PushPhone phone = server_.EnrolPhone();
  const PushPhone tablet = server_.EnrolPhone();
  const auto older = Connect(phone);
  const auto of_other = Connect(tablet);
  const auto newer = Connect(phone);
  const grpc::Status status = older->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(status), "CHANNEL_REPLACED");
  WaitForChannels(2);
  server_.CreatePushChallenge();
  EXPECT_TRUE(newer->Next().has_challenge());
  EXPECT_TRUE(of_other->Next().has_challenge());
}

TEST_F(DeviceChannelsTest, CutsADeviceThatIsNoneAnyMore) {
  const PushPhone phone = server_.EnrolPhone();
  const PushPhone tablet = server_.EnrolPhone();
  const auto phone_channel = Connect(phone);
  const auto tablet_channel = Connect(tablet);
  server_.DeleteEnrollment(phone);
  grpc::Status status = phone_channel->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(status), "DEVICE_NOT_PROVEN");
  WaitForChannels(1);
  server_.SuspendAda();
  status = tablet_channel->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonOf(status), "DEVICE_NOT_PROVEN");
}

TEST_F(DeviceChannelsTest, EndsOverWhatNobodyUnderstands) {
  const PushPhone phone = server_.EnrolPhone();
  auto channel = Connect(phone);
  channel->Send(Request());
  EXPECT_EQ(channel->End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  channel = Open();
  const v1::DeviceProof hello = Channel::Proof(phone, channel->Nonce());
  channel->SendHello(hello);
  EXPECT_TRUE(channel->Next().has_welcome());
  channel->SendHello(hello);
  EXPECT_EQ(channel->End().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(DeviceChannelsTest, EndsAllAtShutdown) {
  const PushPhone phone = server_.EnrolPhone();
  std::vector<std::unique_ptr<Channel>> channels;
  channels.push_back(Connect(phone));
  channels.push_back(Open());
  EXPECT_EQ(channels.back()->Nonce().size(), 32u);
  WaitForChannels(2);
  server_.Shutdown();
  for (const auto& channel : channels) {
    EXPECT_EQ(channel->End().error_code(), grpc::StatusCode::UNAVAILABLE);
  }
}

// Of devices that do not read, whose window is filled by that.
class SlowDeviceTest : public DeviceChannelsTest {
 protected:
  static ServerOptions OneThread() {
    ServerOptions options = StreamFixture::Loopback();
    options.threads = 1;
    return options;
  }

  SlowDeviceTest() : DeviceChannelsTest(OneThread()) {}

  // Makes a challenge. Its message to the device is under way when this
  // returns: the one thread has written it before it takes another call.
  std::string CreateAndWrite() {
    const std::string id =
        server_.CreatePushChallenge().challenge().challenge_id();
    EXPECT_TRUE(Watcher(server_.auth(), id).Next().has_value());
    return id;
  }
};

TEST_F(SlowDeviceTest, IsCutAndHoldsNobodyElseUp) {
  const PushPhone phone = server_.EnrolPhone();
  const PushPhone tablet = server_.EnrolPhone();
  const auto slow = Connect(phone, kSmallWindow);
  const auto quick = Connect(tablet);
  const std::string id = CreateAndWrite();
  EXPECT_TRUE(quick->Next().has_challenge());
  WaitForChannels(2);
  server_.clock().Advance(DeviceChannels::kWriteTimeout);
  WaitForChannels(1);
  EXPECT_FALSE(slow->End().ok());
  server_.Cancel(id);
  ExpectEnded(quick->Next(), id, v1::CHALLENGE_STATE_CANCELLED);
}

TEST_F(SlowDeviceTest, HoldsAShutdownUpNoLongerThanAWriteMayTake) {
  const PushPhone phone = server_.EnrolPhone();
  const auto slow = Connect(phone, kSmallWindow);
  CreateAndWrite();
  server_.clock().Advance(DeviceChannels::kWriteTimeout);
  server_.Shutdown();
  EXPECT_NE(slow->End().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST(DeviceChannelsBoundTest, OpensNoMoreChannelsThanItMay) {
  ServerOptions options = StreamFixture::Loopback();
  options.max_device_channels = 2;
  StreamFixture server(options);
  Channel one(server.DeviceConnection());
  auto two = std::make_unique<Channel>(server.DeviceConnection());
  EXPECT_EQ(one.Nonce().size(), 32u);
  EXPECT_EQ(two->Nonce().size(), 32u);
  const grpc::Status status = Channel(server.DeviceConnection()).End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(status), "TOO_MANY_STREAMS");
  // A place that is left is free again.
  two->CloseSide();
  two->End();
  server.WaitForGauge("cofactor_device_channels_open", 1);
  EXPECT_EQ(Channel(server.DeviceConnection()).Nonce().size(), 32u);
}

}  // namespace
}  // namespace cofactor::services
