#include "clients/device/back_off.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "absl/types/span.h"

namespace cofactor::device {

absl::Duration BackOff::AfterFailure(absl::Duration lasted) {
  if (lasted >= kGood) bound_ = kFirst;
  uint8_t bytes[sizeof(uint32_t)];
  randomness_.Fill(absl::MakeSpan(bytes));
  uint32_t drawn;
  std::memcpy(&drawn, bytes, sizeof(drawn));
  const absl::Duration delay = bound_ * (drawn / 4294967296.0);
  bound_ = std::min(bound_ * 2, kLongest);
  return delay;
}

}  // namespace cofactor::device
