#ifndef COFACTOR_TOOLS_BENCHMARK_TABLES_H_
#define COFACTOR_TOOLS_BENCHMARK_TABLES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tools/benchmark/report.h"

namespace cofactor::benchmark {

// What all measurements need.
struct Setup {
  std::string server_binary;
  // Parent of the folders that the stores are made in.
  std::string data_dir;
  // How long a load goes on.
  absl::Duration time;
  // Also what takes minutes.
  bool full = false;
};

// Each measures and prints one table, on a server and a store of its own. Calls
// that went wrong go to failures. Errors: what kept it from measuring.

// Health check and Verify with a member's id, by calls in flight.
absl::Status MeasureCalls(const Setup& setup, Failures& failures);

// Verify by code alone, by members of the account.
absl::Status MeasureCodeAlone(const Setup& setup, Failures& failures);

// Verify, memory and start, by enrollments in the store.
absl::Status MeasureStoreSizes(const Setup& setup, Failures& failures);

// BeginEnrollment with ConfirmEnrollment.
absl::Status MeasureEnrolments(const Setup& setup, Failures& failures);

// What authentication, sealing, budgets, audit and the factor cost, without a
// server.
absl::Status MeasureParts(const Setup& setup, Failures& failures);

// CreateChallenge through Kannel, and Verify beside a gateway that hangs.
absl::Status MeasureMessages(const Setup& setup, Failures& failures);

// Up to 10,000 open device channels, challenges to them, and approvals.
absl::Status MeasureDevices(const Setup& setup, Failures& failures);

// Many passwords at once beside Verify with a code.
absl::Status MeasurePasswords(const Setup& setup, Failures& failures);

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_TABLES_H_
