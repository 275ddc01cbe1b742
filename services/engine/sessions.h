#ifndef COFACTOR_SERVICES_ENGINE_SESSIONS_H_
#define COFACTOR_SERVICES_ENGINE_SESSIONS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "cofactor/v1/session.pb.h"
#include "services/engine/plan.h"
#include "services/engine/sign_in_policy.h"
#include "services/receipts/receipts.h"

namespace cofactor::services {

// Sessions as other calls need them: the end of a sign-in makes one, a step-up
// adds to one, a proof rests on one. Thread-safe.
class Sessions {
 public:
  // All are borrowed; they must outlive this.
  Sessions(const Receipts& receipts, Randomness& randomness)
      : receipts_(receipts), randomness_(randomness) {}

  // Makes a session of the plan's caller, with its first receipt and refresh
  // token.
  absl::StatusOr<v1::Grant> Create(Plan& plan,
                                   const record::v1::MemberRecord& member,
                                   const v1::Policy& policy,
                                   const Steps& steps) const;

  // Adds steps to a session of the plan's caller, as a step-up does, and gives
  // it a new receipt and a new refresh token in the place of the one before.
  // steps: the new ones; those that the session has already may be among them.
  //   PERMISSION_DENIED, reason SESSION_ENDED: it is another client's, or ends
  //   this very second.
  absl::StatusOr<v1::Grant> StepUp(Plan& plan,
                                   record::v1::SessionRecord session,
                                   const v1::Policy& policy,
                                   const Steps& steps) const;

  // Changes a refresh token for a new grant. Nothing: the token was used
  // before, and the plan ends the session.
  //   PERMISSION_DENIED, reason SESSION_ENDED: the session is over, or the
  //   token is none of the plan's caller.
  absl::StatusOr<std::optional<v1::Grant>> Refresh(
      Plan& plan, absl::string_view refresh_token) const;

  // A live session: not over, its member the same, active, and not signed out
  // since. Its ends and its acr are those that the policy of the account makes
  // of it now.
  //   PERMISSION_DENIED, reason SESSION_ENDED: there is none.
  absl::StatusOr<record::v1::SessionRecord> ReadLive(
      Plan& plan, absl::string_view session_id) const;

  // The live session of a receipt; with an account: which has to be one of it.
  //   PERMISSION_DENIED, reason RECEIPT_REFUSED or SESSION_ENDED.
  absl::StatusOr<record::v1::SessionRecord> OfReceipt(
      Plan& plan, absl::string_view account_id,
      absl::string_view receipt) const;
  absl::StatusOr<record::v1::SessionRecord> OfReceipt(
      Plan& plan, absl::string_view receipt) const;

 private:
  // The live session that a receipt of ours speaks of.
  absl::StatusOr<record::v1::SessionRecord> OfChecked(
      Plan& plan, const Receipt& receipt) const;

  // Writes the session with a new refresh token of that family, and grants it.
  // challenge_digest: of the details that its newest proofs stand for.
  absl::StatusOr<v1::Grant> Grant(Plan& plan, const v1::Policy& policy,
                                  const Secret& family,
                                  absl::string_view challenge_digest,
                                  record::v1::SessionRecord& session) const;

  const Receipts& receipts_;
  Randomness& randomness_;
};

// What the policy of now makes of a session: its ends are no later than it
// allows, and its acr is the level that the steps reach.
void ApplyPolicy(const v1::Policy& policy, record::v1::SessionRecord& session);

// Whether one of its ends has come.
bool IsOver(const record::v1::SessionRecord& session, absl::Time now);

// Removes a session and its mark.
void RemoveSession(Plan& plan, const record::v1::SessionRecord& session);

// Whether what was granted to a member at a time still holds: it is the same
// member, active, and nothing ended all of it since.
bool IsStillGranted(const record::v1::MemberRecord& member,
                    int64_t member_create_micros, uint64_t session_generation,
                    absl::Time now);

v1::Session ViewOf(const record::v1::SessionRecord& session);
v1::ProvenStep ViewOf(const record::v1::StepRecord& step);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SESSIONS_H_
