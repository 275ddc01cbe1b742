#ifndef COFACTOR_SERVICES_ENGINE_DEVICE_NONCES_H_
#define COFACTOR_SERVICES_ENGINE_DEVICE_NONCES_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "base/secret.h"

namespace cofactor::services {

// A device signs a nonce within so long.
inline constexpr absl::Duration kDeviceNonceLifetime = absl::Minutes(1);

// Makes the nonces that devices sign, so that a signature which was seen once
// proves nothing a minute later. Nothing is kept: a nonce carries when it was
// made and a tag over that, which no one makes without the key. Thread-safe.
//
// A nonce can be signed again until its time is over. What a call with it
// changes has to be safe for that.
class DeviceNonces {
 public:
  // key: of KeyFrom. randomness: not owned; must outlive this.
  DeviceNonces(Secret key, Randomness& randomness)
      : key_(std::move(key)), randomness_(randomness) {}

  // The key that follows from the secret of a store (LoadDecoySecret), so that
  // all servers of one store take each other's nonces.
  static Secret KeyFrom(const Secret& store_secret);

  // Draws a new nonce: 40 bytes.
  std::string Make(absl::Time now) const;

  // Whether the nonce is one of ours and its time is not over. The clocks of
  // servers may differ by as much as a nonce lives.
  bool IsFresh(absl::string_view nonce, absl::Time now) const;

 private:
  const Secret key_;
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_DEVICE_NONCES_H_
