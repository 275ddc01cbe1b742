#ifndef COFACTOR_FACTORS_PUSH_PUSH_RESPONSE_H_
#define COFACTOR_FACTORS_PUSH_PUSH_RESPONSE_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cofactor/v1/device.pb.h"
#include "cofactor/v1/factor.pb.h"

namespace cofactor::factors::push {

// Whether a response could be one of push at all: the shape and the size of
// every field, before anything is computed with it. Errors: INVALID_ARGUMENT,
// by InvalidField; the text holds nothing of what was sent.

// prefix: where the registration stands in the request, as "registration.".
absl::Status CheckRegistration(absl::string_view prefix,
                               const v1::DeviceRegistration& registration);

// prefix: as "answer.". To approve takes the six digits and no reason; all else
// takes no digits.
absl::Status CheckAnswer(absl::string_view prefix,
                         const v1::PushAnswer& answer);

// code_field: as Factor::CheckResponse.
absl::Status CheckPushResponse(const v1::FactorResponse& response,
                               absl::string_view code_field);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_PUSH_RESPONSE_H_
