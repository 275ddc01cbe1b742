#include "services/engine/receipt_engine.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "services/engine/keys.h"
#include "services/engine/views.h"
#include "services/receipts/receipt_keys.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::ReceiptKeyRecord;
using ::cofactor::record::v1::ReceiptKeysRecord;
using Views = ::google::protobuf::RepeatedPtrField<v1::ReceiptKey>;

absl::StatusOr<Stored<ReceiptKeysRecord>> ReadKeys(Plan& plan) {
  ASSIGN_OR_RETURN(auto keys, plan.Read<ReceiptKeysRecord>(kReceiptKeysKey));
  if (!keys.exists()) {
    return absl::InternalError(
        "the store has no keys of receipts: start the server again");
  }
  return keys;
}

// Null if there is none.
const ReceiptKeyRecord* CurrentOf(const ReceiptKeysRecord& keys) {
  const auto found = std::find_if(
      keys.keys().begin(), keys.keys().end(), [](const ReceiptKeyRecord& key) {
        return key.state() ==
               static_cast<uint32_t>(v1::RECEIPT_KEY_STATE_CURRENT);
      });
  return found == keys.keys().end() ? nullptr : &*found;
}

bool IsOver(const ReceiptKeyRecord& key, absl::Time now) {
  return key.expire_micros() != 0 &&
         absl::FromUnixMicros(key.expire_micros()) <= now;
}

v1::ReceiptKey ViewOf(const ReceiptKeyRecord& key) {
  v1::ReceiptKey view;
  view.set_key_id(key.key_id());
  view.set_algorithm(key.algorithm() == config::v1::RECEIPT_ALGORITHM_ES256
                         ? "ES256"
                         : "EdDSA");
  view.set_state(static_cast<v1::ReceiptKeyState>(key.state()));
  *view.mutable_create_time() =
      ToTimestamp(absl::FromUnixMicros(key.create_micros()));
  if (key.sign_micros() != 0) {
    *view.mutable_sign_time() =
        ToTimestamp(absl::FromUnixMicros(key.sign_micros()));
  }
  if (key.expire_micros() != 0) {
    *view.mutable_expire_time() =
        ToTimestamp(absl::FromUnixMicros(key.expire_micros()));
  }
  return view;
}

Views ViewsOf(const ReceiptKeysRecord& keys, absl::Time now) {
  Views views;
  for (const ReceiptKeyRecord& key : keys.keys()) {
    if (!IsOver(key, now)) *views.Add() = ViewOf(key);
  }
  return views;
}

// What the audit log tells, as "signs with A; forgot B, C". Ids of keys are
// public.
std::string NoteOf(const std::string& signs_with,
                   const std::vector<std::string>& forgotten) {
  std::vector<std::string> parts;
  if (!signs_with.empty()) {
    parts.push_back(absl::StrCat("signs with ", signs_with));
  }
  if (!forgotten.empty()) {
    parts.push_back(absl::StrCat("forgot ", absl::StrJoin(forgotten, ", ")));
  }
  return absl::StrJoin(parts, "; ");
}

absl::Status Rotate(Plan& plan, config::v1::ReceiptAlgorithm algorithm,
                    bool drop_current, ReceiptKeysRecord& keys) {
  std::vector<std::string> forgotten = DropOldReceiptKeys(plan.now(), keys);
  if (const ReceiptKeyRecord* current = CurrentOf(keys);
      drop_current && current != nullptr) {
    forgotten.push_back(current->key_id());
  }
  RETURN_IF_ERROR(
      services::RotateReceiptKeys(algorithm, plan.now(), drop_current, keys));
  plan.audit().set_note(NoteOf(CurrentOf(keys)->key_id(), forgotten));
  plan.Write(kReceiptKeysKey, keys);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReceiptEngine::GetReceiptKeys(
    Plan& plan, const v1::GetReceiptKeysRequest& request,
    v1::GetReceiptKeysResponse& response) const {
  ASSIGN_OR_RETURN(const auto keys, ReadKeys(plan));
  ASSIGN_OR_RETURN(*response.mutable_jwks(),
                   receipts_.Jwks(plan.snapshot(), plan.now()));
  response.set_issuer(receipts_.issuer());
  *response.mutable_keys() = ViewsOf(keys.record, plan.now());
  return absl::OkStatus();
}

absl::Status ReceiptEngine::RotateReceiptKeys(
    Plan& plan, const v1::RotateReceiptKeysRequest& request,
    v1::RotateReceiptKeysResponse& response) const {
  ASSIGN_OR_RETURN(auto keys, ReadKeys(plan));
  RETURN_IF_ERROR(
      Rotate(plan, algorithm_, request.drop_current(), keys.record));
  *response.mutable_keys() = ViewsOf(keys.record, plan.now());
  return absl::OkStatus();
}

absl::Status ReceiptEngine::KeepReceiptKeys(
    Plan& plan, absl::Duration rotate_every,
    v1::RotateReceiptKeysResponse& response) const {
  ASSIGN_OR_RETURN(auto keys, ReadKeys(plan));
  const ReceiptKeyRecord* const current = CurrentOf(keys.record);
  if (current != nullptr &&
      plan.now() - absl::FromUnixMicros(current->sign_micros()) >=
          rotate_every) {
    RETURN_IF_ERROR(
        Rotate(plan, algorithm_, /*drop_current=*/false, keys.record));
  } else {
    const std::vector<std::string> forgotten =
        DropOldReceiptKeys(plan.now(), keys.record);
    if (forgotten.empty()) return absl::OkStatus();
    plan.audit().set_note(NoteOf("", forgotten));
    plan.Write(kReceiptKeysKey, keys.record);
  }
  *response.mutable_keys() = ViewsOf(keys.record, plan.now());
  return absl::OkStatus();
}

}  // namespace cofactor::services
