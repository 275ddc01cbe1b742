#include "services/receipts/receipt_keys.h"

#include <openssl/sha.h>

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "cofactor/v1/receipt_service.pb.h"
#include "nlohmann/json.hpp"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/jws/base64url.h"
#include "services/jws/jws.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::cofactor::record::v1::ReceiptKeysRecord;

// A document of a few kilobytes for verifiers.
constexpr int kMaxKeys = 16;
// Another server makes the keys in the time that one try takes.
constexpr int kMaxTries = 5;

// RFC 7638, section 3.
absl::StatusOr<std::string> ThumbprintOf(const JwsSigner& key) {
  ASSIGN_OR_RETURN(const nlohmann::json jwk, key.PublicJwk());
  // The members stand in the order of their names.
  const std::string text = jwk.dump();
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return Base64Url(digest);
}

absl::Status DrawKey(config::v1::ReceiptAlgorithm algorithm,
                     v1::ReceiptKeyState state, absl::Time now,
                     ReceiptKeysRecord& keys) {
  const bool is_es256 = algorithm == config::v1::RECEIPT_ALGORITHM_ES256;
  ASSIGN_OR_RETURN(const JwsSigner key, is_es256 ? JwsSigner::GenerateEs256()
                                                 : JwsSigner::GenerateEdDsa());
  ASSIGN_OR_RETURN(const Secret der, key.PrivateDer());
  ASSIGN_OR_RETURN(std::string key_id, ThumbprintOf(key));
  ReceiptKeyRecord& record = *keys.add_keys();
  record.set_key_id(std::move(key_id));
  record.set_algorithm(is_es256 ? config::v1::RECEIPT_ALGORITHM_ES256
                                : config::v1::RECEIPT_ALGORITHM_EDDSA);
  record.set_state(state);
  const absl::string_view bytes = der.ExposeSecret();
  record.set_private_key(bytes.data(), bytes.size());
  record.set_create_micros(absl::ToUnixMicros(now));
  if (state == v1::RECEIPT_KEY_STATE_CURRENT) {
    record.set_sign_micros(absl::ToUnixMicros(now));
  }
  return absl::OkStatus();
}

void Forget(int index, ReceiptKeysRecord& keys) {
  // The message is kept for reuse.
  WipeSecrets(*keys.mutable_keys(index));
  keys.mutable_keys()->DeleteSubrange(index, 1);
}

// The place of the first key in a state, or -1.
int Find(v1::ReceiptKeyState state, const ReceiptKeysRecord& keys) {
  for (int i = 0; i < keys.keys_size(); ++i) {
    if (keys.keys(i).state() == static_cast<uint32_t>(state)) return i;
  }
  return -1;
}

}  // namespace

absl::Status DrawReceiptKeys(config::v1::ReceiptAlgorithm algorithm,
                             absl::Time now, ReceiptKeysRecord& keys) {
  RETURN_IF_ERROR(DrawKey(algorithm, v1::RECEIPT_KEY_STATE_CURRENT, now, keys));
  return DrawKey(algorithm, v1::RECEIPT_KEY_STATE_NEXT, now, keys);
}

absl::Status RotateReceiptKeys(config::v1::ReceiptAlgorithm algorithm,
                               absl::Time now, bool drop_current,
                               ReceiptKeysRecord& keys) {
  DropOldReceiptKeys(now, keys);
  if (!drop_current && keys.keys_size() >= kMaxKeys) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "TOO_MANY_RECEIPT_KEYS",
        absl::StrCat("there are ", kMaxKeys,
                     " keys whose receipts may still live: rotate in an hour, "
                     "or with drop_current if the current key is compromised"));
  }
  const int current = Find(v1::RECEIPT_KEY_STATE_CURRENT, keys);
  const int next = Find(v1::RECEIPT_KEY_STATE_NEXT, keys);
  if (current < 0 || next < 0) {
    return absl::DataLossError("the keys of receipts in the store are damaged");
  }
  keys.mutable_keys(next)->set_state(v1::RECEIPT_KEY_STATE_CURRENT);
  keys.mutable_keys(next)->set_sign_micros(absl::ToUnixMicros(now));
  if (drop_current) {
    Forget(current, keys);
  } else {
    ReceiptKeyRecord& before = *keys.mutable_keys(current);
    before.set_state(v1::RECEIPT_KEY_STATE_PREVIOUS);
    // A server whose clock is ahead, or that read the keys a moment ago, may
    // give it a little longer to live.
    before.set_expire_micros(absl::ToUnixMicros(now + kLongestReceiptLifetime +
                                                kReceiptClockTolerance));
  }
  return DrawKey(algorithm, v1::RECEIPT_KEY_STATE_NEXT, now, keys);
}

std::vector<std::string> DropOldReceiptKeys(absl::Time now,
                                            ReceiptKeysRecord& keys) {
  std::vector<std::string> dropped;
  for (int i = keys.keys_size() - 1; i >= 0; --i) {
    const ReceiptKeyRecord& key = keys.keys(i);
    if (key.state() == v1::RECEIPT_KEY_STATE_PREVIOUS &&
        absl::FromUnixMicros(key.expire_micros()) <= now) {
      dropped.push_back(key.key_id());
      Forget(i, keys);
    }
  }
  return dropped;
}

absl::Status CreateReceiptKeys(storage::Store& store,
                               config::v1::ReceiptAlgorithm algorithm,
                               absl::Time now) {
  absl::Status status;
  for (int tries = 0; tries < kMaxTries; ++tries) {
    ASSIGN_OR_RETURN(storage::Record raw,
                     store.GetSnapshot()->Get(kReceiptKeysKey));
    ASSIGN_OR_RETURN(auto stored, Decode<ReceiptKeysRecord>(std::move(raw)));
    if (stored.exists()) return absl::OkStatus();
    RETURN_IF_ERROR(DrawReceiptKeys(algorithm, now, stored.record));
    stored.record.set_version(kRecordVersion);
    storage::Transaction transaction;
    transaction.Expect(kReceiptKeysKey, storage::kAbsent)
        .Put(kReceiptKeysKey, stored.record.SerializeAsString());
    status = storage::CommitAndWait(store, std::move(transaction));
    // Another server was quicker, and its keys are ours.
    if (!absl::IsAborted(status)) return status;
  }
  return status;
}

}  // namespace cofactor::services
