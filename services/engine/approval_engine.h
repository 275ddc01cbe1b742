#ifndef COFACTOR_SERVICES_ENGINE_APPROVAL_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_APPROVAL_ENGINE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/approval_service.pb.h"
#include "factors/factor_registry.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/plan.h"
#include "services/engine/verification_engine.h"
#include "services/receipts/receipts.h"

namespace cofactor::services {

// Decides the calls of ApprovalService. See the proto for what they mean, and
// MutationRunner for how a plan is committed: what an answer does to a member
// and what it does to the approval is one transaction, so that of any number of
// answers at once exactly one is the last that it takes. Thread-safe.
class ApprovalEngine {
 public:
  // All are borrowed; they must outlive this.
  ApprovalEngine(const factors::FactorRegistry& registry,
                 const ChallengeEngine& challenges,
                 const VerificationEngine& verifications,
                 const Receipts& receipts, Randomness& randomness)
      : registry_(registry),
        challenges_(challenges),
        verifications_(verifications),
        receipts_(receipts),
        randomness_(randomness) {}

  absl::Status ApproveTogether(Plan& plan,
                               const v1::ApproveTogetherRequest& request,
                               v1::ApproveTogetherResponse& response) const;
  absl::Status AskForApproval(Plan& plan,
                              const v1::AskForApprovalRequest& request,
                              v1::AskForApprovalResponse& response) const;
  absl::Status AddApproval(Plan& plan, const v1::AddApprovalRequest& request,
                           v1::AddApprovalResponse& response) const;
  absl::Status GetApproval(Plan& plan, const v1::GetApprovalRequest& request,
                           v1::GetApprovalResponse& response) const;
  absl::Status CancelApproval(Plan& plan,
                              const v1::CancelApprovalRequest& request,
                              v1::CancelApprovalResponse& response) const;

 private:
  // What a member's answer came to.
  struct Answer {
    bool verified = false;
    // The person refused.
    bool refused = false;
    // The person has not answered on a device yet: nothing is counted.
    bool pending = false;
    // Its challenge brings no other answer.
    bool used_up = false;
    // Why it is not verified.
    v1::VerificationReason reason = v1::VERIFICATION_REASON_UNSPECIFIED;
    // What answered, if it is verified.
    std::string enrollment_id;
    std::string factor_type;
    absl::Time time;
    // A challenge that showed what the approval is for brought it.
    bool details_shown = false;
  };

  // INVALID_ARGUMENT unless answers of the factor count for the approval by
  // what it says and by the account's policy.
  absl::Status CheckCounts(Plan& plan,
                           const record::v1::ApprovalRecord& approval,
                           absl::string_view factor_type) const;

  // The factor that a member is asked with; a factor that does not count where
  // the caller is not to learn more.
  absl::StatusOr<std::string> FactorToAsk(
      Plan& plan, const record::v1::ApprovalRecord& approval,
      const v1::AskForApprovalRequest& request) const;

  // entry: what the approval knows of the member; null: nothing. member: of
  // that id; it may be gone.
  absl::StatusOr<Answer> TakeAnswer(
      Plan& plan, const record::v1::ApprovalRecord& approval,
      const record::v1::MemberApprovalRecord* entry,
      record::v1::MemberRecord& member,
      const v1::AddApprovalRequest& request) const;
  absl::StatusOr<Answer> VerifyChallenge(
      Plan& plan, const record::v1::ApprovalRecord& approval,
      const record::v1::ChallengeRecord& challenge,
      const v1::AddApprovalRequest& request) const;
  absl::StatusOr<Answer> VerifyUpFront(
      Plan& plan, const record::v1::ApprovalRecord& approval,
      const v1::AddApprovalRequest& request) const;
  // What was answered on a device.
  absl::StatusOr<Answer> LookAt(Plan& plan,
                                const record::v1::ChallengeRecord& challenge,
                                record::v1::MemberRecord& member) const;

  // Writes down what an answer means for the approval.
  absl::Status Count(Plan& plan, const Answer& answer,
                     absl::string_view member_id, int64_t member_create_micros,
                     record::v1::ApprovalRecord& approval) const;

  const factors::FactorRegistry& registry_;
  const ChallengeEngine& challenges_;
  const VerificationEngine& verifications_;
  const Receipts& receipts_;
  Randomness& randomness_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_APPROVAL_ENGINE_H_
