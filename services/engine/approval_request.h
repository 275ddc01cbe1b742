#ifndef COFACTOR_SERVICES_ENGINE_APPROVAL_REQUEST_H_
#define COFACTOR_SERVICES_ENGINE_APPROVAL_REQUEST_H_

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cofactor/v1/approval_service.pb.h"

namespace cofactor::services {

// Members that an approval can be limited to, and that can be asked for it: it
// is read and written as a whole.
inline constexpr int kMostAskedMembers = 64;

// Whether a request for an approval is one that can be met, and how long it is
// open. INVALID_ARGUMENT naming the field. Account and policy are not looked
// at, nor whether there are the factors.
absl::StatusOr<absl::Duration> CheckRequest(
    const v1::ApproveTogetherRequest& request);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_APPROVAL_REQUEST_H_
