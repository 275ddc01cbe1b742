#ifndef COFACTOR_SERVICES_ENGINE_DECOYS_H_
#define COFACTOR_SERVICES_ENGINE_DECOYS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/factor.h"
#include "services/engine/plan.h"
#include "services/engine/trial.h"
#include "storage/store.h"

namespace cofactor::services {

// Stands in for members that there are not, so that a caller who may not know
// members cannot tell: a response to nobody is tried on an enrollment that
// nobody has, and counted in a record of its own. Thread-safe.
//
// The record is in one of 2^24 places, which bounds how much room guesses at
// invented names take. The place follows from a secret of the store, so that
// nobody can choose names that share one. Two that share one by chance are
// counted together.
class Decoys {
 public:
  static constexpr uint32_t kPlaces = uint32_t{1} << 24;

  // secret: of LoadDecoySecret. randomness: not owned; must outlive this.
  Decoys(Secret secret, Randomness& randomness)
      : secret_(std::move(secret)), randomness_(randomness) {}

  // As TryActive, for a response that there is nobody to try on: there is no
  // such member, or none of its enrollments could accept it. It takes the same
  // work and locks as any other. Writes what follows; never verifies.
  absl::StatusOr<TrialResult> Try(Plan& plan, const Trial& trial,
                                  absl::string_view account_id,
                                  absl::string_view member_id) const;

  // As TakePrompt, for a challenge that there is nobody to answer. Writes what
  // follows.
  absl::StatusOr<std::string> Prompt(Plan& plan, const factors::Factor& factor,
                                     absl::string_view account_id,
                                     absl::string_view member_id,
                                     absl::string_view challenge_id) const;

  // Does the reading of Try and Prompt, where there is a member: so both take
  // the same work. Does nothing for a caller who may know members.
  void Touch(const Plan& plan, absl::string_view account_id,
             absl::string_view member_id, absl::string_view factor_type) const;

  // The id of the enrollment that a challenge to nobody names: the same for the
  // same name, as that of a real one is.
  std::string EnrollmentId(absl::string_view account_id,
                           absl::string_view member_id,
                           absl::string_view factor_type) const;

  // The key of the record.
  std::string KeyOf(absl::string_view account_id, absl::string_view member_id,
                    absl::string_view factor_type) const;

 private:
  // 32 bytes that nobody can tell without the secret.
  std::string Hash(absl::string_view use, absl::string_view account_id,
                   absl::string_view member_id,
                   absl::string_view factor_type) const;

  // The record that stands in for a member: its one enrollment is active.
  absl::StatusOr<record::v1::MemberRecord> Read(Plan& plan,
                                                const factors::Factor& factor,
                                                absl::string_view key) const;

  const Secret secret_;
  Randomness& randomness_;
};

// Reads the secret of a store, which is drawn at its first start. Waits for the
// disk.
absl::StatusOr<Secret> LoadDecoySecret(storage::Store& store,
                                       Randomness& randomness);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_DECOYS_H_
