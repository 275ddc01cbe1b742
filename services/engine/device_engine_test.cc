// What registered devices ask: nothing without a proof, and a proof for one
// thing only.

#include "services/engine/device_engine.h"

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/message_differencer.h"
#include "services/engine/device_fixture.h"

namespace cofactor::services {
namespace {

using ::cofactor::factors::push::DeviceIds;
using ::cofactor::factors::push::DeviceSigner;
using ::google::protobuf::util::MessageDifferencer;

DeviceSigner NewKey(
    v1::DeviceKeyAlgorithm algorithm = v1::DEVICE_KEY_ALGORITHM_ED25519) {
  return *DeviceSigner::Generate(algorithm);
}

class DeviceEngineTest : public DeviceFixture {
 protected:
  // Signed by the old key in phone, and by the new one.
  v1::RotateDeviceKeyRequest Rotation(const PushPhone& phone,
                                      const DeviceSigner& new_key,
                                      const std::string& nonce) {
    const std::string bytes =
        factors::push::RotationBytes(phone.ids(), nonce, new_key.key());
    v1::RotateDeviceKeyRequest request;
    *request.mutable_proof() = ProofOf(phone.ids(), nonce, phone.Sign(bytes));
    *request.mutable_new_key() = new_key.key();
    request.set_new_key_signature(*new_key.Sign(bytes));
    return request;
  }

  absl::Status Rotate(const v1::RotateDeviceKeyRequest& request) {
    return harness_.Call(&DeviceEngine::RotateDeviceKey, request).status();
  }

  v1::UpdateDeviceRequest UpdateOf(const PushPhone& phone,
                                   const v1::WakeUpAddress& wake_up = {}) {
    const std::string nonce = Nonce();
    v1::UpdateDeviceRequest request;
    request.set_device_name("Ada's tablet");
    request.set_platform("Linux");
    *request.mutable_wake_up() = wake_up;
    *request.mutable_proof() =
        ProofOf(phone.ids(), nonce,
                phone.Sign(factors::push::UpdateBytes(
                    phone.ids(), nonce, request.device_name(),
                    request.platform(), request.wake_up())));
    return request;
  }

  absl::Status Update(const v1::UpdateDeviceRequest& request) {
    return harness_.Call(&DeviceEngine::UpdateDevice, request).status();
  }

  absl::Status Hello(const v1::DeviceProof& hello,
                     const std::string& channel_nonce) {
    const auto snapshot = harness_.store().GetSnapshot();
    const Caller caller = Caller::Server();
    Plan plan(*snapshot, harness_.now(), caller);
    const absl::Status status =
        harness_.devices().CheckHello(plan, hello, channel_nonce).status();
    EXPECT_TRUE(plan.writes_nothing());
    return status;
  }

  // Changes what the store holds of the enrollment of a device.
  void Edit(const PushPhone& phone,
            const std::function<void(record::v1::MemberRecord&)>& change) {
    const std::string key = MemberKey(phone.account_id(), phone.member_id());
    record::v1::MemberRecord member;
    ASSERT_TRUE(
        member.ParseFromString(harness_.RawRecords(key)[0].record.value));
    change(member);
    storage::Transaction transaction;
    transaction.Put(key, member.SerializeAsString());
    ASSERT_TRUE(
        storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  }

  // One call that a device proves itself for.
  struct Use {
    std::string name;
    std::function<std::string(const DeviceIds&, const std::string& nonce)>
        bytes;
    std::function<absl::Status(const v1::DeviceProof&)> call;
  };

  // The nonce of a channel is channel_nonce_.
  std::vector<Use> Uses() {
    return {
        {"list",
         [](const DeviceIds& ids, const std::string& nonce) {
           return factors::push::ListBytes(ids, nonce);
         },
         [this](const v1::DeviceProof& proof) { return List(proof).status(); }},
        {"update",
         [](const DeviceIds& ids, const std::string& nonce) {
           return factors::push::UpdateBytes(ids, nonce, "tablet", "", {});
         },
         [this](const v1::DeviceProof& proof) {
           v1::UpdateDeviceRequest request;
           *request.mutable_proof() = proof;
           request.set_device_name("tablet");
           return Update(request);
         }},
        {"channel",
         [](const DeviceIds& ids, const std::string& nonce) {
           return factors::push::ChannelBytes(ids, nonce);
         },
         [this](const v1::DeviceProof& proof) {
           return Hello(proof, channel_nonce_);
         }},
        {"rotate",
         [this](const DeviceIds& ids, const std::string& nonce) {
           return factors::push::RotationBytes(ids, nonce, new_key_.key());
         },
         [this](const v1::DeviceProof& proof) {
           v1::RotateDeviceKeyRequest request;
           *request.mutable_proof() = proof;
           *request.mutable_new_key() = new_key_.key();
           request.set_new_key_signature(
               *new_key_.Sign(factors::push::RotationBytes(
                   {proof.account_id(), proof.member_id(),
                    proof.enrollment_id()},
                   proof.nonce(), new_key_.key())));
           return Rotate(request);
         }},
    };
  }

  std::string channel_nonce_ = Nonce();
  const DeviceSigner new_key_ = NewKey();
};

TEST_F(DeviceEngineTest, GivesANonceForAMinuteAndTheKeyOfWebPush) {
  const auto made = harness_.Call(&DeviceEngine::CreateDeviceNonce,
                                  v1::CreateDeviceNonceRequest());
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->nonce().size(), 40u);
  EXPECT_EQ(made->expire_time().seconds(),
            absl::ToUnixSeconds(harness_.now() + absl::Minutes(1)));
  EXPECT_FALSE(made->web_push_public_key().empty());
}

// In code, reason and words, so that nobody learns what there is.
TEST_F(DeviceEngineTest, RefusesAlikeWhateverIsNotProven) {
  const auto totp = harness_.EnrollTotp("acme", "ada");
  const PushPhone phone = Enrol();
  const PushPhone second = Enrol();
  const PushPhone p256 = Enrol("ada", v1::DEVICE_KEY_ALGORITHM_P256);
  const PushPhone pending(Begin());
  const PushPhone deleted = Enrol();
  harness_.DeleteEnrollment("acme", "ada", deleted.enrollment_id());
  const PushPhone disabled = Enrol();
  Edit(disabled, [&](record::v1::MemberRecord& member) {
    for (auto& enrollment : *member.mutable_enrollments()) {
      enrollment.set_disabled(enrollment.enrollment_id() ==
                              disabled.enrollment_id());
    }
  });
  const PushPhone suspended = Enrol("bob");
  harness_.SuspendMember("acme", "bob");
  harness_.CreateMember("acme", "guest");
  const PushPhone expired = Enrol("guest");
  Edit(expired, [&](record::v1::MemberRecord& member) {
    member.set_valid_until_micros(absl::ToUnixMicros(harness_.now()));
  });
  const std::string stale = Nonce();
  harness_.clock().Advance(absl::Minutes(1));
  channel_nonce_ = Nonce();
  const std::string& fresh = channel_nonce_;
  std::string flipped = fresh;
  flipped[20] = static_cast<char>(flipped[20] ^ 1);

  const std::vector<Use> uses = Uses();
  const auto before = Versions();
  absl::Status expected;
  for (const Use& use : uses) {
    const auto proof_of = [&](const PushPhone& signer, const DeviceIds& ids,
                              const std::string& nonce) {
      return ProofOf(ids, nonce, signer.Sign(use.bytes(ids, nonce)));
    };
    const auto own_proof_of = [&](const PushPhone& device) {
      return proof_of(device, device.ids(), fresh);
    };
    struct Case {
      std::string name;
      v1::DeviceProof proof;
    };
    const std::string& id = phone.enrollment_id();
    std::vector<Case> cases = {
        {"unknown account", proof_of(phone, {"beta", "ada", id}, fresh)},
        {"unknown member", proof_of(phone, {"acme", "eve", id}, fresh)},
        {"another member", proof_of(phone, {"acme", "bob", id}, fresh)},
        {"unknown enrollment", proof_of(phone, {"acme", "ada", "0"}, fresh)},
        {"totp", proof_of(phone, {"acme", "ada", totp.enrollment_id}, fresh)},
        {"not registered", own_proof_of(pending)},
        {"deleted", own_proof_of(deleted)},
        {"disabled", own_proof_of(disabled)},
        {"suspended", own_proof_of(suspended)},
        {"expired", own_proof_of(expired)},
        {"wrong key", proof_of(second, phone.ids(), fresh)},
        {"wrong key for P-256", proof_of(phone, p256.ids(), fresh)},
        {"stale nonce", proof_of(phone, phone.ids(), stale)},
        {"flipped nonce", proof_of(phone, phone.ids(), flipped)},
        {"no nonce", proof_of(phone, phone.ids(), "")},
        {"made-up nonce", proof_of(phone, phone.ids(), std::string(40, 'x'))},
        {"no signature", ProofOf(phone.ids(), fresh, "")},
        {"zeros", ProofOf(phone.ids(), fresh, std::string(64, '\0'))},
        {"long signature", ProofOf(phone.ids(), fresh, std::string(9999, 'x'))},
    };
    // What was signed with another nonce, or for another enrollment.
    Case other_nonce{"signed another nonce", own_proof_of(phone)};
    other_nonce.proof.set_nonce(Nonce());
    cases.push_back(other_nonce);
    Case other_device{"signed for another device", own_proof_of(phone)};
    other_device.proof.set_enrollment_id(second.enrollment_id());
    cases.push_back(other_device);
    for (const Use& other : uses) {
      if (other.name == use.name) continue;
      cases.push_back({absl::StrCat("signed for ", other.name),
                       ProofOf(phone.ids(), fresh,
                               phone.Sign(other.bytes(phone.ids(), fresh)))});
    }
    for (const Case& forged : cases) {
      const absl::Status status = use.call(forged.proof);
      EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated)
          << use.name << ", " << forged.name << ": " << status;
      EXPECT_EQ(ErrorReason(status), "DEVICE_NOT_PROVEN");
      if (expected.ok()) expected = status;
      EXPECT_EQ(status, expected) << use.name << ", " << forged.name;
    }
  }
  // Nor is anything written: anybody may call.
  EXPECT_EQ(Versions(), before);
  // And it was not for want of proofs that can be right.
  for (const PushPhone* device : {&second, &p256, &phone}) {
    for (const Use& use : uses) {
      if (use.name == "rotate" && device != &phone) continue;
      EXPECT_TRUE(
          use.call(ProofOf(device->ids(), fresh,
                           device->Sign(use.bytes(device->ids(), fresh))))
              .ok())
          << use.name;
    }
  }
}

TEST_F(DeviceEngineTest, NamesTheFieldOfIdsThatAreNone) {
  const PushPhone phone = Enrol();
  for (const Use& use : Uses()) {
    const absl::Status status =
        use.call(ProofOf({"acme", "a/b", phone.enrollment_id()}, Nonce(), ""));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << use.name;
    EXPECT_EQ(
        status.message().find(use.name == "channel" ? "hello.member_id: "
                                                    : "proof.member_id: "),
        0u)
        << status;
  }
}

// The nonce of a channel is not bound to time but to the channel.
TEST_F(DeviceEngineTest, AChannelTakesItsOwnNonceAlone) {
  const PushPhone phone = Enrol();
  const auto hello = [&](const std::string& nonce) {
    return ProofOf(phone.ids(), nonce,
                   phone.Sign(factors::push::ChannelBytes(phone.ids(), nonce)));
  };
  const std::string nonce = Nonce();
  EXPECT_TRUE(Hello(hello(nonce), nonce).ok());
  EXPECT_FALSE(Hello(hello(nonce), Nonce()).ok());
  EXPECT_FALSE(Hello(hello(""), "").ok());
}

TEST_F(DeviceEngineTest, ReplacesTheKeyOfADevice) {
  PushPhone phone = Enrol();
  const PushPhone second = Enrol();
  std::map<std::string, std::string> before = AttributesOf(phone);
  DeviceSigner new_key = NewKey(v1::DEVICE_KEY_ALGORITHM_P256);
  ASSERT_TRUE(Rotate(Rotation(phone, new_key, Nonce())).ok());
  // The old key signs nothing any more, neither calls nor answers.
  EXPECT_FALSE(IsDevice(phone));
  EXPECT_FALSE(Rotate(Rotation(phone, NewKey(), Nonce())).ok());
  EXPECT_FALSE(Update(UpdateOf(phone)).ok());
  const auto created = Prompt();
  {
    // Nor is a channel that was opened with it told of anything.
    const auto snapshot = harness_.store().GetSnapshot();
    const Caller caller = Caller::Server();
    Plan plan(*snapshot, harness_.now(), caller);
    EXPECT_FALSE(harness_.devices()
                     .PendingFor(plan, phone.ids(), phone.key().public_key())
                     .ok());
  }
  EXPECT_FALSE(Answer(phone, created.challenge(), v1::PUSH_DECISION_APPROVE,
                      created.number())
                   ->accepted());
  phone.ReplaceKey(std::move(new_key));
  EXPECT_TRUE(IsDevice(phone));
  EXPECT_TRUE(Answer(phone, created.challenge(), v1::PUSH_DECISION_APPROVE,
                     created.number())
                  ->accepted());
  EXPECT_TRUE(IsDevice(second));
  std::map<std::string, std::string> after = AttributesOf(phone);
  EXPECT_EQ(after["key_algorithm"], "P-256");
  EXPECT_NE(after["key_fingerprint"], before["key_fingerprint"]);
  EXPECT_EQ(after["device_name"], before["device_name"]);
  EXPECT_EQ(after["platform"], before["platform"]);
}

TEST_F(DeviceEngineTest, TellsTheAuditLogOfAKeyThatWasReplaced) {
  const PushPhone phone = Enrol();
  ASSERT_TRUE(Rotate(Rotation(phone, new_key_, Nonce())).ok());
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.action(), "RotateDeviceKey");
  EXPECT_EQ(event.account_id(), "acme");
  EXPECT_EQ(event.member_id(), "ada");
  EXPECT_EQ(event.enrollment_id(), phone.enrollment_id());
  EXPECT_EQ(event.factor_type(), "push");
}

TEST_F(DeviceEngineTest, ARotationThatWasSeenCannotBePlayedAgain) {
  PushPhone phone = Enrol();
  const std::string nonce = Nonce();
  DeviceSigner second_key = NewKey();
  const v1::RotateDeviceKeyRequest first = Rotation(phone, second_key, nonce);
  ASSERT_TRUE(Rotate(first).ok());
  EXPECT_EQ(ErrorReason(Rotate(first)), "DEVICE_NOT_PROVEN");
  phone.ReplaceKey(std::move(second_key));
  // Nor once the device went on to a third key, with the same nonce still good.
  DeviceSigner third_key = NewKey();
  ASSERT_TRUE(Rotate(Rotation(phone, third_key, nonce)).ok());
  phone.ReplaceKey(std::move(third_key));
  EXPECT_EQ(ErrorReason(Rotate(first)), "DEVICE_NOT_PROVEN");
  EXPECT_TRUE(IsDevice(phone));
}

// Else a device could take a key for its own that somebody else signs with.
TEST_F(DeviceEngineTest, ANewKeyHasToBeInTheHandsOfTheDevice) {
  const PushPhone phone = Enrol();
  const DeviceSigner new_key = NewKey();
  const DeviceSigner thief = NewKey();
  const std::string nonce = Nonce();
  const v1::RotateDeviceKeyRequest good = Rotation(phone, new_key, nonce);
  std::vector<v1::RotateDeviceKeyRequest> bad(5, good);
  bad[0].clear_new_key_signature();
  bad[1].set_new_key_signature(good.proof().signature());
  bad[2].set_new_key_signature(*thief.Sign(
      factors::push::RotationBytes(phone.ids(), nonce, new_key.key())));
  bad[3].set_new_key_signature(*new_key.Sign(
      factors::push::RotationBytes(phone.ids(), Nonce(), new_key.key())));
  // The thief's key in the place of the one that the device signed.
  *bad[4].mutable_new_key() = thief.key();
  bad[4].set_new_key_signature(*thief.Sign(
      factors::push::RotationBytes(phone.ids(), nonce, thief.key())));
  for (const v1::RotateDeviceKeyRequest& request : bad) {
    EXPECT_EQ(ErrorReason(Rotate(request)), "DEVICE_NOT_PROVEN");
  }
  EXPECT_TRUE(IsDevice(phone));
  EXPECT_TRUE(Rotate(good).ok());
}

TEST_F(DeviceEngineTest, ANewKeyIsAKeyAndAnotherOne) {
  PushPhone phone = Enrol();
  DeviceSigner key = NewKey();
  const DeviceSigner same =
      *DeviceSigner::FromPrivateKey(key.key().algorithm(), key.private_key());
  ASSERT_TRUE(Rotate(Rotation(phone, key, Nonce())).ok());
  phone.ReplaceKey(std::move(key));
  EXPECT_EQ(Rotate(Rotation(phone, same, Nonce())).code(),
            absl::StatusCode::kInvalidArgument);
  v1::RotateDeviceKeyRequest request = Rotation(phone, NewKey(), Nonce());
  request.mutable_new_key()->set_public_key("short");
  EXPECT_EQ(Rotate(request).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Rotate(request).message().find("new_key"), 0u);
  EXPECT_TRUE(IsDevice(phone));
}

TEST_F(DeviceEngineTest, ChangesWhatADeviceSaysOfItself) {
  const PushPhone phone = Enrol();
  v1::WakeUpAddress address;
  address.set_fcm_token("token-1");
  ASSERT_TRUE(Update(UpdateOf(phone, address)).ok());
  std::map<std::string, std::string> attributes = AttributesOf(phone);
  EXPECT_EQ(attributes["device_name"], "Ada's tablet");
  EXPECT_EQ(attributes["platform"], "Linux");
  EXPECT_EQ(attributes["wake_up"], "fcm");
  EXPECT_EQ(attributes["key_algorithm"], "Ed25519");
  EXPECT_TRUE(IsDevice(phone));
  Prompt();
  const std::vector<PlannedMessage> messages = harness_.TakeMessages();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].message.address, address.SerializeAsString());
  // A device that is not set to be woken up is not woken up any more.
  ASSERT_TRUE(Update(UpdateOf(phone)).ok());
  EXPECT_EQ(AttributesOf(phone)["wake_up"], "none");
  Prompt();
  EXPECT_TRUE(harness_.TakeMessages().empty());
}

TEST_F(DeviceEngineTest, AnUpdateIsWhatWasSigned) {
  const PushPhone phone = Enrol();
  v1::WakeUpAddress address;
  address.set_fcm_token("token-1");
  const v1::UpdateDeviceRequest good = UpdateOf(phone, address);
  std::vector<v1::UpdateDeviceRequest> bad(4, good);
  bad[0].set_device_name("x");
  bad[1].set_platform("x");
  bad[2].mutable_wake_up()->set_fcm_token("token-2");
  bad[3].clear_wake_up();
  for (const v1::UpdateDeviceRequest& request : bad) {
    EXPECT_EQ(ErrorReason(Update(request)), "DEVICE_NOT_PROVEN");
  }
  for (auto change :
       {+[](v1::UpdateDeviceRequest& r) { r.clear_device_name(); },
        +[](v1::UpdateDeviceRequest& r) {
          r.set_platform(std::string(65, 'x'));
        },
        +[](v1::UpdateDeviceRequest& r) {
          r.mutable_wake_up()->set_apns_token("no hex");
        }}) {
    v1::UpdateDeviceRequest malformed = good;
    change(malformed);
    EXPECT_EQ(Update(malformed).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(AttributesOf(phone)["device_name"], "Ada's phone");
  EXPECT_TRUE(Update(good).ok());
}

TEST_F(DeviceEngineTest, ARetryReturnsTheFirstResult) {
  PushPhone phone = Enrol();
  const auto created = Prompt();
  v1::ListPendingChallengesRequest list;
  const std::string nonce = Nonce();
  list.set_request_id("r-1");
  *list.mutable_proof() =
      ProofOf(phone.ids(), nonce,
              phone.Sign(factors::push::ListBytes(phone.ids(), nonce)));
  const auto first = harness_.Call(&DeviceEngine::ListPendingChallenges, list);
  ASSERT_TRUE(first.ok()) << first.status();
  Cancel(created.challenge().challenge_id());
  const auto again = harness_.Call(&DeviceEngine::ListPendingChallenges, list);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(MessageDifferencer::Equals(*first, *again));
  // The answer to a rotation may be lost; the device must not be.
  v1::RotateDeviceKeyRequest rotation = Rotation(phone, new_key_, nonce);
  rotation.set_request_id("r-2");
  EXPECT_TRUE(Rotate(rotation).ok());
  EXPECT_TRUE(Rotate(rotation).ok());
}

}  // namespace
}  // namespace cofactor::services
