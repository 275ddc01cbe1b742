#include "tools/benchmark/report.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cofactor::benchmark {

Table::Table(absl::string_view title, std::vector<std::string> columns)
    : title_(title), columns_(columns.size()) {
  columns.push_back("bar");
  columns.push_back("");
  rows_.push_back(std::move(columns));
}

void Table::AddRow(std::vector<std::string> cells) {
  cells.resize(columns_ + 2);
  rows_.push_back(std::move(cells));
}

void Table::AddRow(std::vector<std::string> cells, absl::string_view bar,
                   bool reached) {
  cells.resize(columns_);
  cells.push_back(std::string(bar));
  cells.push_back(reached ? "reached" : "missed");
  rows_.push_back(std::move(cells));
}

void Table::Print() const {
  std::vector<size_t> widths(columns_ + 2);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text = absl::StrCat("\n", title_, "\n");
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const int width = static_cast<int>(widths[i]);
      // Numbers to the right, words to the left.
      line += i > 0 && i < columns_ ? absl::StrFormat("  %*s", width, row[i])
                                    : absl::StrFormat("  %-*s", width, row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

std::string Rate(double per_second) {
  return absl::StrFormat("%.0f/s", per_second);
}

std::string Micros(absl::Duration time) {
  return absl::StrFormat("%.0f us", absl::ToDoubleMicroseconds(time));
}

std::string Millis(absl::Duration time) {
  return absl::StrFormat("%.2f ms", absl::ToDoubleMilliseconds(time));
}

std::string Ratio(double ratio) { return absl::StrFormat("%.2f", ratio); }

std::string Megabytes(int64_t bytes) {
  return absl::StrFormat("%.0f MB", static_cast<double>(bytes) / 1e6);
}

std::string Count(uint64_t count) {
  if (count < 1'000) return absl::StrCat(count);
  return absl::StrFormat("%s,%03d", Count(count / 1'000), count % 1'000);
}

void Failures::Add(absl::string_view where,
                   const std::map<std::string, uint64_t>& failures) {
  for (const auto& [what, count] : failures) {
    failures_[absl::StrCat(where, ": ", what)] += count;
  }
}

void Failures::Print() const {
  for (const auto& [what, count] : failures_) {
    std::fprintf(stderr, "bench: %s: %s calls\n", what.c_str(),
                 Count(count).c_str());
  }
}

}  // namespace cofactor::benchmark
