#ifndef COFACTOR_FACTORS_PUSH_PUSH_RECORD_H_
#define COFACTOR_FACTORS_PUSH_PUSH_RECORD_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/device.pb.h"
#include "factors/factor.h"

namespace cofactor::factors::push {

inline constexpr absl::string_view kTypeId = "push";
inline constexpr uint32_t kStateVersion = 1;

// The private state of a "push" enrollment, decoded. It is in one of three
// forms: waiting for a device (with the hash of a ticket), registered (with a
// key), or a decoy (with a key that nobody has). The address of a device is
// nobody else's business: wiped on destruction.
struct PushState {
  record::v1::PushStateRecord record;

  PushState() = default;
  PushState(PushState&&) = default;
  PushState& operator=(PushState&&) = default;
  ~PushState();

  // A device has registered, and it is no decoy.
  bool is_registered() const {
    return record.key_algorithm() != 0 && !record.decoy();
  }

  // Empty while no device has registered.
  v1::DeviceKey key() const;
  void set_key(const v1::DeviceKey& key);
  // Keeps nothing of an address that is not set, nor fields that this version
  // does not know: they were not checked.
  void set_wake_up(v1::WakeUpAddress address);

  FactorState Encode() const;
};

// FAILED_PRECONDITION, by UnknownStateVersion. DATA_LOSS: it is damaged.
absl::StatusOr<PushState> DecodePushState(const FactorState& state);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_PUSH_RECORD_H_
