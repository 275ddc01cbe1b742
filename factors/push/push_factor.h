#ifndef COFACTOR_FACTORS_PUSH_PUSH_FACTOR_H_
#define COFACTOR_FACTORS_PUSH_PUSH_FACTOR_H_

#include <string>

#include "absl/status/status.h"
#include "factors/factor_registry.h"

namespace cofactor::factors::push {

struct PushOptions {
  // Where devices reach this server, as "https://id.example.com:443"; http://
  // for loopback alone. It stands in every activation URI. Empty: the URI names
  // no server, and the person has to.
  std::string device_server;
};

// Adds "push": a device of the person shows what is asked for, and signs the
// person's answer with a key that never leaves it.
//
// To approve, the person types a number that is shown where they sign in; there
// is no approval without it (NIST SP 800-63B-4, section 3.1.3), so nobody is
// worn down into tapping. Whoever shows the number on a page of their own while
// the person signs in there gains the sign-in: it is not phishing resistant.
// docs/push.md is for authors of authenticators.
//
// INVALID_ARGUMENT: device_server is malformed.
absl::Status RegisterPush(FactorRegistry::Builder& builder,
                          const PushOptions& options);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_PUSH_FACTOR_H_
