#ifndef COFACTOR_SERVICES_RECEIPTS_RECEIPTS_H_
#define COFACTOR_SERVICES_RECEIPTS_RECEIPTS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "services/engine/plan.h"
#include "services/receipts/receipt_key_set.h"
#include "storage/store.h"

namespace cofactor::services {

// What a receipt states. docs/receipts.md names the claims.
struct Receipt {
  // "account", "sub".
  std::string account_id;
  // Empty for an approval of several members.
  std::string member_id;
  // "aud": the client that asked.
  std::string client_id;
  std::vector<std::string> amr;
  // Empty: none that the policy names; then there is no such claim.
  std::string acr;
  absl::Time auth_time;
  // "sid"; empty: there is no session.
  std::string session_id;
  // "enrollments".
  std::vector<std::string> enrollment_ids;
  // "challenge_digest": of what the person agreed to, by
  // factors::push::DetailsDigest; empty: nothing.
  std::string challenge_digest;
  // "members" of an approval.
  std::vector<std::string> approver_member_ids;
  // "purpose" of an approval.
  std::string purpose;
  // "remembered_device": one stood in for further factors.
  bool remembered_device = false;
  // "iat", "exp" and "jti": set by Issue.
  absl::Time issue_time;
  absl::Time expire_time;
  std::string receipt_id;
};

struct IssuedReceipt {
  // A JWT in compact form (RFC 7515, section 7.1).
  std::string jwt;
  absl::Time expire_time;
};

// Makes receipts of one store and reads them. Thread-safe.
//
// Keys are read from the store at the plan's snapshot, so that all replicas
// sign and verify with the same ones. They are no condition of the plan: a
// rotation meanwhile hurts nobody, as the key of before still verifies.
class Receipts {
 public:
  // issuer: the "iss". randomness: not owned; must outlive this.
  Receipts(std::string issuer, Randomness& randomness)
      : issuer_(std::move(issuer)), randomness_(randomness) {}

  // Signs with the current key. lifetime: whole seconds, 1 s to
  // kLongestReceiptLifetime.
  //   INTERNAL: the store has no keys, or the lifetime is another.
  //   others: of the store.
  absl::StatusOr<IssuedReceipt> Issue(const Plan& plan, Receipt receipt,
                                      absl::Duration lifetime) const;

  // Checks signature, issuer and times. It says nothing of the session: see
  // Sessions::OfReceipt.
  //   PERMISSION_DENIED, reason RECEIPT_REFUSED: it is not ours, or over. It is
  //     the same error for whatever is wrong.
  //   others: of the store.
  absl::StatusOr<Receipt> Check(const Plan& plan, absl::string_view jwt) const;

  // The public keys at a snapshot and a time: a JWK Set, as JSON.
  absl::StatusOr<std::string> Jwks(const storage::Snapshot& snapshot,
                                   absl::Time now) const;

  const std::string& issuer() const { return issuer_; }

 private:
  using Keys = std::shared_ptr<const ReceiptKeySet>;

  // Those that the snapshot holds.
  absl::StatusOr<Keys> KeysAt(const storage::Snapshot& snapshot) const;

  const std::string issuer_;
  Randomness& randomness_;
  // The newest keys that were read, so that not every call has to parse them.
  // They are used for a snapshot only if it holds this very version.
  mutable Mutex mutex_;
  mutable storage::Version version_ ABSL_GUARDED_BY(mutex_) = storage::kAbsent;
  mutable Keys keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECEIPTS_RECEIPTS_H_
