#ifndef COFACTOR_SERVICES_ENGINE_API_KEY_H_
#define COFACTOR_SERVICES_ENGINE_API_KEY_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"

namespace cofactor::services {

// API keys: "cf_" + 16 hexadecimal digits that name the key + "_" + 64 of a
// secret of 256 random bits. A secret so long needs no slow hash: SHA-256 keeps
// it, and nobody can try them all.
struct NewApiKey {
  // The whole key, for the client.
  Secret key;
  // What is kept of it.
  record::v1::ApiKeyRecord record;
};
NewApiKey MakeApiKey(absl::Time now, Randomness& randomness);

// What a caller sent as a key.
struct PresentedApiKey {
  std::string key_id;
  // SHA-256 of the secret part.
  std::string secret_hash;
};
// Nothing if it does not look like a key.
std::optional<PresentedApiKey> ParseApiKey(absl::string_view key);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_API_KEY_H_
