#include "services/wake_up/vapid.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "services/jws/base64url.h"

namespace cofactor::services {

absl::StatusOr<std::unique_ptr<Vapid>> Vapid::Create(const Clock& clock,
                                                     JwsSigner key,
                                                     std::string subject) {
  ASSIGN_OR_RETURN(const std::string point, key.PublicPoint());
  return absl::WrapUnique(
      new Vapid(clock, std::move(key), std::move(subject), Base64Url(point)));
}

Vapid::Vapid(const Clock& clock, JwsSigner key, std::string subject,
             std::string public_key)
    : clock_(clock),
      key_(std::move(key)),
      subject_(std::move(subject)),
      public_key_(std::move(public_key)) {}

absl::StatusOr<Secret> Vapid::Authorization(const std::string& origin) {
  const absl::Time now = clock_.Now();
  MutexLock lock(mutex_);
  const auto found = tokens_.find(origin);
  if (found != tokens_.end()) {
    const absl::Duration left = found->second.expire_time - now;
    // It may be longer if the clock was set back.
    if (left >= kLeast && left <= kLifetime) {
      return found->second.header.Clone();
    }
    tokens_.erase(found);
  }
  const absl::Time expire_time = now + kLifetime;
  ASSIGN_OR_RETURN(
      const std::string token,
      key_.Sign({{"typ", "JWT"}}, {{"aud", origin},
                                   {"exp", absl::ToUnixSeconds(expire_time)},
                                   {"sub", subject_}}));
  if (tokens_.size() >= kMaxTokens) {
    tokens_.erase(std::min_element(
        tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) {
          return a.second.expire_time < b.second.expire_time;
        }));
  }
  Secret header(absl::StrCat("vapid t=", token, ", k=", public_key_));
  tokens_.emplace(origin, Token{header.Clone(), expire_time});
  return header;
}

size_t Vapid::tokens() const {
  MutexLock lock(mutex_);
  return tokens_.size();
}

}  // namespace cofactor::services
