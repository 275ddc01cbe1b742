#include "factors/push/push_state.h"

#include "base/status_macros.h"
#include "factors/push/push_record.h"

namespace cofactor::factors::push {
namespace {

absl::StatusOr<PushState> DecodeRegistered(const FactorState& encoded) {
  ASSIGN_OR_RETURN(PushState state, DecodePushState(encoded));
  if (!state.is_registered()) {
    return absl::NotFoundError("no device has registered for the enrollment");
  }
  return state;
}

}  // namespace

absl::StatusOr<v1::DeviceKey> DeviceKeyOf(const FactorState& encoded) {
  ASSIGN_OR_RETURN(const PushState state, DecodeRegistered(encoded));
  return state.key();
}

absl::StatusOr<v1::WakeUpAddress> WakeUpAddressOf(const FactorState& encoded) {
  ASSIGN_OR_RETURN(const PushState state, DecodeRegistered(encoded));
  v1::WakeUpAddress address;
  address.ParseFromString(state.record.wake_up());  // Decoding has tried it.
  return address;
}

absl::StatusOr<FactorState> WithKey(const FactorState& encoded,
                                    const v1::DeviceKey& key) {
  ASSIGN_OR_RETURN(PushState state, DecodeRegistered(encoded));
  state.set_key(key);
  return state.Encode();
}

absl::StatusOr<FactorState> WithWakeUp(const FactorState& encoded,
                                       const v1::WakeUpAddress& address) {
  ASSIGN_OR_RETURN(PushState state, DecodeRegistered(encoded));
  state.set_wake_up(address);
  return state.Encode();
}

absl::StatusOr<std::optional<FactorState>> WithoutWakeUp(
    const FactorState& encoded, absl::string_view serialized_address) {
  ASSIGN_OR_RETURN(PushState state, DecodeRegistered(encoded));
  if (state.record.wake_up().empty() ||
      state.record.wake_up() != serialized_address) {
    return std::nullopt;
  }
  state.set_wake_up({});
  return state.Encode();
}

}  // namespace cofactor::factors::push
