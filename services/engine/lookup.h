#ifndef COFACTOR_SERVICES_ENGINE_LOOKUP_H_
#define COFACTOR_SERVICES_ENGINE_LOOKUP_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/plan.h"
#include "storage/store.h"

namespace cofactor::services {

// Reads what must be there. NOT_FOUND if it is not, saying what is missing, or
// if it belongs to an account that the caller may not touch. The audit log
// tells of what was read last.

absl::StatusOr<Stored<record::v1::AccountRecord>> ReadAccount(
    Plan& plan, absl::string_view account_id);

// The member, without pending enrollments whose time is over. FindMember finds
// that there is none, which is no error there.
absl::StatusOr<Stored<record::v1::MemberRecord>> FindMember(
    Plan& plan, absl::string_view account_id, absl::string_view member_id);
absl::StatusOr<Stored<record::v1::MemberRecord>> ReadMember(
    Plan& plan, absl::string_view account_id, absl::string_view member_id);

// NOT_FOUND for an enrollment that the member does not have.
absl::StatusOr<record::v1::EnrollmentRecord*> FindExistingEnrollment(
    Plan& plan, record::v1::MemberRecord& member,
    absl::string_view enrollment_id);

absl::StatusOr<Stored<record::v1::ChallengeRecord>> ReadChallenge(
    Plan& plan, absl::string_view challenge_id);

// INVALID_ARGUMENT on factor_type for a factor that this server does not know.
absl::StatusOr<const factors::Factor*> FindFactor(
    const factors::FactorRegistry& registry, absl::string_view factor_type);

// Says that the codes which an account accepts may change with this plan, or
// that a member comes or goes.
void ChangeRoster(Plan& plan, absl::string_view account_id);

// One page of a prefix.
struct Page {
  std::vector<storage::Entry> entries;
  // Empty if this is the last.
  std::string next_page_token;
};
absl::StatusOr<Page> ReadPage(const Plan& plan, absl::string_view prefix,
                              int32_t page_size, absl::string_view page_token);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_LOOKUP_H_
