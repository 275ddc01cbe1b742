#include "services/engine/import_merge.h"

#include <algorithm>
#include <cstdint>

#include "base/secret.h"
#include "google/protobuf/repeated_field.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::CodeOnlyRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::FactorFailures;
using ::cofactor::record::v1::FailureCount;
using ::cofactor::record::v1::MemberRecord;
using FailureCounts = google::protobuf::RepeatedPtrField<FailureCount>;

// What both kinds of records that count failures have.
template <typename CountingRecord>
bool MergeFailuresInARow(const CountingRecord& theirs, CountingRecord& ours) {
  bool changed = false;
  if (theirs.consecutive_failures() > ours.consecutive_failures()) {
    ours.set_consecutive_failures(theirs.consecutive_failures());
    changed = true;
  }
  if (theirs.lock_until_micros() > ours.lock_until_micros()) {
    ours.set_lock_until_micros(theirs.lock_until_micros());
    changed = true;
  }
  return changed;
}

// The greater of each span, not the sum: the failures in an import may be ones
// that were imported before.
bool MergeCounts(const FailureCounts& theirs, FailureCounts& ours) {
  bool changed = false;
  for (const FailureCount& count : theirs) {
    const auto found = std::find_if(
        ours.begin(), ours.end(),
        [&](const FailureCount& own) { return own.span() == count.span(); });
    if (found == ours.end()) {
      *ours.Add() = count;
      changed = true;
    } else if (found->failures() < count.failures()) {
      found->set_failures(count.failures());
      changed = true;
    }
  }
  std::sort(ours.begin(), ours.end(),
            [](const FailureCount& a, const FailureCount& b) {
              return a.span() < b.span();
            });
  return changed;
}

FactorFailures& FailuresOf(MemberRecord& member, const FactorFailures& like) {
  for (FactorFailures& factor : *member.mutable_failures()) {
    if (factor.factor_type() == like.factor_type()) return factor;
  }
  FactorFailures& factor = *member.add_failures();
  factor.set_factor_type(like.factor_type());
  return factor;
}

}  // namespace

bool MergeEnrollment(const EnrollmentRecord& theirs,
                     factors::ReplayGuard replay_guard,
                     EnrollmentRecord& ours) {
  bool changed = MergeFailuresInARow(theirs, ours);
  if (theirs.has_accepted_counter() &&
      (!ours.has_accepted_counter() ||
       theirs.accepted_counter() > ours.accepted_counter())) {
    ours.set_accepted_counter(theirs.accepted_counter());
    ours.set_has_accepted_counter(true);
    changed = true;
  }
  const bool may_accept_used =
      replay_guard == factors::ReplayGuard::kStateChange &&
      theirs.last_verify_micros() > ours.last_verify_micros() &&
      !ConstantTimeEquals(theirs.factor_state(), ours.factor_state());
  if ((theirs.disabled() || may_accept_used) && !ours.disabled()) {
    ours.set_disabled(true);
    changed = true;
  }
  if (theirs.last_verify_micros() > ours.last_verify_micros()) {
    ours.set_last_verify_micros(theirs.last_verify_micros());
    changed = true;
  }
  return changed;
}

bool MergeMember(const MemberRecord& theirs, MemberRecord& ours) {
  bool changed = false;
  if (theirs.suspended() && !ours.suspended()) {
    ours.set_suspended(true);
    EndSessions(ours);
    ForgetDevices(ours);
    changed = true;
  }
  if (theirs.valid_until_micros() != 0 &&
      (ours.valid_until_micros() == 0 ||
       theirs.valid_until_micros() < ours.valid_until_micros())) {
    ours.set_valid_until_micros(theirs.valid_until_micros());
    changed = true;
  }
  for (const FactorFailures& factor : theirs.failures()) {
    if (factor.counts().empty()) continue;
    changed |= MergeCounts(factor.counts(),
                           *FailuresOf(ours, factor).mutable_counts());
  }
  return changed;
}

bool MergeCodeOnly(const CodeOnlyRecord& theirs, CodeOnlyRecord& ours) {
  const bool in_a_row = MergeFailuresInARow(theirs, ours);
  return MergeCounts(theirs.counts(), *ours.mutable_counts()) || in_a_row;
}

}  // namespace cofactor::services
