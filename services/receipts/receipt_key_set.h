#ifndef COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEY_SET_H_
#define COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEY_SET_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "nlohmann/json.hpp"
#include "services/jws/jws.h"

namespace cofactor::services {

// The keys of a ReceiptKeysRecord, ready to sign and to verify. Move-only; the
// const methods are thread-safe.
class ReceiptKeySet {
 public:
  // DATA_LOSS: a key is damaged, or not exactly one is current.
  static absl::StatusOr<ReceiptKeySet> Create(
      const record::v1::ReceiptKeysRecord& record);

  ReceiptKeySet(ReceiptKeySet&&) = default;
  ReceiptKeySet& operator=(ReceiptKeySet&&) = default;

  // Signs claims with the current key: a JWT in compact form.
  absl::StatusOr<std::string> Sign(const nlohmann::json& claims) const;

  // Whether the signature is that of one of these keys which verifies at that
  // time. The text of the header has to be the one that we write for the key:
  // nobody else chooses an algorithm, or adds what we do not know.
  bool Verifies(absl::string_view header, absl::string_view payload,
                absl::string_view signature, absl::Time now) const;

  // The public keys of all that verify at that time, or will: a JWK Set
  // (RFC 7517, section 5), the current one first.
  std::string Jwks(absl::Time now) const;

 private:
  struct Key {
    JwsSigner signer;
    // As it stands in a JWT, encoded.
    std::string header;
    nlohmann::json jwk;
    // Verifies before then.
    absl::Time expire_time;
  };

  explicit ReceiptKeySet(std::vector<Key> keys) : keys_(std::move(keys)) {}

  // The current one is the first.
  std::vector<Key> keys_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEY_SET_H_
