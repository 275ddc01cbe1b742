#include "services/engine/plan.h"

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace cofactor::services {

void WipeSecrets(record::v1::MemberRecord& member) {
  for (record::v1::EnrollmentRecord& enrollment :
       *member.mutable_enrollments()) {
    Wipe(*enrollment.mutable_factor_state());
  }
}

void WipeSecrets(record::v1::ImportKeyRecord& key) {
  Wipe(*key.mutable_private_key());
}

absl::Status UnknownRecordVersion(absl::string_view type, uint32_t version) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "UNKNOWN_RECORD_VERSION",
      absl::StrCat("the store holds a ", type, " of version ", version,
                   ", written by a later version of this server: start that "
                   "version"));
}

}  // namespace cofactor::services
