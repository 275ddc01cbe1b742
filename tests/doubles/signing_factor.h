#ifndef COFACTOR_TESTS_DOUBLES_SIGNING_FACTOR_H_
#define COFACTOR_TESTS_DOUBLES_SIGNING_FACTOR_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "cofactor/v1/factor.pb.h"
#include "factors/factor.h"

namespace cofactor {

// A plugin that the API knows nothing of: a device that "signs" challenges with
// a name that it was given. Parameters, activation and responses are
// google.protobuf.StringValue in Any. It keeps the custom path and the
// challenge-bound path of the host honest.
std::unique_ptr<const factors::Factor> MakeSigningFactor();

// What the device named so answers to a challenge. An empty challenge id: its
// answer that confirms the enrollment.
v1::FactorResponse Sign(absl::string_view device,
                        absl::string_view challenge_id);

// A StringValue packed into Any, and back. Unpack: "" if it is none.
google::protobuf::Any PackString(absl::string_view text);
std::string UnpackString(const google::protobuf::Any& any);

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_SIGNING_FACTOR_H_
