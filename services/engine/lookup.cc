#include "services/engine/lookup.h"

#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

absl::Status NotFound(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kNotFound, reason, message);
}

}  // namespace

absl::StatusOr<Stored<record::v1::AccountRecord>> ReadAccount(
    Plan& plan, absl::string_view account_id) {
  plan.audit().set_account_id(std::string(account_id));
  ASSIGN_OR_RETURN(auto account, plan.Read<record::v1::AccountRecord>(
                                     AccountKey(account_id)));
  if (!account.exists()) {
    return NotFound("ACCOUNT_NOT_FOUND",
                    "there is no such account: create it with CreateAccount");
  }
  return account;
}

absl::StatusOr<Stored<record::v1::MemberRecord>> FindMember(
    Plan& plan, absl::string_view account_id, absl::string_view member_id) {
  plan.audit().set_account_id(std::string(account_id));
  plan.audit().set_member_id(std::string(member_id));
  ASSIGN_OR_RETURN(auto member, plan.Read<record::v1::MemberRecord>(
                                    MemberKey(account_id, member_id)));
  DropEndedPending(member.record, plan.now());
  return member;
}

absl::StatusOr<Stored<record::v1::MemberRecord>> ReadMember(
    Plan& plan, absl::string_view account_id, absl::string_view member_id) {
  ASSIGN_OR_RETURN(auto member, FindMember(plan, account_id, member_id));
  if (!member.exists()) {
    return NotFound("MEMBER_NOT_FOUND",
                    "the account has no such member: create it with "
                    "CreateMember");
  }
  return member;
}

absl::StatusOr<record::v1::EnrollmentRecord*> FindExistingEnrollment(
    Plan& plan, record::v1::MemberRecord& member,
    absl::string_view enrollment_id) {
  record::v1::EnrollmentRecord* enrollment =
      FindEnrollment(member, enrollment_id);
  if (enrollment == nullptr) {
    return NotFound("ENROLLMENT_NOT_FOUND",
                    "the member has no such enrollment, or it was not "
                    "confirmed in time: begin a new one");
  }
  plan.audit().set_enrollment_id(enrollment->enrollment_id());
  plan.audit().set_factor_type(enrollment->factor_type());
  return enrollment;
}

absl::StatusOr<Stored<record::v1::ChallengeRecord>> ReadChallenge(
    Plan& plan, absl::string_view challenge_id) {
  ASSIGN_OR_RETURN(auto challenge, plan.Read<record::v1::ChallengeRecord>(
                                       ChallengeKey(challenge_id)));
  if (!challenge.exists() ||
      !plan.caller().MayTouch(challenge.record.account_id())) {
    return NotFound("CHALLENGE_NOT_FOUND",
                    "there is no such challenge, or it ended long ago");
  }
  record::v1::AuditRecord& audit = plan.audit();
  audit.set_account_id(challenge.record.account_id());
  audit.set_member_id(challenge.record.member_id());
  audit.set_enrollment_id(challenge.record.enrollment_id());
  audit.set_factor_type(challenge.record.factor_type());
  audit.set_challenge_id(challenge.record.challenge_id());
  return challenge;
}

absl::StatusOr<const factors::Factor*> FindFactor(
    const factors::FactorRegistry& registry, absl::string_view factor_type) {
  const factors::Factor* factor = registry.Find(factor_type);
  if (factor == nullptr) {
    return InvalidField("factor_type",
                        "is none that this server knows: ListFactors tells "
                        "which there are");
  }
  return factor;
}

void ChangeRoster(Plan& plan, absl::string_view account_id) {
  record::v1::RosterRecord roster;
  plan.Write(RosterKey(account_id), roster);
}

absl::StatusOr<Page> ReadPage(const Plan& plan, absl::string_view prefix,
                              int32_t page_size, absl::string_view page_token) {
  ASSIGN_OR_RETURN(const size_t size, PageSize(page_size));
  ASSIGN_OR_RETURN(const std::string start_after,
                   StartAfter(prefix, page_token));
  Page page;
  // One more than asked for, to know whether there is a next page.
  ASSIGN_OR_RETURN(page.entries,
                   plan.snapshot().Scan(prefix, start_after, size + 1));
  if (page.entries.size() > size) {
    page.entries.pop_back();
    page.next_page_token = MakePageToken(page.entries.back().key);
  }
  return page;
}

}  // namespace cofactor::services
