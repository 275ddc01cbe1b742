#ifndef COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_ENCRYPTION_H_
#define COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_ENCRYPTION_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"

namespace cofactor::services {

// Sizes of the public key and of the authentication secret of a receiver.
inline constexpr size_t kWebPushKeyBytes = 65;
inline constexpr size_t kWebPushAuthBytes = 16;

// Encrypts a message of Web Push for its receiver (RFC 8291), and returns the
// body of the request: "aes128gcm" of RFC 8188 with one record.
//   p256dh, auth  of the receiver's subscription.
//   padded_bytes  what the text is filled up to, so that its size tells
//   nothing;
//                 what is longer stays as it is.
//   randomness    gives the salt, 16 bytes, and then a new private key, 32.
// INVALID_ARGUMENT: p256dh is no point of P-256 that is not compressed, auth
// has another size, or the text is longer than a record takes, 3993 bytes (RFC
// 8291, section 4). INTERNAL: OpenSSL fails.
absl::StatusOr<std::string> EncryptWebPush(absl::string_view p256dh,
                                           absl::string_view auth,
                                           absl::string_view text,
                                           size_t padded_bytes,
                                           Randomness& randomness);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_ENCRYPTION_H_
