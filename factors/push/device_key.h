#ifndef COFACTOR_FACTORS_PUSH_DEVICE_KEY_H_
#define COFACTOR_FACTORS_PUSH_DEVICE_KEY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cofactor/v1/device.pb.h"

namespace cofactor::factors::push {

// Whether a public key is one that signatures can be checked with. Of Ed25519:
// 32 bytes, a point of the group of prime order in its one encoding (RFC 8032,
// section 5.1.3): a point of small order would sign everything. Of P-256: the
// SubjectPublicKeyInfo of a point that is on the curve, not compressed, in DER,
// which is 91 bytes.
//
// INVALID_ARGUMENT, by InvalidField: it is not. field: path of the key in the
// request.
absl::Status CheckDeviceKey(absl::string_view field, const v1::DeviceKey& key);

// Whether a signature over the bytes is by the key. Takes any bytes for a key
// and for a signature: false if they are none. Of P-256 a signature is r and s,
// 32 bytes each (RFC 7518, section 3.4), and s may be in either half: who has
// one signature can make the other, so a signature is no name for what it
// signs.
bool IsSignedBy(const v1::DeviceKey& key, absl::string_view bytes,
                absl::string_view signature);

// A key as people compare it: "09af 13cd 24be 5768", the first 8 bytes of the
// SHA-256 of the public key.
std::string FingerprintOf(const v1::DeviceKey& key);

// A key of Ed25519 whose private key nobody can know. Always the same.
v1::DeviceKey KeyOfNobody();

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_DEVICE_KEY_H_
