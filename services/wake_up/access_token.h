#ifndef COFACTOR_SERVICES_WAKE_UP_ACCESS_TOKEN_H_
#define COFACTOR_SERVICES_WAKE_UP_ACCESS_TOKEN_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/secret.h"
#include "services/messenger/http_client.h"
#include "services/wake_up/service_account.h"

namespace cofactor::services {

// Access tokens of OAuth 2.0 for a service account, by a JWT that it signs
// (RFC 7523, sections 2.1 and 3; Google, "Using OAuth 2.0 for Server to Server
// Applications", addendum on service account authorization without OAuth client
// libraries). Thread-safe.
//
// A token is kept until five minutes before its end, or for half of its life if
// that is later than that. Then a new one is asked for while the old one goes
// on to be used. At most one exchange is under way. After one that failed, the
// next is made after a second at the earliest, then after two, and so on up to
// five minutes.
class AccessTokenSource {
 public:
  struct Options {
    // What the tokens are for.
    std::string scope;
    // Who may wait for an exchange at once.
    size_t max_waiting = 256;
    // For an exchange, within the deadline of the one that began it.
    absl::Duration timeout = absl::Seconds(5);
  };

  using Token = std::shared_ptr<const Secret>;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Token>) &&>;

  // clock, http: not owned; must outlive this and the exchange that it may have
  // under way. clock is that of http.
  AccessTokenSource(const Clock& clock, HttpClient& http,
                    ServiceAccount account, Options options);
  ~AccessTokenSource();

  AccessTokenSource(const AccessTokenSource&) = delete;
  AccessTokenSource& operator=(const AccessTokenSource&) = delete;

  // Calls done once, by the deadline, before this returns or on a thread of
  // http that it must not hold up.
  //   FAILED_PRECONDITION  the account is not taken: an operator has to act.
  //   UNAVAILABLE          no token now, or not by the deadline.
  // The texts are fixed words and statuses of HTTP. The token is of printable
  // ASCII without spaces, and not empty.
  void Get(absl::Time deadline, Done done);

  // The service has refused that token: it is not given again. If it is less
  // than a minute old, a new one would be refused too, and is not made for a
  // minute.
  void Invalidate(const Token& token);

 private:
  // Outlives this while an exchange is under way.
  struct State;

  const std::shared_ptr<State> state_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_ACCESS_TOKEN_H_
