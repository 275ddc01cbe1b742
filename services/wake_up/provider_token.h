#ifndef COFACTOR_SERVICES_WAKE_UP_PROVIDER_TOKEN_H_
#define COFACTOR_SERVICES_WAKE_UP_PROVIDER_TOKEN_H_

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

// The token that says to APNs who we are: a JWT by ES256 (Apple, "Establishing
// a token-based connection to APNs"). Thread-safe.
//
// Apple refuses tokens that are older than an hour, and those who make a new
// one more often than every 20 minutes. A new one is made after 40 minutes, or
// when the clock was set back.
class ProviderToken {
 public:
  // key_id, team_id: 10 characters each, as Apple gives them. signer: of ES256.
  // clock: not owned; must outlive this.
  ProviderToken(const Clock& clock, std::string key_id, std::string team_id,
                JwsSigner signer);

  ProviderToken(const ProviderToken&) = delete;
  ProviderToken& operator=(const ProviderToken&) = delete;

  // The token. INTERNAL: OpenSSL cannot sign.
  absl::StatusOr<std::shared_ptr<const Secret>> Get();

  // APNs says that the token has expired, so one of the clocks was wrong. The
  // next one is a new one, unless this one is not yet 20 minutes old.
  void Expired();

 private:
  const Clock& clock_;
  const std::string key_id_;
  const std::string team_id_;
  const JwsSigner signer_;
  Mutex mutex_;
  // Null: none has been made.
  std::shared_ptr<const Secret> token_ ABSL_GUARDED_BY(mutex_);
  absl::Time made_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_PROVIDER_TOKEN_H_
