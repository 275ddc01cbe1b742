#ifndef COFACTOR_TOOLS_BENCHMARK_REPORT_H_
#define COFACTOR_TOOLS_BENCHMARK_REPORT_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cofactor::benchmark {

// A table for people. The last two columns hold a bar and whether the row
// reached it. Thread-compatible.
class Table {
 public:
  // columns: without those of the bar.
  Table(absl::string_view title, std::vector<std::string> columns);

  void AddRow(std::vector<std::string> cells);
  void AddRow(std::vector<std::string> cells, absl::string_view bar,
              bool reached);

  // Writes it to the standard output.
  void Print() const;

 private:
  const std::string title_;
  const size_t columns_;
  std::vector<std::vector<std::string>> rows_;
};

// Cells.
std::string Rate(double per_second);
std::string Micros(absl::Duration time);
std::string Millis(absl::Duration time);
std::string Ratio(double ratio);
std::string Megabytes(int64_t bytes);
// As "1,000".
std::string Count(uint64_t count);

// Calls that went wrong in the whole run, by what was wrong. A bench whose
// calls went wrong has measured something else.
class Failures {
 public:
  void Add(absl::string_view where,
           const std::map<std::string, uint64_t>& failures);
  bool empty() const { return failures_.empty(); }
  // Writes them to the standard error.
  void Print() const;

 private:
  std::map<std::string, uint64_t> failures_;
};

}  // namespace cofactor::benchmark

#endif  // COFACTOR_TOOLS_BENCHMARK_REPORT_H_
