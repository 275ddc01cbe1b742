#include "services/wake_up/provider_token.h"

#include <utility>

#include "base/status_macros.h"

namespace cofactor::services {
namespace {

constexpr absl::Duration kRefresh = absl::Minutes(40);
constexpr absl::Duration kLeast = absl::Minutes(20);

}  // namespace

ProviderToken::ProviderToken(const Clock& clock, std::string key_id,
                             std::string team_id, JwsSigner signer)
    : clock_(clock),
      key_id_(std::move(key_id)),
      team_id_(std::move(team_id)),
      signer_(std::move(signer)) {}

absl::StatusOr<std::shared_ptr<const Secret>> ProviderToken::Get() {
  MutexLock lock(mutex_);
  const absl::Time now = clock_.Now();
  if (token_ == nullptr || now < made_at_ || now - made_at_ >= kRefresh) {
    ASSIGN_OR_RETURN(
        std::string token,
        signer_.Sign({{"kid", key_id_}},
                     {{"iss", team_id_}, {"iat", absl::ToUnixSeconds(now)}}));
    token_ = std::make_shared<const Secret>(std::move(token));
    made_at_ = now;
  }
  return token_;
}

void ProviderToken::Expired() {
  MutexLock lock(mutex_);
  if (clock_.Now() - made_at_ >= kLeast) token_ = nullptr;
}

}  // namespace cofactor::services
