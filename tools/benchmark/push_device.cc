#include "tools/benchmark/push_device.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "factors/push/activation_uri.h"
#include "factors/push/signed_bytes.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

namespace cofactor::benchmark {
namespace {

using ::cofactor::factors::push::DeviceIds;
using ::cofactor::factors::push::DeviceSigner;

constexpr std::chrono::minutes kPatience{1};

absl::Status Check(const grpc::Status& status, absl::string_view what) {
  if (status.ok()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat(what, ": ", status.error_message()));
}

// A channel that shares its connection with no other.
std::shared_ptr<grpc::Channel> OwnConnection(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(),
                                   arguments);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PushDevice>> PushDevice::Register(
    v1::AuthService::StubInterface& auth,
    v1::DeviceService::StubInterface& devices, const std::string& address,
    const std::string& account_id, const std::string& member_id) {
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id(account_id);
  begin.set_member_id(member_id);
  begin.set_factor_type("push");
  v1::BeginEnrollmentResponse begun;
  grpc::ClientContext begin_context;
  RETURN_IF_ERROR(Check(auth.BeginEnrollment(&begin_context, begin, &begun),
                        "BeginEnrollment"));
  ASSIGN_OR_RETURN(const factors::push::ActivationUri uri,
                   factors::push::ParseActivationUri(
                       begun.activation().push().activation_uri()));
  ASSIGN_OR_RETURN(DeviceSigner signer,
                   DeviceSigner::Generate(v1::DEVICE_KEY_ALGORITHM_ED25519));

  v1::RegisterDeviceRequest request;
  request.set_account_id(account_id);
  request.set_member_id(member_id);
  request.set_enrollment_id(begun.enrollment().enrollment_id());
  v1::DeviceRegistration& registration = *request.mutable_registration();
  registration.set_ticket(std::string(uri.ticket.ExposeSecret()));
  *registration.mutable_key() = signer.key();
  registration.set_device_name("bench");
  ASSIGN_OR_RETURN(
      *registration.mutable_signature(),
      signer.Sign(factors::push::RegistrationBytes(
          {account_id, member_id, request.enrollment_id()}, registration)));
  v1::RegisterDeviceResponse registered;
  grpc::ClientContext register_context;
  RETURN_IF_ERROR(
      Check(devices.RegisterDevice(&register_context, request, &registered),
            "RegisterDevice"));
  if (!registered.registered()) {
    return absl::InternalError("a device was not registered");
  }
  return std::unique_ptr<PushDevice>(
      new PushDevice(address, account_id, member_id, request.enrollment_id(),
                     std::move(signer)));
}

PushDevice::~PushDevice() {
  MutexLock lock(mutex_);
  if (!opened_) return;
  context_.TryCancel();
  while (!ended_) changed_.Wait(mutex_);
}

void PushDevice::Open() {
  service_ = v1::DeviceService::NewStub(OwnConnection(address_));
  service_->async()->OpenDeviceChannel(&context_, this);
  StartRead(&read_);
  MutexLock lock(mutex_);
  opened_ = true;
  StartCall();
}

absl::Status PushDevice::WaitUntilWelcome() {
  return WaitUntil([this]()
                       ABSL_NO_THREAD_SAFETY_ANALYSIS { return welcomed_; });
}

absl::StatusOr<absl::Duration> PushDevice::WaitForChallenge(
    const std::string& challenge_id, const Stopwatch& since) {
  absl::Duration late;
  RETURN_IF_ERROR(WaitUntil([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (challenge_.challenge_id() != challenge_id) return false;
    late = since.Elapsed() - since_challenge_.Elapsed();
    return true;
  }));
  return late;
}

absl::Status PushDevice::Approve(const std::string& number) {
  v1::AnswerChallengeRequest answer;
  {
    MutexLock lock(mutex_);
    answer.set_challenge_id(challenge_.challenge_id());
    answer.set_account_id(account_id_);
    answer.set_member_id(member_id_);
    answer.set_enrollment_id(enrollment_id_);
    answer.mutable_answer()->set_decision(v1::PUSH_DECISION_APPROVE);
    answer.mutable_answer()->set_number(number);
    const absl::Time expire_time =
        absl::FromUnixSeconds(challenge_.expire_time().seconds()) +
        absl::Nanoseconds(challenge_.expire_time().nanos());
    ASSIGN_OR_RETURN(*answer.mutable_answer()->mutable_signature(),
                     signer_.Sign(factors::push::AnswerBytes(
                         Ids(),
                         {challenge_.challenge_id(), challenge_.purpose(),
                          challenge_.details(), expire_time},
                         answer.answer())));
    *written_.mutable_answer() = answer;
    StartWrite(&written_);
  }
  bool accepted = false;
  RETURN_IF_ERROR(WaitUntil([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (result_.challenge_id() != answer.challenge_id()) return false;
    accepted = result_.response().accepted();
    return true;
  }));
  return accepted ? absl::OkStatus()
                  : absl::InternalError("an answer was not accepted");
}

void PushDevice::OnReadDone(bool ok) {
  MutexLock lock(mutex_);
  if (!ok) return;
  switch (read_.event_case()) {
    case v1::OpenDeviceChannelResponse::kGreeting:
      SayHello(read_.greeting().nonce());
      break;
    case v1::OpenDeviceChannelResponse::kWelcome:
      welcomed_ = true;
      break;
    case v1::OpenDeviceChannelResponse::kChallenge:
      challenge_ = read_.challenge();
      since_challenge_ = Stopwatch();
      break;
    case v1::OpenDeviceChannelResponse::kAnswerResult:
      result_ = read_.answer_result();
      break;
    default:
      break;
  }
  changed_.NotifyAll();
  StartRead(&read_);
}

void PushDevice::OnDone(const grpc::Status& status) {
  MutexLock lock(mutex_);
  ended_ = true;
  end_ = status.error_message();
  changed_.NotifyAll();
}

void PushDevice::SayHello(const std::string& nonce) {
  v1::DeviceProof& hello = *written_.mutable_hello();
  hello.set_account_id(account_id_);
  hello.set_member_id(member_id_);
  hello.set_enrollment_id(enrollment_id_);
  hello.set_nonce(nonce);
  // A hello without a signature ends the channel.
  hello.set_signature(
      signer_.Sign(factors::push::ChannelBytes(Ids(), nonce)).value_or(""));
  StartWrite(&written_);
}

DeviceIds PushDevice::Ids() const {
  return {account_id_, member_id_, enrollment_id_};
}

template <typename Ready>
absl::Status PushDevice::WaitUntil(const Ready& ready) {
  MutexLock lock(mutex_);
  while (!ready()) {
    if (ended_) {
      return absl::UnavailableError(absl::StrCat("a channel ended: ", end_));
    }
    if (!changed_.WaitFor(mutex_, kPatience)) {
      return absl::DeadlineExceededError("a device waited in vain");
    }
  }
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
