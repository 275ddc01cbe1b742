#include "services/engine/enrollment_attributes.h"

namespace cofactor::services {

void SetAttributes(const std::map<std::string, std::string>& attributes,
                   record::v1::EnrollmentRecord& enrollment) {
  record::v1::AttributesRecord record;
  record.mutable_attributes()->insert(attributes.begin(), attributes.end());
  record.SerializeToString(enrollment.mutable_attributes());
}

}  // namespace cofactor::services
