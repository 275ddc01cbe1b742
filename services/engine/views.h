#ifndef COFACTOR_SERVICES_ENGINE_VIEWS_H_
#define COFACTOR_SERVICES_ENGINE_VIEWS_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/account.pb.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/enrollment.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace cofactor::services {

// What callers see of the records at a time. Never a factor's private state.

google::protobuf::Timestamp ToTimestamp(absl::Time time);
absl::Time ToTime(const google::protobuf::Timestamp& timestamp);

v1::Account ViewOf(const record::v1::AccountRecord& account,
                   const record::v1::CodeOnlyRecord& code_only, absl::Time now);

v1::Member ViewOf(const record::v1::MemberRecord& member, absl::Time now);

v1::Enrollment ViewOf(const record::v1::MemberRecord& member,
                      const record::v1::EnrollmentRecord& enrollment,
                      absl::Time now);

// The same without the attributes, for answers that have to be quick.
v1::Enrollment BriefViewOf(const record::v1::MemberRecord& member,
                           const record::v1::EnrollmentRecord& enrollment,
                           absl::Time now);

v1::Challenge ViewOf(const record::v1::ChallengeRecord& challenge,
                     absl::Time now);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_VIEWS_H_
