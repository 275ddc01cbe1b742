#ifndef COFACTOR_SERVICES_OVERLOADED_H_
#define COFACTOR_SERVICES_OVERLOADED_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/errors.h"

namespace cofactor::services {

// The error of a call that the executor did not take.
inline absl::Status Overloaded() {
  return RetryLater(
      "OVERLOADED",
      "the server has too much to do; nothing was done, try again",
      absl::Seconds(1));
}

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_OVERLOADED_H_
