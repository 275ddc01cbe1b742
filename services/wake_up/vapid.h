#ifndef COFACTOR_SERVICES_WAKE_UP_VAPID_H_
#define COFACTOR_SERVICES_WAKE_UP_VAPID_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/secret.h"
#include "services/jws/jws.h"

namespace cofactor::services {

// Says to push services who we are (RFC 8292). Thread-safe.
//
// A token is good for half a day, at one push service. It is used again until
// little is left of it: some push services slow down who brings a new one each
// time.
class Vapid {
 public:
  // Of tokens; those that have not been made for longer go first.
  static constexpr size_t kMaxTokens = 256;
  // RFC 8292, section 2, allows a day, and clocks differ.
  static constexpr absl::Duration kLifetime = absl::Hours(12);
  // With less left than this a token is made anew.
  static constexpr absl::Duration kLeast = absl::Hours(1);

  // clock: not owned; must outlive this. key: of kEs256. subject: whom push
  // services may turn to, "mailto:..." or "https://...". INVALID_ARGUMENT: the
  // key is for another algorithm.
  static absl::StatusOr<std::unique_ptr<Vapid>> Create(const Clock& clock,
                                                       JwsSigner key,
                                                       std::string subject);

  // The value of the header Authorization for an origin, as
  // "https://push.example.com". INTERNAL: OpenSSL cannot sign.
  absl::StatusOr<Secret> Authorization(const std::string& origin);

  // What devices subscribe with, "applicationServerKey", in base64url.
  const std::string& public_key() const { return public_key_; }

  // Tokens that are kept.
  size_t tokens() const;

 private:
  struct Token {
    Secret header;
    absl::Time expire_time;
  };

  Vapid(const Clock& clock, JwsSigner key, std::string subject,
        std::string public_key);

  const Clock& clock_;
  const JwsSigner key_;
  const std::string subject_;
  const std::string public_key_;
  mutable Mutex mutex_;
  std::map<std::string, Token> tokens_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_VAPID_H_
