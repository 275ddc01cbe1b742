#ifndef COFACTOR_FACTORS_PUSH_DEVICE_SIGNER_H_
#define COFACTOR_FACTORS_PUSH_DEVICE_SIGNER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "cofactor/v1/device.pb.h"

struct evp_pkey_st;

namespace cofactor::factors::push {

// The private key of a device: for devices, never for the server. Movable;
// const calls are thread-safe.
class DeviceSigner {
 public:
  // Draws a key from the randomness of the system.
  //
  // INVALID_ARGUMENT: the algorithm is none. INTERNAL: OpenSSL failed.
  static absl::StatusOr<DeviceSigner> Generate(
      v1::DeviceKeyAlgorithm algorithm);

  // Takes what private_key() returned.
  //
  // INVALID_ARGUMENT: the algorithm is none, or that is no key of it. INTERNAL:
  // OpenSSL failed.
  static absl::StatusOr<DeviceSigner> FromPrivateKey(
      v1::DeviceKeyAlgorithm algorithm, const Secret& private_key);

  DeviceSigner(DeviceSigner&&) = default;
  DeviceSigner& operator=(DeviceSigner&&) = default;

  // 32 bytes. Of Ed25519 the private key of RFC 8032, which is a seed; of P-256
  // the private number, big-endian (SEC 1, section 3.2).
  Secret private_key() const { return private_key_.Clone(); }
  const v1::DeviceKey& key() const { return key_; }

  // Signs bytes as IsSignedBy wants it: 64 bytes. INTERNAL: OpenSSL failed.
  absl::StatusOr<std::string> Sign(absl::string_view bytes) const;

 private:
  struct FreeKey {
    void operator()(evp_pkey_st* key) const;
  };
  using EvpKey = std::unique_ptr<evp_pkey_st, FreeKey>;

  DeviceSigner(Secret private_key, v1::DeviceKey key, EvpKey evp_key);

  static EvpKey ReadEd25519(const Secret& private_key, std::string& public_key);
  static EvpKey ReadP256(const Secret& private_key, std::string& public_key);

  Secret private_key_;
  v1::DeviceKey key_;
  EvpKey evp_key_;
};

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_DEVICE_SIGNER_H_
