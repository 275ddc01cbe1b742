// How a team brings back a member who lost everything, with the attacks that it
// has to stop.

#include "services/engine/recovery_engine.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "services/engine/binding_fixture.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;

class RecoveryTest : public BindingFixture {
 protected:
  RecoveryTest() { PutPolicy(MakePolicy()); }

  // A policy that wants so many approvals, and a delay.
  void Want(uint32_t approvals, absl::Duration delay = absl::ZeroDuration()) {
    v1::Policy policy = MakePolicy();
    policy.mutable_recovery()->set_approvals(approvals);
    policy.mutable_recovery()->mutable_delay()->set_seconds(
        absl::ToInt64Seconds(delay));
    PutPolicy(policy);
  }

  std::string StartError(const std::string& receipt,
                         const std::string& member_id = "ada") {
    return Outcome(Start(receipt, member_id).status());
  }
  std::string ApproveError(const std::string& recovery_id,
                           const std::string& receipt) {
    return Outcome(Approve(recovery_id, receipt).status());
  }
  std::string IssueError(const std::string& recovery_id) {
    return Outcome(Issue(recovery_id).status());
  }
  // Binds by a ticket.
  std::string UseError(const std::string& ticket,
                       const std::string& member_id = "ada") {
    return BeginError(ProofByTicket(ticket), "totp", member_id);
  }
  std::string StartedBy(const std::string& member_id) {
    const auto recovery = Start(Receipt(member_id));
    EXPECT_TRUE(recovery.ok()) << recovery.status();
    return recovery->recovery_id();
  }
};

TEST_F(RecoveryTest, BringsAMemberBack) {
  const auto started = Start(Receipt("olga"));
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->state(), v1::RECOVERY_STATE_READY);
  EXPECT_THAT(started->approver_member_ids(), ElementsAre("olga"));
  EXPECT_EQ(started->wanted_approvals(), 1u);
  EXPECT_EQ(started->reason(), "lost the phone");

  const auto issued = Issue(started->recovery_id());
  ASSERT_TRUE(issued.ok()) << issued.status();
  EXPECT_EQ(issued->recovery().state(), v1::RECOVERY_STATE_TICKET_ISSUED);
  const std::string prefix = absl::StrCat("cft_", started->recovery_id(), "_");
  EXPECT_TRUE(absl::StartsWith(issued->enrollment_ticket(), prefix));
  EXPECT_EQ(issued->enrollment_ticket().size(), prefix.size() + 64);

  const auto begun = Begin(ProofByTicket(issued->enrollment_ticket()));
  ASSERT_TRUE(begun.ok()) << begun.status();
  EXPECT_EQ(GetRecovery()->state(), v1::RECOVERY_STATE_COMPLETE);
  // The other factors stay: it replaces nothing.
  EXPECT_EQ(Member("ada").enrollments_size(), 3);
}

// What starts it.

TEST_F(RecoveryTest, IsStartedByNoOther) {
  EXPECT_EQ(StartError(Receipt("bob")), "NOT_A_RECOVERER");
  EXPECT_EQ(StartError(""), "STEP_UP_REQUIRED");
  EXPECT_EQ(StartError("x.y.z"), "RECEIPT_REFUSED");
  EXPECT_EQ(StartError(Receipt("olga", {"password"})), "STEP_UP_REQUIRED");
  CreateMember("otto", v1::MEMBER_ROLE_OWNER, "other");
  EXPECT_EQ(StartError(Receipt("otto", {"password", "totp"}, "other")),
            "RECEIPT_REFUSED");
  EXPECT_EQ(Outcome(GetRecovery().status()), "RECOVERY_NOT_FOUND");
}

TEST_F(RecoveryTest, IsNeverOnesOwn) {
  EXPECT_EQ(StartError(Receipt("olga"), "olga"), "NOT_A_RECOVERER");
  Want(2);
  const auto recovery = Start(Receipt("adam"), "olga");
  ASSERT_TRUE(recovery.ok()) << recovery.status();
  EXPECT_EQ(
      Outcome(
          Approve(recovery->recovery_id(), Receipt("olga"), "olga").status()),
      "NOT_A_RECOVERER");
  EXPECT_EQ(Outcome(Issue(recovery->recovery_id(), "olga").status()),
            "RECOVERY_NOT_READY");
}

TEST_F(RecoveryTest, WantsAFreshProof) {
  v1::Policy policy = MakePolicy();
  policy.mutable_sessions()->mutable_receipt_lifetime()->set_seconds(3600);
  PutPolicy(policy);
  const std::string receipt = Receipt("olga");
  Advance(absl::Minutes(5) + absl::Seconds(1));
  EXPECT_EQ(StartError(receipt), "STEP_UP_REQUIRED");
}

TEST_F(RecoveryTest, WantsAReasonInPlainText) {
  v1::StartRecoveryRequest request;
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_receipt(Receipt("olga"));
  for (const std::string& reason :
       {std::string(), std::string("a\nb"), std::string(257, 'a')}) {
    request.set_reason(reason);
    EXPECT_EQ(
        harness_.Call(&RecoveryEngine::StartRecovery, request).status().code(),
        absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(RecoveryTest, IsOneAtATime) {
  const std::string first = StartedBy("olga");
  EXPECT_EQ(StartError(Receipt("adam")), "RECOVERY_OPEN");
  ASSERT_TRUE(Issue(first).ok());
  EXPECT_EQ(StartError(Receipt("adam")), "RECOVERY_OPEN");
  ASSERT_TRUE(Cancel(first).ok());
  EXPECT_EQ(StartError(Receipt("adam")), "OK");
  // The first one is no more.
  EXPECT_EQ(ApproveError(first, Receipt("olga")), "RECOVERY_NOT_FOUND");
}

TEST_F(RecoveryTest, TellsTheAuditLogWho) {
  const std::string recovery_id = StartedBy("olga");
  const record::v1::AuditRecord event = harness_.AuditEvents().back();
  EXPECT_EQ(event.action(), "StartRecovery");
  EXPECT_EQ(event.member_id(), "ada");
  EXPECT_EQ(event.note(), absl::StrCat("recovery ", recovery_id, " by olga"));
}

// Approvals.

TEST_F(RecoveryTest, WaitsForTwoWhereThePolicySaysTwo) {
  Want(2);
  const auto started = Start(Receipt("olga"));
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->state(), v1::RECOVERY_STATE_PENDING);
  EXPECT_EQ(IssueError(started->recovery_id()), "RECOVERY_NOT_READY");
  const auto approved = Approve(started->recovery_id(), Receipt("adam"));
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->state(), v1::RECOVERY_STATE_READY);
  EXPECT_THAT(approved->approver_member_ids(), ElementsAre("olga", "adam"));
  EXPECT_EQ(IssueError(started->recovery_id()), "OK");
}

TEST_F(RecoveryTest, CountsNobodyTwice) {
  Want(2);
  const std::string recovery_id = StartedBy("olga");
  EXPECT_EQ(ApproveError(recovery_id, Receipt("olga")), "ALREADY_APPROVED");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
}

TEST_F(RecoveryTest, IsApprovedByNoOther) {
  Want(2);
  const std::string recovery_id = StartedBy("olga");
  EXPECT_EQ(ApproveError(recovery_id, Receipt("bob")), "NOT_A_RECOVERER");
  EXPECT_EQ(ApproveError(recovery_id, Receipt("ada")), "NOT_A_RECOVERER");
  SetRole("ada", v1::MEMBER_ROLE_OWNER);
  EXPECT_EQ(ApproveError(recovery_id, Receipt("ada")), "NOT_A_RECOVERER");
  EXPECT_EQ(ApproveError("another", Receipt("adam")), "RECOVERY_NOT_FOUND");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
}

TEST_F(RecoveryTest, CountsNoApproverWhoWasSuspendedMeanwhile) {
  const std::string recovery_id = StartedBy("adam");
  harness_.SuspendMember("acme", "adam");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
  EXPECT_EQ(GetRecovery()->state(), v1::RECOVERY_STATE_PENDING);
  EXPECT_THAT(GetRecovery()->approver_member_ids(), ElementsAre());
  // Another one can take the place.
  EXPECT_EQ(ApproveError(recovery_id, Receipt("olga")), "OK");
  EXPECT_EQ(IssueError(recovery_id), "OK");
}

TEST_F(RecoveryTest, CountsNoApproverWhoWasDemotedOrIsGone) {
  Want(2);
  const std::string recovery_id = StartedBy("adam");
  ASSERT_EQ(ApproveError(recovery_id, Receipt("olga")), "OK");
  SetRole("adam", v1::MEMBER_ROLE_MEMBER);
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
  SetRole("adam", v1::MEMBER_ROLE_ADMIN);
  DeleteMember("adam");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
}

TEST_F(RecoveryTest, TakesAnotherMemberOfTheSameIdForAnotherPerson) {
  Want(2);
  const std::string recovery_id = StartedBy("olga");
  ASSERT_EQ(ApproveError(recovery_id, Receipt("adam")), "OK");
  DeleteMember("adam");
  CreateMember("adam", v1::MEMBER_ROLE_ADMIN);
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
  EXPECT_EQ(ApproveError(recovery_id, Receipt("adam")), "OK");
  EXPECT_EQ(IssueError(recovery_id), "OK");
}

TEST_F(RecoveryTest, IsOverForAnotherMemberOfTheSameId) {
  const std::string recovery_id = StartedBy("olga");
  const std::string ticket = Issue(recovery_id)->enrollment_ticket();
  DeleteMember("ada");
  CreateMember("ada", v1::MEMBER_ROLE_MEMBER);
  EXPECT_EQ(UseError(ticket), "PROOF_REFUSED");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_FOUND");
  EXPECT_EQ(StartError(Receipt("olga")), "OK");
}

// Times.

TEST_F(RecoveryTest, WaitsForTheDelayFromTheLastApproval) {
  Want(2, absl::Hours(1));
  const std::string recovery_id = StartedBy("olga");
  Advance(absl::Hours(2));
  const auto approved = Approve(recovery_id, Receipt("adam"));
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->state(), v1::RECOVERY_STATE_DELAYED);
  Advance(absl::Hours(1) - absl::Microseconds(1));
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
  Advance(absl::Microseconds(1));
  EXPECT_EQ(IssueError(recovery_id), "OK");
}

TEST_F(RecoveryTest, WaitsAnewForWhoTakesTheirPlace) {
  Want(1, absl::Hours(1));
  const std::string recovery_id = StartedBy("adam");
  Advance(absl::Hours(1));
  harness_.SuspendMember("acme", "adam");
  ASSERT_EQ(ApproveError(recovery_id, Receipt("olga")), "OK");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
  Advance(absl::Hours(1));
  EXPECT_EQ(IssueError(recovery_id), "OK");
}

TEST_F(RecoveryTest, IsNotHeldUpByOneApprovalMore) {
  Want(1, absl::Hours(1));
  const std::string recovery_id = StartedBy("olga");
  Advance(absl::Minutes(59));
  ASSERT_EQ(ApproveError(recovery_id, Receipt("adam")), "OK");
  Advance(absl::Minutes(1));
  EXPECT_EQ(IssueError(recovery_id), "OK");
}

TEST_F(RecoveryTest, EndsAfterSevenDays) {
  Want(2);
  const std::string recovery_id = StartedBy("olga");
  Advance(absl::Hours(7 * 24) - absl::Microseconds(1));
  EXPECT_EQ(GetRecovery()->state(), v1::RECOVERY_STATE_PENDING);
  Advance(absl::Microseconds(1));
  EXPECT_EQ(GetRecovery()->state(), v1::RECOVERY_STATE_EXPIRED);
  EXPECT_EQ(ApproveError(recovery_id, Receipt("adam")), "RECOVERY_OVER");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_OVER");
  EXPECT_EQ(StartError(Receipt("olga")), "OK");
}

TEST_F(RecoveryTest, CanBeFinishedAfterTheLongestDelay) {
  Want(1, absl::Hours(7 * 24));
  const std::string recovery_id = StartedBy("olga");
  Advance(absl::Hours(7 * 24));
  EXPECT_EQ(IssueError(recovery_id), "OK");
}

// The ticket.

TEST_F(RecoveryTest, DrawsOneTicket) {
  const std::string recovery_id = StartedBy("olga");
  ASSERT_EQ(IssueError(recovery_id), "OK");
  EXPECT_EQ(IssueError(recovery_id), "RECOVERY_NOT_READY");
  EXPECT_EQ(ApproveError(recovery_id, Receipt("adam")), "TICKET_ISSUED");
}

TEST_F(RecoveryTest, TakesATicketOnce) {
  const std::string ticket = Ticket();
  EXPECT_EQ(UseError(ticket), "OK");
  EXPECT_EQ(UseError(ticket), "PROOF_REFUSED");
}

TEST_F(RecoveryTest, TakesOneOfSixtyFourAtOnce) {
  const std::string ticket = Ticket();
  std::atomic<int> begun{0};
  std::atomic<int> refused{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 64; ++i) {
    threads.emplace_back([&] {
      const std::string outcome = UseError(ticket);
      if (outcome == "OK") ++begun;
      if (outcome == "PROOF_REFUSED") ++refused;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(begun, 1);
  EXPECT_EQ(refused, 63);
  EXPECT_EQ(Member("ada").enrollments_size(), 3);
}

TEST_F(RecoveryTest, KeepsTheTicketOfACallThatFailed) {
  const std::string ticket = Ticket();
  v1::BeginEnrollmentRequest request = BeginRequest(ProofByTicket(ticket));
  request.mutable_parameters()->mutable_totp()->set_digits(99);
  EXPECT_EQ(Begin(request).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(UseError(ticket), "OK");
}

TEST_F(RecoveryTest, TakesATicketOfTheMemberAlone) {
  const std::string ticket = Ticket();
  EXPECT_EQ(UseError(ticket, "bob"), "PROOF_REFUSED");
  EXPECT_EQ(UseError(ticket, "olga"), "PROOF_REFUSED");
  // Nor one of bob's own recovery with the secret of ada's.
  const auto bobs = Start(Receipt("olga"), "bob");
  ASSERT_TRUE(bobs.ok()) << bobs.status();
  ASSERT_TRUE(Issue(bobs->recovery_id(), "bob").ok());
  const std::string mixed = absl::StrCat("cft_", bobs->recovery_id(),
                                         ticket.substr(ticket.rfind('_')));
  EXPECT_EQ(UseError(mixed, "bob"), "PROOF_REFUSED");
  EXPECT_EQ(UseError(ticket), "OK");
}

TEST_F(RecoveryTest, TakesNoOtherTicket) {
  const std::string ticket = Ticket();
  std::string wrong = ticket;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  for (const std::string& other :
       {wrong, ticket.substr(0, ticket.size() - 1), ticket + "0",
        std::string("cft_"), std::string(), ticket.substr(4)}) {
    EXPECT_EQ(UseError(other), "PROOF_REFUSED") << other;
  }
  EXPECT_EQ(UseError(ticket), "OK");
}

TEST_F(RecoveryTest, KillsTheTicketWithTheRecovery) {
  const std::string recovery_id = StartedBy("olga");
  const std::string ticket = Issue(recovery_id)->enrollment_ticket();
  const auto cancelled = Cancel(recovery_id);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->state(), v1::RECOVERY_STATE_CANCELLED);
  EXPECT_EQ(UseError(ticket), "PROOF_REFUSED");
  EXPECT_EQ(Outcome(Cancel(recovery_id).status()), "RECOVERY_OVER");
}

TEST_F(RecoveryTest, KillsTheTicketInTime) {
  v1::Policy policy = MakePolicy();
  policy.mutable_recovery()->mutable_ticket_lifetime()->set_seconds(60);
  PutPolicy(policy);
  const std::string first = Ticket();
  Advance(absl::Minutes(1));
  EXPECT_EQ(UseError(first), "PROOF_REFUSED");
  const std::string second = Ticket();
  Advance(absl::Minutes(1) - absl::Microseconds(1));
  EXPECT_EQ(UseError(second), "OK");
}

TEST_F(RecoveryTest, HelpsNobodyWhoMayNotSignIn) {
  const std::string recovery_id = StartedBy("olga");
  const std::string ticket = Issue(recovery_id)->enrollment_ticket();
  harness_.SuspendMember("acme", "ada");
  EXPECT_EQ(UseError(ticket), "MEMBER_NOT_ACTIVE");
  EXPECT_EQ(StartError(Receipt("olga")), "MEMBER_NOT_ACTIVE");
}

TEST_F(RecoveryTest, LetsNobodyChooseASecretForTheMember) {
  const std::string ticket = Ticket();
  v1::BeginEnrollmentRequest seed = BeginRequest(ProofByTicket(ticket));
  seed.mutable_parameters()->mutable_totp()->set_secret("12345678901234567890");
  v1::BeginEnrollmentRequest hash =
      BeginRequest(ProofByTicket(ticket), "password");
  hash.mutable_parameters()->mutable_password()->set_imported_hash("$2b$12$x");
  v1::BeginEnrollmentRequest custom = BeginRequest(ProofByTicket(ticket));
  custom.mutable_parameters()->mutable_custom()->set_type_url("x/y");
  for (const auto& request : {seed, hash, custom}) {
    const absl::Status status = Begin(request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_TRUE(absl::StrContains(status.message(), "choose a secret"))
        << status;
  }
  v1::BeginEnrollmentRequest typed =
      BeginRequest(ProofByTicket(ticket), "password");
  typed.mutable_parameters()->mutable_password()->set_password(
      "nine lamps, no attic");
  EXPECT_EQ(Outcome(Begin(typed).status()), "OK");
}

TEST_F(RecoveryTest, KeepsNoTicketInTheRecord) {
  const std::string ticket = Ticket();
  const std::string secret = ticket.substr(ticket.rfind('_') + 1);
  for (const storage::Entry& entry : harness_.RawRecords()) {
    EXPECT_FALSE(absl::StrContains(entry.record.value, secret)) << entry.key;
  }
}

TEST_F(RecoveryTest, RepeatsAnAnswerToARetry) {
  v1::IssueEnrollmentTicketRequest request;
  request.set_request_id("r1");
  request.set_account_id("acme");
  request.set_member_id("ada");
  request.set_recovery_id(StartedBy("olga"));
  const auto first =
      harness_.Call(&RecoveryEngine::IssueEnrollmentTicket, request);
  const auto second =
      harness_.Call(&RecoveryEngine::IssueEnrollmentTicket, request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->enrollment_ticket(), second->enrollment_ticket());
}

// Lists.

TEST_F(RecoveryTest, ListsThoseOfTheAccountInPages) {
  ASSERT_TRUE(Start(Receipt("olga"), "bob").ok());
  ASSERT_TRUE(Start(Receipt("olga"), "ada").ok());
  v1::ListRecoveriesRequest request;
  request.set_account_id("acme");
  request.set_page_size(1);
  const auto first = harness_.Call(&RecoveryEngine::ListRecoveries, request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->recoveries_size(), 1);
  EXPECT_EQ(first->recoveries(0).member_id(), "ada");
  request.set_page_token(first->next_page_token());
  const auto second = harness_.Call(&RecoveryEngine::ListRecoveries, request);
  ASSERT_EQ(second->recoveries_size(), 1);
  EXPECT_EQ(second->recoveries(0).member_id(), "bob");
  EXPECT_EQ(second->next_page_token(), "");
  DeleteMember("bob");
  EXPECT_EQ(harness_.Call(&RecoveryEngine::ListRecoveries, request)
                ->recoveries_size(),
            0);
}

}  // namespace
}  // namespace cofactor::services
