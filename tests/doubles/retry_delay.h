#ifndef COFACTOR_TESTS_DOUBLES_RETRY_DELAY_H_
#define COFACTOR_TESTS_DOUBLES_RETRY_DELAY_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace cofactor {

// What the google.rpc.RetryInfo of an error asks its caller to wait; zero if
// there is none.
absl::Duration RetryDelay(const absl::Status& status);

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_RETRY_DELAY_H_
