#include "factors/push/push_record.h"

#include <openssl/sha.h>

#include <cstddef>
#include <string>

namespace cofactor::factors::push {
namespace {

using ::cofactor::record::v1::PushStateRecord;

// Of the longest key, that of P-256.
constexpr size_t kMaxKeyBytes = 91;

bool IsWhole(const PushStateRecord& record) {
  v1::WakeUpAddress address;
  if (!record.wake_up().empty() &&
      (!address.ParseFromString(record.wake_up()) ||
       address.address_case() == v1::WakeUpAddress::ADDRESS_NOT_SET)) {
    return false;
  }
  if (record.key_algorithm() == 0) {
    return record.ticket_hash().size() == SHA256_DIGEST_LENGTH &&
           record.public_key().empty() && record.wake_up().empty() &&
           !record.decoy();
  }
  return record.ticket_hash().empty() && !record.public_key().empty() &&
         record.public_key().size() <= kMaxKeyBytes &&
         (record.key_algorithm() == v1::DEVICE_KEY_ALGORITHM_ED25519 ||
          record.key_algorithm() == v1::DEVICE_KEY_ALGORITHM_P256);
}

}  // namespace

PushState::~PushState() {
  cofactor::Wipe(*record.mutable_ticket_hash());
  cofactor::Wipe(*record.mutable_wake_up());
}

v1::DeviceKey PushState::key() const {
  v1::DeviceKey key;
  key.set_algorithm(
      static_cast<v1::DeviceKeyAlgorithm>(record.key_algorithm()));
  key.set_public_key(record.public_key());
  return key;
}

void PushState::set_key(const v1::DeviceKey& key) {
  record.set_key_algorithm(static_cast<uint32_t>(key.algorithm()));
  record.set_public_key(key.public_key());
}

void PushState::set_wake_up(v1::WakeUpAddress address) {
  address.DiscardUnknownFields();
  record.set_wake_up(address.SerializeAsString());
}

FactorState PushState::Encode() const {
  return {kStateVersion, Secret(record.SerializeAsString())};
}

absl::StatusOr<PushState> DecodePushState(const FactorState& encoded) {
  if (encoded.version != kStateVersion) {
    return UnknownStateVersion(kTypeId, encoded.version);
  }
  PushState state;
  const absl::string_view bytes = encoded.data.ExposeSecret();
  if (!state.record.ParseFromArray(bytes.data(),
                                   static_cast<int>(bytes.size())) ||
      !IsWhole(state.record)) {
    return absl::DataLossError("the state of a push enrollment is damaged");
  }
  return state;
}

}  // namespace cofactor::factors::push
