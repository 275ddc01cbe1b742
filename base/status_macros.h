#ifndef COFACTOR_BASE_STATUS_MACROS_H_
#define COFACTOR_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The only two macros of this code base.

// Returns the status of an expression from the function unless it is OK.
#define RETURN_IF_ERROR(expression)                                           \
  do {                                                                        \
    if (absl::Status cofactor_status = (expression); !cofactor_status.ok()) { \
      return cofactor_status;                                                 \
    }                                                                         \
  } while (false)

// Assigns the value of a StatusOr expression, or returns its status from the
// function: ASSIGN_OR_RETURN(Secret key, ReadKey(path));
#define ASSIGN_OR_RETURN(lhs, expression)                                    \
  COFACTOR_ASSIGN_OR_RETURN_(COFACTOR_CONCAT_(cofactor_statusor_, __LINE__), \
                             lhs, expression)

#define COFACTOR_ASSIGN_OR_RETURN_(statusor, lhs, expression) \
  auto statusor = (expression);                               \
  if (!statusor.ok()) return std::move(statusor).status();    \
  lhs = std::move(statusor).value()
#define COFACTOR_CONCAT_(a, b) COFACTOR_CONCAT_INNER_(a, b)
#define COFACTOR_CONCAT_INNER_(a, b) a##b

#endif  // COFACTOR_BASE_STATUS_MACROS_H_
