#ifndef COFACTOR_SERVICES_WAKE_UP_SERVICE_ACCOUNT_H_
#define COFACTOR_SERVICES_WAKE_UP_SERVICE_ACCOUNT_H_

#include <string>

#include "absl/status/statusor.h"
#include "base/secret.h"
#include "services/jws/jws.h"

namespace cofactor::services {

// A service account of Google: what its console hands out as a JSON file.
struct ServiceAccount {
  std::string project_id;
  std::string client_email;
  // Which of the account's keys this is. May be empty.
  std::string private_key_id;
  // Where its tokens are made.
  std::string token_uri;
  JwsSigner signer;
};

// Reads the text of such a file. allow_loopback: lets token_uri be http to
// 127.0.0.1, for tests and MODE_DEV; else it has to be https. INVALID_ARGUMENT,
// with nothing of the text: it is not the key of a service account, a field is
// missing or malformed, or the key is not for RS256.
absl::StatusOr<ServiceAccount> ParseServiceAccount(const Secret& json,
                                                   bool allow_loopback);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_SERVICE_ACCOUNT_H_
