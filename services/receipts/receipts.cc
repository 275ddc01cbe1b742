#include "services/receipts/receipts.h"

#include <cstdint>
#include <optional>

#include "absl/strings/str_split.h"
#include "base/errors.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "nlohmann/json.hpp"
#include "services/engine/keys.h"
#include "services/jws/base64url.h"
#include "services/receipts/receipt_keys.h"

namespace cofactor::services {
namespace {

using ::nlohmann::json;

// Of a receipt that is checked. Ours are of 1 KiB at most, but for approvals.
constexpr size_t kMaxBytes = 8 * 1024;

absl::Status Refused() {
  return MakeError(
      absl::StatusCode::kPermissionDenied, "RECEIPT_REFUSED",
      "the receipt is not one of this server, or it is over: refresh the "
      "session, or sign in again");
}

// NumericDate of RFC 7519, section 2.
int64_t DateOf(absl::Time time) { return absl::ToUnixSeconds(time); }

void SetText(const char* name, const std::string& value, json& claims) {
  if (!value.empty()) claims[name] = value;
}

void SetTexts(const char* name, const std::vector<std::string>& values,
              json& claims) {
  if (!values.empty()) claims[name] = values;
}

json ClaimsOf(const std::string& issuer, const Receipt& receipt) {
  json claims = {
      {"iss", issuer},
      {"aud", receipt.client_id},
      {"account", receipt.account_id},
      {"auth_time", DateOf(receipt.auth_time)},
      {"iat", DateOf(receipt.issue_time)},
      {"exp", DateOf(receipt.expire_time)},
      {"jti", receipt.receipt_id},
  };
  SetText("sub", receipt.member_id, claims);
  SetTexts("amr", receipt.amr, claims);
  SetText("acr", receipt.acr, claims);
  SetText("sid", receipt.session_id, claims);
  SetTexts("enrollments", receipt.enrollment_ids, claims);
  SetText("challenge_digest", Base64Url(receipt.challenge_digest), claims);
  SetTexts("members", receipt.approver_member_ids, claims);
  SetText("purpose", receipt.purpose, claims);
  if (receipt.remembered_device) claims["remembered_device"] = true;
  return claims;
}

// Reads claims one by one, and remembers whether one was not as we write them.
class ClaimsReader {
 public:
  explicit ClaimsReader(const json& claims) : claims_(claims) {}

  bool ok() const { return ok_; }

  std::string Text(const char* name) {
    const json* const claim = Find(name);
    if (claim == nullptr) return "";
    if (!claim->is_string()) return Wrong<std::string>();
    return claim->get<std::string>();
  }

  std::string RequiredText(const char* name) {
    std::string text = Text(name);
    if (text.empty()) ok_ = false;
    return text;
  }

  std::vector<std::string> Texts(const char* name) {
    const json* const claim = Find(name);
    std::vector<std::string> texts;
    if (claim == nullptr) return texts;
    if (!claim->is_array()) return Wrong<std::vector<std::string>>();
    for (const json& text : *claim) {
      if (!text.is_string()) return Wrong<std::vector<std::string>>();
      texts.push_back(text.get<std::string>());
    }
    return texts;
  }

  absl::Time RequiredDate(const char* name) {
    // Up to the end of the year 9999.
    constexpr uint64_t kLatest = 253'402'300'799;
    const json* const claim = Find(name);
    if (claim == nullptr || !claim->is_number_unsigned() ||
        claim->get<uint64_t>() > kLatest) {
      ok_ = false;
      return absl::InfinitePast();
    }
    return absl::FromUnixSeconds(claim->get<int64_t>());
  }

  bool Flag(const char* name) {
    const json* const claim = Find(name);
    if (claim == nullptr) return false;
    if (!claim->is_boolean()) return Wrong<bool>();
    return claim->get<bool>();
  }

  // In base64url.
  std::string Bytes(const char* name) {
    std::optional<std::string> bytes = FromBase64Url(Text(name));
    if (!bytes.has_value()) return Wrong<std::string>();
    return *std::move(bytes);
  }

 private:
  const json* Find(const char* name) const {
    const auto found = claims_.find(name);
    return found == claims_.end() ? nullptr : &*found;
  }

  template <typename Value>
  Value Wrong() {
    ok_ = false;
    return Value();
  }

  const json& claims_;
  bool ok_ = true;
};

std::optional<Receipt> ReceiptOf(const std::string& issuer,
                                 absl::string_view text) {
  const json claims = json::parse(text.begin(), text.end(), /*cb=*/nullptr,
                                  /*allow_exceptions=*/false);
  if (!claims.is_object()) return std::nullopt;
  ClaimsReader reader(claims);
  if (reader.RequiredText("iss") != issuer) return std::nullopt;
  Receipt receipt;
  receipt.account_id = reader.RequiredText("account");
  receipt.member_id = reader.Text("sub");
  receipt.client_id = reader.RequiredText("aud");
  receipt.amr = reader.Texts("amr");
  receipt.acr = reader.Text("acr");
  receipt.auth_time = reader.RequiredDate("auth_time");
  receipt.session_id = reader.Text("sid");
  receipt.enrollment_ids = reader.Texts("enrollments");
  receipt.challenge_digest = reader.Bytes("challenge_digest");
  receipt.approver_member_ids = reader.Texts("members");
  receipt.purpose = reader.Text("purpose");
  receipt.remembered_device = reader.Flag("remembered_device");
  receipt.issue_time = reader.RequiredDate("iat");
  receipt.expire_time = reader.RequiredDate("exp");
  receipt.receipt_id = reader.RequiredText("jti");
  if (!reader.ok()) return std::nullopt;
  return receipt;
}

}  // namespace

absl::StatusOr<Receipts::Keys> Receipts::KeysAt(
    const storage::Snapshot& snapshot) const {
  ASSIGN_OR_RETURN(storage::Record raw, snapshot.Get(kReceiptKeysKey));
  if (!raw.exists()) {
    return absl::InternalError(
        "the store has no keys of receipts: start the server again");
  }
  const storage::Version version = raw.version;
  {
    MutexLock lock(mutex_);
    if (version_ == version) {
      Wipe(raw.value);
      return keys_;
    }
  }
  ASSIGN_OR_RETURN(const auto stored,
                   Decode<record::v1::ReceiptKeysRecord>(std::move(raw)));
  ASSIGN_OR_RETURN(ReceiptKeySet parsed, ReceiptKeySet::Create(stored.record));
  Keys keys = std::make_shared<const ReceiptKeySet>(std::move(parsed));
  MutexLock lock(mutex_);
  // A snapshot from before a rotation does not take the place of a later one.
  if (version > version_) {
    version_ = version;
    keys_ = keys;
  }
  return keys;
}

absl::StatusOr<IssuedReceipt> Receipts::Issue(const Plan& plan, Receipt receipt,
                                              absl::Duration lifetime) const {
  if (lifetime < absl::Seconds(1) || lifetime > kLongestReceiptLifetime) {
    return absl::InternalError("a receipt lives from 1 s to 1 h");
  }
  ASSIGN_OR_RETURN(const Keys keys, KeysAt(plan.snapshot()));
  receipt.issue_time = absl::FromUnixSeconds(DateOf(plan.now()));
  receipt.expire_time =
      receipt.issue_time + absl::Floor(lifetime, absl::Seconds(1));
  receipt.receipt_id = randomness_.DrawId();
  IssuedReceipt issued;
  issued.expire_time = receipt.expire_time;
  ASSIGN_OR_RETURN(issued.jwt, keys->Sign(ClaimsOf(issuer_, receipt)));
  return issued;
}

absl::StatusOr<Receipt> Receipts::Check(const Plan& plan,
                                        absl::string_view jwt) const {
  if (jwt.size() > kMaxBytes) return Refused();
  const std::vector<absl::string_view> parts = absl::StrSplit(jwt, '.');
  if (parts.size() != 3) return Refused();
  ASSIGN_OR_RETURN(const Keys keys, KeysAt(plan.snapshot()));
  const std::optional<std::string> signature = FromBase64Url(parts[2]);
  if (!signature.has_value() ||
      !keys->Verifies(parts[0], parts[1], *signature, plan.now())) {
    return Refused();
  }
  // From here on it is what one of our keys has signed.
  const std::optional<std::string> claims = FromBase64Url(parts[1]);
  if (!claims.has_value()) return Refused();
  std::optional<Receipt> receipt = ReceiptOf(issuer_, *claims);
  if (!receipt.has_value() || receipt->expire_time <= plan.now() ||
      receipt->issue_time > plan.now() + kReceiptClockTolerance) {
    return Refused();
  }
  return *std::move(receipt);
}

absl::StatusOr<std::string> Receipts::Jwks(const storage::Snapshot& snapshot,
                                           absl::Time now) const {
  ASSIGN_OR_RETURN(const Keys keys, KeysAt(snapshot));
  return keys->Jwks(now);
}

}  // namespace cofactor::services
