#include "services/engine/device_engine.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/errors.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "factors/factor.h"
#include "factors/push/device_info.h"
#include "factors/push/device_key.h"
#include "factors/push/push_response.h"
#include "factors/push/push_state.h"
#include "services/engine/challenge_records.h"
#include "services/engine/enrollment_attributes.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/rules.h"
#include "services/engine/trial.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::factors::push::DeviceIds;
using ::cofactor::record::v1::ChallengeRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

constexpr absl::string_view kFactorType = "push";

// Of the attributes of an enrollment (factors/push/device_info.h).
constexpr char kDeviceNameAttribute[] = "device_name";
constexpr char kPlatformAttribute[] = "platform";

absl::Status NotProven() {
  return MakeError(absl::StatusCode::kUnauthenticated, "DEVICE_NOT_PROVEN",
                   "the signature is not that of a registered device: check "
                   "the nonce, the ids and the key, or register again");
}

// ids: of a request, or a part of one. prefix: where it stands there.
template <typename Ids>
absl::Status CheckIds(absl::string_view prefix, const Ids& ids) {
  RETURN_IF_ERROR(
      CheckId(absl::StrCat(prefix, "account_id"), ids.account_id()));
  RETURN_IF_ERROR(CheckId(absl::StrCat(prefix, "member_id"), ids.member_id()));
  return CheckId(absl::StrCat(prefix, "enrollment_id"), ids.enrollment_id());
}

template <typename Ids>
DeviceIds IdsOf(const Ids& ids) {
  return {ids.account_id(), ids.member_id(), ids.enrollment_id()};
}

// A device that there is.
struct Device {
  Stored<MemberRecord> member;
  std::string enrollment_id;
  v1::DeviceKey key;

  EnrollmentRecord& enrollment() {
    return *FindEnrollment(member.record, enrollment_id);
  }
};

// Nothing if there is no such device.
absl::StatusOr<std::optional<Device>> FindDevice(Plan& plan,
                                                 const DeviceIds& ids) {
  Device device;
  ASSIGN_OR_RETURN(device.member,
                   FindMember(plan, ids.account_id, ids.member_id));
  const EnrollmentRecord* enrollment =
      FindEnrollment(device.member.record, ids.enrollment_id);
  if (enrollment == nullptr || enrollment->factor_type() != kFactorType ||
      !IsActive(*enrollment) || !MayVerify(device.member.record, plan.now())) {
    return std::nullopt;
  }
  device.enrollment_id = enrollment->enrollment_id();
  plan.audit().set_enrollment_id(enrollment->enrollment_id());
  plan.audit().set_factor_type(enrollment->factor_type());
  absl::StatusOr<v1::DeviceKey> key =
      factors::push::DeviceKeyOf(FactorStateOf(*enrollment));
  if (absl::IsNotFound(key.status())) return std::nullopt;
  ASSIGN_OR_RETURN(device.key, std::move(key));
  return device;
}

// The device whose signature it is. bytes: what it has to be over.
// nonce_is_good: whether they were made from a nonce that is still good.
absl::StatusOr<Device> FindProven(Plan& plan, const v1::DeviceProof& proof,
                                  bool nonce_is_good, absl::string_view bytes) {
  ASSIGN_OR_RETURN(std::optional<Device> device,
                   FindDevice(plan, IdsOf(proof)));
  // There is a key to check with in any case, so that all take the same work.
  // Nothing is proven by that of nobody.
  static const v1::DeviceKey* const key_of_nobody =
      new v1::DeviceKey(factors::push::KeyOfNobody());
  const bool is_signed = factors::push::IsSignedBy(
      device.has_value() ? device->key : *key_of_nobody, bytes,
      proof.signature());
  if (!device.has_value() || !is_signed || !nonce_is_good) return NotProven();
  return *std::move(device);
}

// Whether a device may answer the challenge, as long as it is not final.
bool IsFor(const ChallengeRecord& challenge, const DeviceIds& ids) {
  return challenge.factor_type() == kFactorType && !challenge.decoy() &&
         challenge.account_id() == ids.account_id &&
         challenge.member_id() == ids.member_id &&
         (challenge.enrollment_id().empty() ||
          challenge.enrollment_id() == ids.enrollment_id);
}

// The challenge that waits for a device; a record that does not exist if there
// is none.
absl::StatusOr<Stored<ChallengeRecord>> FindPending(Plan& plan,
                                                    const MemberRecord& member,
                                                    const DeviceIds& ids) {
  for (const record::v1::PromptsRecord& prompts : member.prompts()) {
    if (prompts.factor_type() != kFactorType ||
        prompts.challenge_id().empty()) {
      continue;
    }
    ASSIGN_OR_RETURN(auto challenge, plan.Read<ChallengeRecord>(
                                         ChallengeKey(prompts.challenge_id())));
    if (challenge.exists() && IsFor(challenge.record, ids) &&
        !IsFinal(StateOf(challenge.record, plan.now()))) {
      return challenge;
    }
  }
  return Stored<ChallengeRecord>();
}

absl::StatusOr<v1::DeviceChallenge> DeviceViewOf(
    const ChallengeRecord& challenge, absl::Time now) {
  v1::DeviceChallenge view;
  view.set_challenge_id(challenge.challenge_id());
  view.set_account_id(challenge.account_id());
  view.set_member_id(challenge.member_id());
  view.set_purpose(challenge.purpose());
  ASSIGN_OR_RETURN(*view.mutable_details(), DetailsOf(challenge));
  *view.mutable_create_time() =
      ToTimestamp(absl::FromUnixMicros(challenge.create_micros()));
  *view.mutable_expire_time() =
      ToTimestamp(absl::FromUnixMicros(challenge.expire_micros()));
  view.set_attempts_left(ViewOf(challenge, now).attempts_left());
  return view;
}

// How far a challenge has come on its way to a person.
int Progress(v1::ChallengeState state) {
  switch (state) {
    case v1::CHALLENGE_STATE_PENDING:
      return 1;
    case v1::CHALLENGE_STATE_DELIVERED:
      return 2;
    case v1::CHALLENGE_STATE_SEEN:
      return 3;
    default:
      return 0;
  }
}

// Writes that a challenge has come further, if it has. challenge: not final.
void Advance(Plan& plan, v1::ChallengeState state, ChallengeRecord& challenge) {
  if (Progress(state) <= Progress(StateOf(challenge, plan.now()))) return;
  challenge.set_state(state);
  plan.audit().set_challenge_id(challenge.challenge_id());
  WriteChallenge(plan, challenge);
}

// Writes what a device is now: its private state, and what a person may see.
absl::Status WriteDevice(Plan& plan, const factors::FactorState& state,
                         absl::string_view device_name,
                         absl::string_view platform, Device& device) {
  ASSIGN_OR_RETURN(const v1::DeviceKey key, factors::push::DeviceKeyOf(state));
  ASSIGN_OR_RETURN(const v1::WakeUpAddress wake_up,
                   factors::push::WakeUpAddressOf(state));
  SetAttributes(
      factors::push::AttributesOf(device_name, platform, key, wake_up),
      device.enrollment());
  SetFactorState(state, device.enrollment());
  MemberRecord& member = device.member.record;
  plan.Write(MemberKey(member.account_id(), member.member_id()), member);
  return absl::OkStatus();
}

}  // namespace

absl::Status DeviceEngine::CreateDeviceNonce(
    Plan& plan, const v1::CreateDeviceNonceRequest& request,
    v1::CreateDeviceNonceResponse& response) const {
  response.set_nonce(nonces_.Make(plan.now()));
  *response.mutable_expire_time() =
      ToTimestamp(plan.now() + kDeviceNonceLifetime);
  response.set_web_push_public_key(web_push_public_key_);
  return absl::OkStatus();
}

absl::Status DeviceEngine::RegisterDevice(
    Plan& plan, const v1::RegisterDeviceRequest& request,
    v1::RegisterDeviceResponse& response) const {
  RETURN_IF_ERROR(CheckIds("", request));
  RETURN_IF_ERROR(factors::push::CheckRegistration("registration.",
                                                   request.registration()));
  ASSIGN_OR_RETURN(auto member,
                   FindMember(plan, request.account_id(), request.member_id()));
  const EnrollmentRecord* enrollment =
      FindEnrollment(member.record, request.enrollment_id());
  // Whoever makes up names leaves no trace: the disk would be theirs to fill.
  if (enrollment == nullptr) return absl::OkStatus();
  plan.audit().set_enrollment_id(enrollment->enrollment_id());
  plan.audit().set_factor_type(enrollment->factor_type());
  if (enrollment->factor_type() != kFactorType || enrollment->confirmed() ||
      !MayVerify(member.record, plan.now())) {
    Decide(plan, false, v1::VERIFICATION_REASON_NO_ENROLLMENT);
    return absl::OkStatus();
  }
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id(request.account_id());
  confirm.set_member_id(request.member_id());
  confirm.set_enrollment_id(request.enrollment_id());
  *confirm.mutable_response()->mutable_device() = request.registration();
  v1::ConfirmEnrollmentResponse confirmed;
  const absl::Status status =
      enrollments_.ConfirmEnrollment(plan, confirm, confirmed);
  Wipe(*confirm.mutable_response()->mutable_device()->mutable_ticket());
  RETURN_IF_ERROR(status);
  response.set_registered(confirmed.verified());
  return absl::OkStatus();
}

absl::Status DeviceEngine::ListPendingChallenges(
    Plan& plan, const v1::ListPendingChallengesRequest& request,
    v1::ListPendingChallengesResponse& response) const {
  const v1::DeviceProof& proof = request.proof();
  RETURN_IF_ERROR(CheckIds("proof.", proof));
  ASSIGN_OR_RETURN(
      const Device device,
      FindProven(plan, proof, nonces_.IsFresh(proof.nonce(), plan.now()),
                 factors::push::ListBytes(IdsOf(proof), proof.nonce())));
  ASSIGN_OR_RETURN(auto challenge,
                   FindPending(plan, device.member.record, IdsOf(proof)));
  if (!challenge.exists()) return absl::OkStatus();
  Advance(plan, v1::CHALLENGE_STATE_DELIVERED, challenge.record);
  ASSIGN_OR_RETURN(*response.add_challenges(),
                   DeviceViewOf(challenge.record, plan.now()));
  return absl::OkStatus();
}

absl::Status DeviceEngine::AnswerChallenge(
    Plan& plan, const v1::AnswerChallengeRequest& request,
    v1::AnswerChallengeResponse& response) const {
  return challenges_.AnswerChallenge(plan, request, response);
}

absl::Status DeviceEngine::RotateDeviceKey(
    Plan& plan, const v1::RotateDeviceKeyRequest& request,
    v1::RotateDeviceKeyResponse& response) const {
  const v1::DeviceProof& proof = request.proof();
  const v1::DeviceKey& new_key = request.new_key();
  RETURN_IF_ERROR(CheckIds("proof.", proof));
  RETURN_IF_ERROR(factors::push::CheckDeviceKey("new_key", new_key));
  const std::string bytes =
      factors::push::RotationBytes(IdsOf(proof), proof.nonce(), new_key);
  ASSIGN_OR_RETURN(
      Device device,
      FindProven(plan, proof, nonces_.IsFresh(proof.nonce(), plan.now()),
                 bytes));
  if (!factors::push::IsSignedBy(new_key, bytes, request.new_key_signature())) {
    return NotProven();
  }
  if (new_key.algorithm() == device.key.algorithm() &&
      new_key.public_key() == device.key.public_key()) {
    return InvalidField("new_key", "is the old one: make a new one");
  }
  record::v1::AttributesRecord attributes;
  if (!attributes.ParseFromString(device.enrollment().attributes())) {
    return absl::DataLossError("the attributes of an enrollment are damaged");
  }
  auto& names = *attributes.mutable_attributes();
  ASSIGN_OR_RETURN(
      const factors::FactorState state,
      factors::push::WithKey(FactorStateOf(device.enrollment()), new_key));
  // A channel of the old key has to end.
  plan.Announce({proof.account_id(), proof.member_id(), ""});
  return WriteDevice(plan, state, names[kDeviceNameAttribute],
                     names[kPlatformAttribute], device);
}

absl::Status DeviceEngine::UpdateDevice(
    Plan& plan, const v1::UpdateDeviceRequest& request,
    v1::UpdateDeviceResponse& response) const {
  const v1::DeviceProof& proof = request.proof();
  RETURN_IF_ERROR(CheckIds("proof.", proof));
  RETURN_IF_ERROR(factors::push::CheckDeviceName("", request.device_name()));
  RETURN_IF_ERROR(factors::push::CheckPlatform("", request.platform()));
  RETURN_IF_ERROR(factors::push::CheckWakeUpAddress("", request.wake_up()));
  ASSIGN_OR_RETURN(
      Device device,
      FindProven(plan, proof, nonces_.IsFresh(proof.nonce(), plan.now()),
                 factors::push::UpdateBytes(
                     IdsOf(proof), proof.nonce(), request.device_name(),
                     request.platform(), request.wake_up())));
  ASSIGN_OR_RETURN(const factors::FactorState state,
                   factors::push::WithWakeUp(FactorStateOf(device.enrollment()),
                                             request.wake_up()));
  return WriteDevice(plan, state, request.device_name(), request.platform(),
                     device);
}

absl::StatusOr<v1::DeviceKey> DeviceEngine::CheckHello(
    Plan& plan, const v1::DeviceProof& hello,
    absl::string_view channel_nonce) const {
  RETURN_IF_ERROR(CheckIds("hello.", hello));
  const bool is_of_channel =
      !channel_nonce.empty() && hello.nonce() == channel_nonce;
  ASSIGN_OR_RETURN(Device device, FindProven(plan, hello, is_of_channel,
                                             factors::push::ChannelBytes(
                                                 IdsOf(hello), hello.nonce())));
  return std::move(device.key);
}

absl::StatusOr<std::optional<v1::DeviceChallenge>> DeviceEngine::PendingFor(
    Plan& plan, const DeviceIds& ids, absl::string_view public_key) const {
  ASSIGN_OR_RETURN(const std::optional<Device> device, FindDevice(plan, ids));
  if (!device.has_value() || device->key.public_key() != public_key) {
    return NotProven();
  }
  ASSIGN_OR_RETURN(const auto challenge,
                   FindPending(plan, device->member.record, ids));
  if (!challenge.exists()) return std::nullopt;
  return DeviceViewOf(challenge.record, plan.now());
}

absl::Status DeviceEngine::MarkChallenge(
    Plan& plan, const record::v1::ChallengeMark& mark,
    record::v1::ChallengeMarked& marked) const {
  RETURN_IF_ERROR(CheckIds("", mark));
  RETURN_IF_ERROR(CheckId("challenge_id", mark.challenge_id()));
  const auto state = static_cast<v1::ChallengeState>(mark.state());
  if (state != v1::CHALLENGE_STATE_DELIVERED &&
      state != v1::CHALLENGE_STATE_SEEN) {
    return InvalidField("state", "want DELIVERED or SEEN");
  }
  ASSIGN_OR_RETURN(const std::optional<Device> device,
                   FindDevice(plan, IdsOf(mark)));
  ASSIGN_OR_RETURN(auto challenge, plan.Read<ChallengeRecord>(
                                       ChallengeKey(mark.challenge_id())));
  if (!device.has_value() || !challenge.exists() ||
      !IsFor(challenge.record, IdsOf(mark)) ||
      IsFinal(StateOf(challenge.record, plan.now()))) {
    return absl::OkStatus();
  }
  Advance(plan, state, challenge.record);
  return absl::OkStatus();
}

}  // namespace cofactor::services
