#include "services/engine/decoys.h"

#include <openssl/sha.h>

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/keys.h"
#include "services/engine/prompts.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::DecoyKeyRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

constexpr size_t kSecretBytes = 32;
constexpr size_t kEnrollmentIdBytes = 16;

// Failures in a row of a real enrollment are never forgotten. A year is as good
// as that for whoever has to wait for it.
constexpr absl::Duration kLifetime = absl::Hours(24 * 366);

}  // namespace

std::string Decoys::Hash(absl::string_view use, absl::string_view account_id,
                         absl::string_view member_id,
                         absl::string_view factor_type) const {
  // Ids hold no '/', so that no two give the same.
  std::string text = absl::StrCat(secret_.ExposeSecret(), use, "/", account_id,
                                  "/", member_id, "/", factor_type);
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
         reinterpret_cast<uint8_t*>(hash.data()));
  Wipe(text);
  return hash;
}

std::string Decoys::KeyOf(absl::string_view account_id,
                          absl::string_view member_id,
                          absl::string_view factor_type) const {
  const std::string hash = Hash("place", account_id, member_id, factor_type);
  uint32_t place = 0;
  for (int i = 0; i < 4; ++i)
    place = place << 8 | static_cast<uint8_t>(hash[i]);
  return DecoyKey(place % kPlaces);
}

std::string Decoys::EnrollmentId(absl::string_view account_id,
                                 absl::string_view member_id,
                                 absl::string_view factor_type) const {
  return absl::BytesToHexString(
      Hash("enrollment", account_id, member_id, factor_type)
          .substr(0, kEnrollmentIdBytes));
}

absl::StatusOr<MemberRecord> Decoys::Read(Plan& plan,
                                          const factors::Factor& factor,
                                          absl::string_view key) const {
  ASSIGN_OR_RETURN(auto decoy, plan.Read<MemberRecord>(key));
  // A member whose enrollment was disabled comes here with a record that counts
  // nothing yet; so does the one that there is not.
  if (!decoy.exists() || !IsActive(decoy.record.enrollments(0))) {
    decoy.record.clear_enrollments();
    decoy.record.clear_failures();
    ASSIGN_OR_RETURN(const factors::FactorState state,
                     factor.DecoyState(randomness_));
    EnrollmentRecord& enrollment = *decoy.record.add_enrollments();
    enrollment.set_factor_type(factor.descriptor().type_id);
    enrollment.set_confirmed(true);
    enrollment.set_factor_state_version(state.version);
    enrollment.set_factor_state(std::string(state.data.ExposeSecret()));
  }
  return std::move(decoy.record);
}

absl::StatusOr<TrialResult> Decoys::Try(Plan& plan, const Trial& trial,
                                        absl::string_view account_id,
                                        absl::string_view member_id) const {
  const std::string key =
      KeyOf(account_id, member_id, trial.factor.descriptor().type_id);
  ASSIGN_OR_RETURN(MemberRecord decoy, Read(plan, trial.factor, key));
  Trial refused = trial;
  refused.refuse = true;
  ASSIGN_OR_RETURN(const TrialResult result, TryActive(refused, "", decoy));
  plan.Write(key, decoy, plan.now() + kLifetime);
  plan.audit().set_lock_began(result.lock_began);
  return result;
}

absl::StatusOr<std::string> Decoys::Prompt(
    Plan& plan, const factors::Factor& factor, absl::string_view account_id,
    absl::string_view member_id, absl::string_view challenge_id) const {
  const std::string& factor_type = factor.descriptor().type_id;
  const std::string key = KeyOf(account_id, member_id, factor_type);
  ASSIGN_OR_RETURN(MemberRecord decoy, Read(plan, factor, key));
  ASSIGN_OR_RETURN(std::string before,
                   TakePrompt(decoy, factor_type, challenge_id, plan.now()));
  plan.Write(key, decoy, plan.now() + kLifetime);
  return before;
}

void Decoys::Touch(const Plan& plan, absl::string_view account_id,
                   absl::string_view member_id,
                   absl::string_view factor_type) const {
  if (plan.caller().MayKnowMembers()) return;
  plan.snapshot().Get(KeyOf(account_id, member_id, factor_type)).IgnoreError();
}

absl::StatusOr<Secret> LoadDecoySecret(storage::Store& store,
                                       Randomness& randomness) {
  const auto snapshot = store.GetSnapshot();
  ASSIGN_OR_RETURN(storage::Record raw, snapshot->Get(kDecoySecretKey));
  ASSIGN_OR_RETURN(auto stored, Decode<DecoyKeyRecord>(std::move(raw)));
  if (!stored.exists()) {
    stored.record.set_version(kRecordVersion);
    stored.record.set_secret(
        std::string(randomness.DrawSecret(kSecretBytes).ExposeSecret()));
    storage::Transaction transaction;
    transaction.Expect(kDecoySecretKey, storage::kAbsent)
        .Put(kDecoySecretKey, stored.record.SerializeAsString());
    RETURN_IF_ERROR(storage::CommitAndWait(store, std::move(transaction)));
  }
  Secret secret{absl::string_view(stored.record.secret())};
  Wipe(*stored.record.mutable_secret());
  return secret;
}

}  // namespace cofactor::services
