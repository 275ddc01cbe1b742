#include "clients/device/fake_device_server.h"

#include <chrono>
#include <cstdlib>
#include <deque>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/errors.h"
#include "clients/device/device_connection.h"
#include "factors/push/device_key.h"
#include "factors/push/signed_bytes.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"

namespace cofactor::device {
namespace {

using ::cofactor::v1::DeviceProof;
using ::cofactor::v1::OpenDeviceChannelRequest;
using ::cofactor::v1::OpenDeviceChannelResponse;
using factors::push::DeviceIds;
using factors::push::IsSignedBy;

grpc::Status ToGrpc(const absl::Status& status) {
  google::rpc::Status details;
  status.ForEachPayload(
      [&details](absl::string_view url, const absl::Cord& payload) {
        auto& detail = *details.add_details();
        detail.set_type_url(std::string(url));
        detail.set_value(std::string(payload));
      });
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()),
                      details.SerializeAsString());
}

grpc::Status NotProven() {
  return ToGrpc(MakeError(absl::StatusCode::kUnauthenticated,
                          "DEVICE_NOT_PROVEN", "no such device"));
}

template <typename Message>
DeviceIds IdsOf(const Message& message) {
  return {message.account_id(), message.member_id(), message.enrollment_id()};
}

}  // namespace

// All calls with the server's mutex held, but for those of gRPC.
class FakeDeviceServer::Channel final
    : public grpc::ServerBidiReactor<OpenDeviceChannelRequest,
                                     OpenDeviceChannelResponse> {
 public:
  Channel(FakeDeviceServer& server, const std::string& nonce)
      : server_(server), nonce_(nonce) {
    StartRead(&request_);
  }

  void Send(const OpenDeviceChannelResponse& event) {
    queue_.push_back(event);
    if (queue_.size() == 1 && !finished_) StartWrite(&queue_.front());
  }

  void End(const grpc::Status& status) {
    if (!std::exchange(finished_, true)) Finish(status);
  }

  void OnReadDone(bool ok) override {
    MutexLock lock(server_.mutex_);
    if (!ok) {
      End(grpc::Status::CANCELLED);
      return;
    }
    if (request_.has_hello()) {
      server_.Welcome(*this, request_.hello(), nonce_);
    } else {
      server_.seen_.push_back(request_.seen_challenge_id());
      server_.changed_.NotifyAll();
    }
    if (!finished_) StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    MutexLock lock(server_.mutex_);
    queue_.pop_front();
    if (ok && !finished_ && !queue_.empty()) StartWrite(&queue_.front());
  }

  void OnCancel() override {
    MutexLock lock(server_.mutex_);
    End(grpc::Status::CANCELLED);
  }

  void OnDone() override {
    {
      MutexLock lock(server_.mutex_);
      server_.open_.erase(this);
      server_.welcomed_.erase(this);
    }
    delete this;
  }

 private:
  FakeDeviceServer& server_;
  const std::string nonce_;
  OpenDeviceChannelRequest request_;
  std::deque<OpenDeviceChannelResponse> queue_;
  bool finished_ = false;
};

grpc::ServerBidiReactor<OpenDeviceChannelRequest, OpenDeviceChannelResponse>*
FakeDeviceServer::OpenDeviceChannel(grpc::CallbackServerContext*) {
  MutexLock lock(mutex_);
  const std::string nonce = absl::StrCat("nonce ", ++last_nonce_);
  auto* const channel = new Channel(*this, nonce);
  open_.insert(channel);
  if (!silent_) {
    OpenDeviceChannelResponse greeting;
    greeting.mutable_greeting()->set_nonce(nonce);
    channel->Send(greeting);
  }
  changed_.NotifyAll();
  return channel;
}

void FakeDeviceServer::Welcome(Channel& channel, const DeviceProof& hello,
                               const std::string& nonce) {
  if (!IsProven(hello, factors::push::ChannelBytes(IdsOf(hello), nonce))) {
    channel.End(NotProven());
    return;
  }
  ++channels_;
  welcomed_.insert(&channel);
  OpenDeviceChannelResponse event;
  event.mutable_welcome();
  channel.Send(event);
  for (const auto& [id, challenge] : pending_) {
    *event.mutable_challenge() = challenge;
    channel.Send(event);
  }
}

FakeDeviceServer::FakeDeviceServer() { Start(); }

FakeDeviceServer::~FakeDeviceServer() { Stop(); }

std::string FakeDeviceServer::url() const {
  return absl::StrCat("http://127.0.0.1:", port_);
}

void FakeDeviceServer::Start() {
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_),
                           grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) std::abort();
}

void FakeDeviceServer::Stop() {
  {
    MutexLock lock(mutex_);
    for (Channel* const channel : open_) {
      channel->End(grpc::Status(grpc::StatusCode::UNAVAILABLE, "stopping"));
    }
  }
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ToChronoTime(SystemClock().Now()));
  server_->Wait();
  server_.reset();
}

void FakeDeviceServer::ExpectDevice(const std::string& enrollment_id,
                                    const std::string& ticket) {
  MutexLock lock(mutex_);
  tickets_[enrollment_id] = ticket;
}

std::optional<cofactor::v1::DeviceKey> FakeDeviceServer::KeyOf(
    const std::string& enrollment_id) const {
  MutexLock lock(mutex_);
  const auto found = keys_.find(enrollment_id);
  if (found == keys_.end()) return std::nullopt;
  return found->second;
}

void FakeDeviceServer::Revoke(const std::string& enrollment_id) {
  MutexLock lock(mutex_);
  keys_.erase(enrollment_id);
}

void FakeDeviceServer::Push(const cofactor::v1::DeviceChallenge& challenge) {
  MutexLock lock(mutex_);
  pending_[challenge.challenge_id()] = challenge;
  OpenDeviceChannelResponse event;
  *event.mutable_challenge() = challenge;
  for (Channel* const channel : welcomed_) channel->Send(event);
}

void FakeDeviceServer::End(const std::string& challenge_id,
                           cofactor::v1::ChallengeState state) {
  MutexLock lock(mutex_);
  pending_.erase(challenge_id);
  OpenDeviceChannelResponse event;
  event.mutable_ended()->set_challenge_id(challenge_id);
  event.mutable_ended()->set_state(state);
  for (Channel* const channel : welcomed_) channel->Send(event);
}

void FakeDeviceServer::LoseNextAnswer() {
  MutexLock lock(mutex_);
  lose_answer_ = true;
}

void FakeDeviceServer::RefuseNext(const absl::Status& status) {
  MutexLock lock(mutex_);
  refusal_ = status;
}

void FakeDeviceServer::ReplaceChannels() {
  MutexLock lock(mutex_);
  for (Channel* const channel : welcomed_) {
    channel->End(ToGrpc(MakeError(absl::StatusCode::kAborted,
                                  "CHANNEL_REPLACED", "there is a newer one")));
  }
}

void FakeDeviceServer::BeSilent() {
  MutexLock lock(mutex_);
  silent_ = true;
}

std::vector<cofactor::v1::PushAnswer> FakeDeviceServer::answers() const {
  MutexLock lock(mutex_);
  return answers_;
}

std::vector<std::string> FakeDeviceServer::seen() const {
  MutexLock lock(mutex_);
  return seen_;
}

void FakeDeviceServer::AwaitSeen(const std::string& challenge_id) {
  MutexLock lock(mutex_);
  while (true) {
    for (const std::string& id : seen_) {
      if (id == challenge_id) return;
    }
    changed_.Wait(mutex_);
  }
}

int FakeDeviceServer::channels() const {
  MutexLock lock(mutex_);
  return channels_;
}

bool FakeDeviceServer::IsProven(const DeviceProof& proof,
                                const std::string& bytes) const {
  const auto key = keys_.find(proof.enrollment_id());
  return proof.account_id() == kAccount && proof.member_id() == kMember &&
         key != keys_.end() &&
         IsSignedBy(key->second, bytes, proof.signature());
}

absl::Status FakeDeviceServer::TakeRefusal() {
  absl::Status refusal = refusal_;
  refusal_ = absl::OkStatus();
  return refusal;
}

grpc::Status FakeDeviceServer::Served() {
  if (!std::exchange(lose_answer_, false)) return grpc::Status::OK;
  return grpc::Status(grpc::StatusCode::INTERNAL, "the answer got lost");
}

grpc::Status FakeDeviceServer::CreateDeviceNonce(
    grpc::ServerContext*, const cofactor::v1::CreateDeviceNonceRequest*,
    cofactor::v1::CreateDeviceNonceResponse* response) {
  MutexLock lock(mutex_);
  response->set_nonce(absl::StrCat("nonce ", ++last_nonce_));
  return grpc::Status::OK;
}

grpc::Status FakeDeviceServer::RegisterDevice(
    grpc::ServerContext*, const cofactor::v1::RegisterDeviceRequest* request,
    cofactor::v1::RegisterDeviceResponse* response) {
  MutexLock lock(mutex_);
  if (absl::Status refusal = TakeRefusal(); !refusal.ok()) {
    return ToGrpc(refusal);
  }
  // A retry gets the first answer.
  const std::string body = request->SerializeAsString();
  if (const auto first = registrations_.find(body);
      first != registrations_.end()) {
    response->set_registered(first->second);
    return grpc::Status::OK;
  }
  const auto& registration = request->registration();
  const auto ticket = tickets_.find(request->enrollment_id());
  const bool right =
      ticket != tickets_.end() && ticket->second == registration.ticket() &&
      request->account_id() == kAccount && request->member_id() == kMember &&
      IsSignedBy(
          registration.key(),
          factors::push::RegistrationBytes(IdsOf(*request), registration),
          registration.signature());
  if (right) {
    tickets_.erase(ticket);
    keys_[request->enrollment_id()] = registration.key();
  }
  registrations_[body] = right;
  response->set_registered(right);
  return Served();
}

grpc::Status FakeDeviceServer::ListPendingChallenges(
    grpc::ServerContext*,
    const cofactor::v1::ListPendingChallengesRequest* request,
    cofactor::v1::ListPendingChallengesResponse* response) {
  MutexLock lock(mutex_);
  const DeviceProof& proof = request->proof();
  if (!IsProven(proof, factors::push::ListBytes(IdsOf(proof), proof.nonce()))) {
    return NotProven();
  }
  for (const auto& [id, challenge] : pending_) {
    *response->add_challenges() = challenge;
  }
  return grpc::Status::OK;
}

grpc::Status FakeDeviceServer::AnswerChallenge(
    grpc::ServerContext*, const cofactor::v1::AnswerChallengeRequest* request,
    cofactor::v1::AnswerChallengeResponse* response) {
  MutexLock lock(mutex_);
  const auto found = pending_.find(request->challenge_id());
  if (found == pending_.end()) {
    return ToGrpc(MakeError(absl::StatusCode::kFailedPrecondition,
                            "CHALLENGE_FINAL", "the challenge is over"));
  }
  answers_.push_back(request->answer());
  const cofactor::v1::DeviceChallenge& challenge = found->second;
  const std::string bytes =
      factors::push::AnswerBytes(IdsOf(*request),
                                 {challenge.challenge_id(), challenge.purpose(),
                                  challenge.details(), ExpireTimeOf(challenge)},
                                 request->answer());
  const auto key = keys_.find(request->enrollment_id());
  const bool approve =
      request->answer().decision() == cofactor::v1::PUSH_DECISION_APPROVE;
  response->set_accepted(
      key != keys_.end() &&
      IsSignedBy(key->second, bytes, request->answer().signature()) &&
      (!approve || request->answer().number() == kNumber));
  response->set_attempts_left(4);
  response->set_state(!response->accepted() ? cofactor::v1::CHALLENGE_STATE_SEEN
                      : approve ? cofactor::v1::CHALLENGE_STATE_APPROVED
                                : cofactor::v1::CHALLENGE_STATE_DENIED);
  if (response->accepted()) pending_.erase(found);
  return grpc::Status::OK;
}

grpc::Status FakeDeviceServer::RotateDeviceKey(
    grpc::ServerContext*, const cofactor::v1::RotateDeviceKeyRequest* request,
    cofactor::v1::RotateDeviceKeyResponse*) {
  MutexLock lock(mutex_);
  if (absl::Status refusal = TakeRefusal(); !refusal.ok()) {
    return ToGrpc(refusal);
  }
  const DeviceProof& proof = request->proof();
  const std::string bytes = factors::push::RotationBytes(
      IdsOf(proof), proof.nonce(), request->new_key());
  if (!IsProven(proof, bytes) ||
      !IsSignedBy(request->new_key(), bytes, request->new_key_signature())) {
    return NotProven();
  }
  keys_[proof.enrollment_id()] = request->new_key();
  return Served();
}

grpc::Status FakeDeviceServer::UpdateDevice(
    grpc::ServerContext*, const cofactor::v1::UpdateDeviceRequest* request,
    cofactor::v1::UpdateDeviceResponse*) {
  MutexLock lock(mutex_);
  const DeviceProof& proof = request->proof();
  if (!IsProven(proof, factors::push::UpdateBytes(
                           IdsOf(proof), proof.nonce(), request->device_name(),
                           request->platform(), request->wake_up()))) {
    return NotProven();
  }
  return grpc::Status::OK;
}

}  // namespace cofactor::device
