#ifndef COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_RECEIVER_H_
#define COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_RECEIVER_H_

#include <openssl/evp.h>

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cofactor::services {

// What a device does with Web Push: the other half of RFC 8291, for tests.
// Thread-compatible. Ends the process if OpenSSL fails.
class WebPushReceiver {
 public:
  // With new keys.
  WebPushReceiver();
  // With given ones: the private key of 32 bytes.
  WebPushReceiver(absl::string_view public_key, absl::string_view private_key,
                  absl::string_view auth);
  ~WebPushReceiver();

  WebPushReceiver(const WebPushReceiver&) = delete;
  WebPushReceiver& operator=(const WebPushReceiver&) = delete;

  const std::string& p256dh() const { return p256dh_; }
  const std::string& auth() const { return auth_; }

  // The text in the body of a request without padding, or nullopt if it was
  // not made for this receiver, or is not as RFC 8188 has it.
  std::optional<std::string> Open(absl::string_view body) const;

 private:
  std::string p256dh_;
  std::string auth_;
  EVP_PKEY* key_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_WEB_PUSH_RECEIVER_H_
