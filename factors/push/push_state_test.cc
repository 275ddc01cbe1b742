#include "factors/push/push_state.h"

#include <functional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/push/device_signer.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

using ::cofactor::record::v1::PushStateRecord;

FactorState StateOf(const PushStateRecord& record) {
  return {1, Secret(record.SerializeAsString())};
}

v1::DeviceKey NewKey(v1::DeviceKeyAlgorithm algorithm) {
  return DeviceSigner::Generate(algorithm)->key();
}

v1::WakeUpAddress Fcm(const std::string& token) {
  v1::WakeUpAddress address;
  address.set_fcm_token(token);
  return address;
}

PushStateRecord Registered() {
  PushStateRecord record;
  record.set_key_algorithm(v1::DEVICE_KEY_ALGORITHM_ED25519);
  record.set_public_key(NewKey(v1::DEVICE_KEY_ALGORITHM_ED25519).public_key());
  record.set_wake_up(Fcm("token").SerializeAsString());
  return record;
}

TEST(PushStateTest, KnowsTheKeyAndReplacesIt) {
  const PushStateRecord record = Registered();
  const FactorState state = StateOf(record);
  const auto key = DeviceKeyOf(state);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->algorithm(), v1::DEVICE_KEY_ALGORITHM_ED25519);
  EXPECT_EQ(key->public_key(), record.public_key());
  const v1::DeviceKey other = NewKey(v1::DEVICE_KEY_ALGORITHM_P256);
  const auto rotated = WithKey(state, other);
  ASSERT_TRUE(rotated.ok()) << rotated.status();
  EXPECT_EQ(DeviceKeyOf(*rotated)->SerializeAsString(),
            other.SerializeAsString());
  EXPECT_EQ(WakeUpAddressOf(*rotated)->fcm_token(), "token");
}

TEST(PushStateTest, ReplacesTheAddressAndForgetsADeadOne) {
  const FactorState state = StateOf(Registered());
  const auto moved = WithWakeUp(state, Fcm("next"));
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(WakeUpAddressOf(*moved)->fcm_token(), "next");
  EXPECT_EQ(DeviceKeyOf(*moved)->public_key(),
            DeviceKeyOf(state)->public_key());

  // Dead was the one before: the device has another by now.
  const std::string dead = Fcm("token").SerializeAsString();
  EXPECT_EQ(*WithoutWakeUp(*moved, dead), std::nullopt);
  EXPECT_EQ(*WithoutWakeUp(*moved, ""), std::nullopt);
  const auto gone = WithoutWakeUp(state, dead);
  ASSERT_TRUE(gone.ok() && gone->has_value()) << gone.status();
  EXPECT_EQ(WakeUpAddressOf(**gone)->address_case(),
            v1::WakeUpAddress::ADDRESS_NOT_SET);
  EXPECT_EQ(*WithoutWakeUp(**gone, dead), std::nullopt);
  EXPECT_EQ(*WithoutWakeUp(**gone, ""), std::nullopt);

  const auto nowhere = WithWakeUp(state, v1::WakeUpAddress());
  ASSERT_TRUE(nowhere.ok()) << nowhere.status();
  EXPECT_EQ(WakeUpAddressOf(*nowhere)->address_case(),
            v1::WakeUpAddress::ADDRESS_NOT_SET);
}

// Runs all functions on a state and expects all to fail in the same way.
void ExpectAllFail(const FactorState& state, absl::StatusCode code) {
  EXPECT_EQ(DeviceKeyOf(state).status().code(), code);
  EXPECT_EQ(WakeUpAddressOf(state).status().code(), code);
  EXPECT_EQ(
      WithKey(state, NewKey(v1::DEVICE_KEY_ALGORITHM_P256)).status().code(),
      code);
  EXPECT_EQ(WithWakeUp(state, Fcm("x")).status().code(), code);
  EXPECT_EQ(
      WithoutWakeUp(state, Fcm("token").SerializeAsString()).status().code(),
      code);
}

TEST(PushStateTest, FindsNoDeviceWhereThereIsNone) {
  PushStateRecord pending;
  pending.set_ticket_hash(std::string(32, 'h'));
  ExpectAllFail(StateOf(pending), absl::StatusCode::kNotFound);
  PushStateRecord decoy = Registered();
  decoy.set_decoy(true);
  ExpectAllFail(StateOf(decoy), absl::StatusCode::kNotFound);
}

TEST(PushStateTest, GuessesNoStateThatItDoesNotKnow) {
  FactorState later = StateOf(Registered());
  later.version = 2;
  ExpectAllFail(later, absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(DeviceKeyOf(later).status()), "UNKNOWN_STATE_VERSION");
  const std::vector<std::function<void(PushStateRecord&)>> damages = {
      [](auto& r) { r.Clear(); },
      [](auto& r) { r.clear_public_key(); },
      [](auto& r) { r.set_public_key(std::string(92, 'k')); },
      [](auto& r) { r.set_key_algorithm(0); },
      [](auto& r) { r.set_key_algorithm(3); },
      [](auto& r) { r.set_ticket_hash(std::string(32, 'h')); },
      [](auto& r) { r.set_wake_up("\xFF"); },
      [](auto& r) { r.set_wake_up(std::string("\x78\x01", 2)); },
      [](auto& r) {
        r.Clear();
        r.set_ticket_hash(std::string(31, 'h'));
      },
      [](auto& r) {
        r.Clear();
        r.set_ticket_hash(std::string(32, 'h'));
        r.set_decoy(true);
      },
      [](auto& r) {
        r.clear_key_algorithm(), r.clear_public_key();
        r.set_ticket_hash(std::string(32, 'h'));
      },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    SCOPED_TRACE(i);
    PushStateRecord record = Registered();
    damages[i](record);
    ExpectAllFail(StateOf(record), absl::StatusCode::kDataLoss);
  }
  ExpectAllFail({1, Secret(absl::string_view("\xFF"))},
                absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cofactor::factors::push
