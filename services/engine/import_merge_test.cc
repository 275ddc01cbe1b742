#include "services/engine/import_merge.h"

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

using ::cofactor::factors::ReplayGuard;
using ::cofactor::record::v1::CodeOnlyRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;

EnrollmentRecord Enrollment() {
  EnrollmentRecord enrollment;
  enrollment.set_confirmed(true);
  enrollment.set_factor_state("state");
  enrollment.set_accepted_counter(10);
  enrollment.set_has_accepted_counter(true);
  enrollment.set_consecutive_failures(10);
  enrollment.set_lock_until_micros(10);
  enrollment.set_last_verify_micros(10);
  return enrollment;
}

void AddCount(int64_t span, uint32_t failures, CodeOnlyRecord& record) {
  auto& count = *record.add_counts();
  count.set_span(span);
  count.set_failures(failures);
}

TEST(ImportMergeTest, KeepsTheGreaterOfEachCounter) {
  EnrollmentRecord theirs = Enrollment();
  theirs.set_accepted_counter(11);
  theirs.set_consecutive_failures(9);
  theirs.set_lock_until_micros(11);
  theirs.set_last_verify_micros(9);
  EnrollmentRecord ours = Enrollment();
  EXPECT_TRUE(MergeEnrollment(theirs, ReplayGuard::kCounter, ours));
  EXPECT_EQ(ours.accepted_counter(), 11);
  EXPECT_EQ(ours.consecutive_failures(), 10u);
  EXPECT_EQ(ours.lock_until_micros(), 11);
  EXPECT_EQ(ours.last_verify_micros(), 10);
  EXPECT_FALSE(MergeEnrollment(theirs, ReplayGuard::kCounter, ours));
}

TEST(ImportMergeTest, KnowsANegativeCounterFromNone) {
  EnrollmentRecord theirs = Enrollment();
  theirs.set_accepted_counter(-5);
  EnrollmentRecord ours = Enrollment();
  ours.clear_accepted_counter();
  ours.clear_has_accepted_counter();
  EXPECT_TRUE(MergeEnrollment(theirs, ReplayGuard::kCounter, ours));
  EXPECT_EQ(ours.accepted_counter(), -5);
  EXPECT_TRUE(ours.has_accepted_counter());
  // None of theirs takes nothing away.
  EXPECT_FALSE(
      MergeEnrollment(EnrollmentRecord(), ReplayGuard::kCounter, ours));
  EXPECT_TRUE(ours.has_accepted_counter());
}

TEST(ImportMergeTest, DisabledOnEitherSideStaysSo) {
  EnrollmentRecord disabled = Enrollment();
  disabled.set_disabled(true);
  EnrollmentRecord ours = Enrollment();
  EXPECT_TRUE(MergeEnrollment(disabled, ReplayGuard::kCounter, ours));
  EXPECT_TRUE(ours.disabled());
  EXPECT_FALSE(MergeEnrollment(Enrollment(), ReplayGuard::kCounter, ours));
  EXPECT_TRUE(ours.disabled());
}

TEST(ImportMergeTest, KeepsItsState) {
  EnrollmentRecord theirs = Enrollment();
  theirs.set_factor_state("other");
  theirs.set_last_verify_micros(11);
  EnrollmentRecord ours = Enrollment();
  EXPECT_TRUE(MergeEnrollment(theirs, ReplayGuard::kCounter, ours));
  EXPECT_EQ(ours.factor_state(), "state");
  EXPECT_FALSE(ours.disabled());
}

TEST(ImportMergeTest, DisablesAStateThatMayAcceptWhatWasUsedElsewhere) {
  EnrollmentRecord theirs = Enrollment();
  theirs.set_factor_state("fewer codes");
  theirs.set_last_verify_micros(11);
  EnrollmentRecord ours = Enrollment();
  EXPECT_TRUE(MergeEnrollment(theirs, ReplayGuard::kStateChange, ours));
  EXPECT_TRUE(ours.disabled());
  EXPECT_EQ(ours.factor_state(), "state");
  // An older export than what is here tells nothing new.
  theirs.set_last_verify_micros(9);
  ours = Enrollment();
  EXPECT_FALSE(MergeEnrollment(theirs, ReplayGuard::kStateChange, ours));
  EXPECT_FALSE(ours.disabled());
}

TEST(ImportMergeTest, SuspensionOfEitherSideHolds) {
  MemberRecord suspended;
  suspended.set_suspended(true);
  MemberRecord ours;
  EXPECT_TRUE(MergeMember(suspended, ours));
  EXPECT_TRUE(ours.suspended());
  // Whoever comes back after it signs in anew.
  EXPECT_EQ(ours.session_generation(), 1u);
  EXPECT_EQ(ours.device_generation(), 1u);
  EXPECT_FALSE(MergeMember(MemberRecord(), ours));
  EXPECT_TRUE(ours.suspended());
}

TEST(ImportMergeTest, TheEarlierEndOfAMemberHolds) {
  MemberRecord theirs;
  MemberRecord ours;
  EXPECT_FALSE(MergeMember(theirs, ours));
  theirs.set_valid_until_micros(10);
  EXPECT_TRUE(MergeMember(theirs, ours));
  EXPECT_EQ(ours.valid_until_micros(), 10);
  theirs.set_valid_until_micros(11);
  EXPECT_FALSE(MergeMember(theirs, ours));
  theirs.clear_valid_until_micros();
  EXPECT_FALSE(MergeMember(theirs, ours));
  EXPECT_EQ(ours.valid_until_micros(), 10);
}

TEST(ImportMergeTest, MergesFailuresOfAFactorByTheirDays) {
  MemberRecord theirs;
  auto& factor = *theirs.add_failures();
  factor.set_factor_type("totp");
  factor.add_counts()->set_failures(3);
  MemberRecord ours;
  ours.add_failures()->set_factor_type("other");
  EXPECT_TRUE(MergeMember(theirs, ours));
  ASSERT_EQ(ours.failures_size(), 2);
  EXPECT_EQ(ours.failures(0).counts_size(), 0);
  EXPECT_EQ(ours.failures(1).factor_type(), "totp");
  EXPECT_EQ(ours.failures(1).counts(0).failures(), 3u);
  EXPECT_FALSE(MergeMember(theirs, ours));
}

TEST(ImportMergeTest, TakesTheGreaterOfEachSpanInTheirOrder) {
  CodeOnlyRecord theirs;
  AddCount(1, 5, theirs);
  AddCount(3, 1, theirs);
  CodeOnlyRecord ours;
  AddCount(2, 7, ours);
  AddCount(3, 4, ours);
  EXPECT_TRUE(MergeCodeOnly(theirs, ours));
  ASSERT_EQ(ours.counts_size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ours.counts(i).span(), i + 1);
  EXPECT_EQ(ours.counts(0).failures(), 5u);
  EXPECT_EQ(ours.counts(1).failures(), 7u);
  EXPECT_EQ(ours.counts(2).failures(), 4u);
  EXPECT_FALSE(MergeCodeOnly(theirs, ours));
}

}  // namespace
}  // namespace cofactor::services
