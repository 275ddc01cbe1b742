#include "services/receipts/receipt_key_set.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "cofactor/config/v1/server_config.pb.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "services/jws/base64url.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::cofactor::record::v1::ReceiptKeysRecord;

absl::Status Damaged() {
  return absl::DataLossError("the keys of receipts in the store are damaged");
}

std::optional<JwsAlgorithm> AlgorithmOf(const ReceiptKeyRecord& key) {
  switch (key.algorithm()) {
    case config::v1::RECEIPT_ALGORITHM_EDDSA:
      return JwsAlgorithm::kEdDsa;
    case config::v1::RECEIPT_ALGORITHM_ES256:
      return JwsAlgorithm::kEs256;
    default:
      return std::nullopt;
  }
}

bool IsCurrent(const ReceiptKeyRecord& key) {
  return key.state() == static_cast<uint32_t>(v1::RECEIPT_KEY_STATE_CURRENT);
}

// Bytes that are no UTF-8 are replaced: there are no exceptions here.
std::string Encode(const nlohmann::json& json) {
  return Base64Url(json.dump(/*indent=*/-1, /*indent_char=*/' ',
                             /*ensure_ascii=*/false,
                             nlohmann::json::error_handler_t::replace));
}

}  // namespace

absl::StatusOr<ReceiptKeySet> ReceiptKeySet::Create(
    const ReceiptKeysRecord& record) {
  if (std::count_if(record.keys().begin(), record.keys().end(), IsCurrent) !=
      1) {
    return Damaged();
  }
  std::vector<Key> keys;
  for (const ReceiptKeyRecord& stored : record.keys()) {
    const std::optional<JwsAlgorithm> algorithm = AlgorithmOf(stored);
    if (!algorithm.has_value()) return Damaged();
    absl::StatusOr<JwsSigner> signer = JwsSigner::FromDer(
        *algorithm, Secret(absl::string_view(stored.private_key())));
    if (!signer.ok()) return Damaged();
    const std::string name(NameOf(*algorithm));
    ASSIGN_OR_RETURN(nlohmann::json jwk, signer->PublicJwk());
    jwk["kid"] = stored.key_id();
    jwk["alg"] = name;
    jwk["use"] = "sig";
    std::string header = Encode(nlohmann::json{
        {"alg", name}, {"kid", stored.key_id()}, {"typ", "JWT"}});
    const absl::Time expire_time =
        stored.expire_micros() == 0
            ? absl::InfiniteFuture()
            : absl::FromUnixMicros(stored.expire_micros());
    keys.insert(IsCurrent(stored) ? keys.begin() : keys.end(),
                Key{*std::move(signer), std::move(header), std::move(jwk),
                    expire_time});
  }
  return ReceiptKeySet(std::move(keys));
}

absl::StatusOr<std::string> ReceiptKeySet::Sign(
    const nlohmann::json& claims) const {
  const Key& current = keys_.front();
  std::string jwt = absl::StrCat(current.header, ".", Encode(claims));
  ASSIGN_OR_RETURN(const std::string signature, current.signer.SignBytes(jwt));
  absl::StrAppend(&jwt, ".", Base64Url(signature));
  return jwt;
}

bool ReceiptKeySet::Verifies(absl::string_view header,
                             absl::string_view payload,
                             absl::string_view signature,
                             absl::Time now) const {
  for (const Key& key : keys_) {
    if (key.header != header) continue;
    return now < key.expire_time &&
           key.signer.Verifies(absl::StrCat(header, ".", payload), signature);
  }
  return false;
}

std::string ReceiptKeySet::Jwks(absl::Time now) const {
  nlohmann::json keys = nlohmann::json::array();
  for (const Key& key : keys_) {
    if (now < key.expire_time) keys.push_back(key.jwk);
  }
  nlohmann::json set;
  set["keys"] = std::move(keys);
  return set.dump();
}

}  // namespace cofactor::services
