// Measures the server against the bars of the design and prints tables. Ends
// with an error if a call went wrong; a bar that was missed is no error.

#include <sysexits.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/usage.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tools/benchmark/report.h"
#include "tools/benchmark/tables.h"

ABSL_FLAG(std::string, server, "", "binary of the server. Required");
ABSL_FLAG(std::string, data_dir, ".bench",
          "folder on a disk that the stores are made in; they are removed");
ABSL_FLAG(double, seconds, 3, "how long each load goes on");
ABSL_FLAG(int, only, 0, "number of the one table to measure, 1 to 8; 0 is all");
ABSL_FLAG(bool, full, false, "also a store of 1,000,000 enrollments");

namespace cofactor::benchmark {
namespace {

int Main() {
  Setup setup;
  setup.server_binary = absl::GetFlag(FLAGS_server);
  setup.data_dir = absl::GetFlag(FLAGS_data_dir);
  setup.time = absl::Seconds(absl::GetFlag(FLAGS_seconds));
  setup.full = absl::GetFlag(FLAGS_full);
  const int only = absl::GetFlag(FLAGS_only);
  if (setup.server_binary.empty() || setup.time <= absl::ZeroDuration() ||
      only < 0 || only > 8) {
    std::fputs("bench: want --server, --seconds above 0, --only of 1 to 8\n",
               stderr);
    return EX_USAGE;
  }
  using Measurement = absl::Status (*)(const Setup&, Failures&);
  constexpr Measurement kMeasurements[] = {
      MeasureCalls, MeasureCodeAlone, MeasureStoreSizes, MeasureEnrolments,
      MeasureParts, MeasureMessages,  MeasureDevices,    MeasurePasswords};
  Failures failures;
  int number = 0;
  for (const Measurement measure : kMeasurements) {
    ++number;
    if (only != 0 && only != number) continue;
    const absl::Status status = measure(setup, failures);
    if (!status.ok()) {
      std::fprintf(stderr, "bench: %s\n",
                   std::string(status.message()).c_str());
      return EX_UNAVAILABLE;
    }
  }
  failures.Print();
  return failures.empty() ? EX_OK : EX_SOFTWARE;
}

}  // namespace
}  // namespace cofactor::benchmark

int main(int argc, char** argv) {
  absl::SetProgramUsageMessage(
      "Measures the server. tools/bench builds and runs it.");
  const std::vector<char*> rest = absl::ParseCommandLine(argc, argv);
  if (rest.size() > 1) {
    std::fprintf(stderr, "bench: unexpected argument '%s'\n", rest[1]);
    return EX_USAGE;
  }
  return cofactor::benchmark::Main();
}
