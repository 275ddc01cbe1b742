#ifndef COFACTOR_SERVICES_ENGINE_ENROLLMENT_ATTRIBUTES_H_
#define COFACTOR_SERVICES_ENGINE_ENROLLMENT_ATTRIBUTES_H_

#include <map>
#include <string>

#include "cofactor/record/v1/record.pb.h"

namespace cofactor::services {

// Replaces what a person may see of an enrollment.
void SetAttributes(const std::map<std::string, std::string>& attributes,
                   record::v1::EnrollmentRecord& enrollment);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_ENROLLMENT_ATTRIBUTES_H_
