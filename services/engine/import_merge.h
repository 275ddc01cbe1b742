#ifndef COFACTOR_SERVICES_ENGINE_IMPORT_MERGE_H_
#define COFACTOR_SERVICES_ENGINE_IMPORT_MERGE_H_

#include "cofactor/record/v1/record.pb.h"
#include "factors/factor.h"

namespace cofactor::services {

// What comes of a record that is here (ours) and in an import (theirs). Nothing
// becomes easier to pass: counters, failures and locks only grow, so that an
// export of any age arms no used code and ends no lock. Each returns whether
// ours changed, and changes nothing the second time.

// theirs: confirmed, of the same id and factor type.
//
// The state stays ours. Where it is the state that keeps a response from being
// accepted twice, and theirs was used later, ours may still accept what was
// used there: the enrollment is disabled, until it is bound again.
bool MergeEnrollment(const record::v1::EnrollmentRecord& theirs,
                     factors::ReplayGuard replay_guard,
                     record::v1::EnrollmentRecord& ours);

// All of the member but the enrollments: suspension, end, failures.
bool MergeMember(const record::v1::MemberRecord& theirs,
                 record::v1::MemberRecord& ours);

bool MergeCodeOnly(const record::v1::CodeOnlyRecord& theirs,
                   record::v1::CodeOnlyRecord& ours);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_IMPORT_MERGE_H_
