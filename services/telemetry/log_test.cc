#include "services/telemetry/log.h"

#include <fcntl.h>
#include <unistd.h>

#include <future>
#include <limits>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/clock.h"
#include "base/secret.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace cofactor::services {
namespace {

using nlohmann::json;

static_assert(std::is_constructible_v<LogField, LogName, std::string>);
static_assert(!std::is_constructible_v<LogField, LogName, Secret>);
static_assert(!std::is_constructible_v<LogField, LogName, const Secret&>);
static_assert(!std::is_constructible_v<LogField, LogName, const Secret*>);
// Nothing that is known only at run time can be a name.
static_assert(!std::is_constructible_v<LogName, const char*>);
static_assert(!std::is_constructible_v<LogName, std::string>);
static_assert(!std::is_constructible_v<LogName, absl::string_view>);

class LogTest : public testing::Test {
 protected:
  // Starts a log of which Finish returns the output.
  void Start(const Log::Options& options = {}) {
    log_ =
        std::make_unique<Log>(clock_, options, [this](absl::string_view line) {
          absl::StrAppend(&output_, line);
          return true;
        });
  }

  // The lines, each parsed. Fails if a line is none.
  std::vector<json> Finish() {
    log_.reset();
    std::vector<json> lines;
    EXPECT_TRUE(output_.empty() || absl::EndsWith(output_, "\n"));
    for (const absl::string_view line :
         absl::StrSplit(output_, '\n', absl::SkipEmpty())) {
      lines.push_back(json::parse(line.begin(), line.end(), nullptr, false));
      EXPECT_TRUE(lines.back().is_object()) << line;
    }
    return lines;
  }

  ManualClock clock_{absl::FromUnixMicros(1'700'000'000'000'001)};
  std::string output_;
  std::unique_ptr<Log> log_;
};

TEST_F(LogTest, WritesAnEventAsOneLine) {
  Start();
  log_->Write(LogLevel::kInfo, "call",
              {{"method", "VerifyCode"},
               {"code", std::string("OK")},
               {"client", absl::string_view("shop")},
               {"duration_us", 123},
               {"least", std::numeric_limits<int64_t>::min()},
               {"most", std::numeric_limits<uint64_t>::max()},
               {"retried", true},
               {"shed", false}});
  Finish();
  EXPECT_EQ(output_,
            "{\"time\":\"2023-11-14T22:13:20.000001Z\",\"level\":\"info\","
            "\"event\":\"call\",\"method\":\"VerifyCode\",\"code\":\"OK\","
            "\"client\":\"shop\",\"duration_us\":123,"
            "\"least\":-9223372036854775808,\"most\":18446744073709551615,"
            "\"retried\":true,\"shed\":false}\n");
}

TEST_F(LogTest, TellsTheTimeOfTheEventByTheClockThatItWasGiven) {
  Start();
  log_->Write(LogLevel::kInfo, "first", {});
  clock_.Advance(absl::Hours(2) + absl::Microseconds(41));
  log_->Write(LogLevel::kInfo, "second", {});
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["time"], "2023-11-14T22:13:20.000001Z");
  EXPECT_EQ(lines[1]["time"], "2023-11-15T00:13:20.000042Z");
}

TEST_F(LogTest, NamesTheLevelsAndLeavesOutWhatIsBelowTheLeast) {
  Start({.min_level = LogLevel::kWarning});
  for (const LogLevel level : {LogLevel::kDebug, LogLevel::kInfo,
                               LogLevel::kWarning, LogLevel::kError}) {
    log_->Write(level, "event_1", {});
  }
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["level"], "warning");
  EXPECT_EQ(lines[1]["level"], "error");
}

TEST_F(LogTest, NamesTheLowerLevels) {
  Start({.min_level = LogLevel::kDebug});
  log_->Write(LogLevel::kDebug, "event_1", {});
  log_->Write(LogLevel::kInfo, "event_1", {});
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["level"], "debug");
  EXPECT_EQ(lines[1]["level"], "info");
}

// Every field, filled with what tries to be another line or another field.
TEST_F(LogTest, KeepsEveryValueInItsField) {
  const std::vector<std::string> canaries = {
      "a\nb",
      "a\r\nb",
      "\r\n{\"time\":\"2020-01-01T00:00:00.000000Z\",\"level\":\"info\","
      "\"event\":\"forged\"}\r\n",
      "\",\"level\":\"forged\",\"x\":\"",
      "\\\",\"level\":\"forged\",\"x\":\"\\",
      "\\",
      "\"",
      "\x1b[2J\x1b[31mred\x1b]0;title\x07",
      std::string("nul\0nul", 7),
      "\x7f\x01\x02\x08\x0b\x0c\x1f",
      "\u0085\u2028\u2029\u202e\ufeff",
      "{}%s%n{0}{:>999999}",
      "\u00e9\u20ac\U0001F511"};
  Start();
  for (const std::string& canary : canaries) {
    log_->Write(LogLevel::kInfo, "call",
                {{"method", canary},
                 {"code", canary.c_str()},
                 {"client", absl::string_view(canary)},
                 {"peer", canary},
                 {"trace_id", canary},
                 {"duration_us", 1}});
  }
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), canaries.size());
  for (size_t i = 0; i < canaries.size(); ++i) {
    const json expected = {{"time", "2023-11-14T22:13:20.000001Z"},
                           {"level", "info"},
                           {"event", "call"},
                           {"method", canaries[i]},
                           {"code", std::string(canaries[i].c_str())},
                           {"client", canaries[i]},
                           {"peer", canaries[i]},
                           {"trace_id", canaries[i]},
                           {"duration_us", 1}};
    EXPECT_EQ(lines[i], expected);
  }
  // Nothing but printable ASCII and the ends of the lines.
  for (const char c : output_) {
    ASSERT_TRUE((c >= ' ' && c <= '~') || c == '\n') << int{c};
  }
}

TEST_F(LogTest, KeepsBytesThatAreNoUtf8InTheirField) {
  Start();
  for (int byte = 0; byte < 256; ++byte) {
    const std::string value(1, static_cast<char>(byte));
    log_->Write(LogLevel::kInfo, "call",
                {{"method", value}, {"peer", value + "\"\n" + value}});
  }
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), 256u);
  for (const json& line : lines) EXPECT_EQ(line.size(), 5u);
  EXPECT_EQ(lines[0xFF]["method"], "\ufffd");
  EXPECT_EQ(lines[0xFF]["peer"], "\ufffd\"\n\ufffd");
}

TEST_F(LogTest, CutsLongValues) {
  Start();
  log_->Write(LogLevel::kInfo, "call",
              {{"method", std::string(256, 'a')},
               {"peer", std::string(1 << 20, '\n')},
               {"client", std::string(255, 'b') + "\u00e9"}});
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["method"], std::string(256, 'a'));
  EXPECT_EQ(lines[0]["peer"], std::string(256, '\n'));
  EXPECT_EQ(lines[0]["client"], std::string(255, 'b'));
}

// A sink that holds the first line until it is let go.
TEST_F(LogTest, DropsTheOldestAndCountsThemWhenTheSinkIsSlow) {
  constexpr size_t kWaiting = 10;
  constexpr size_t kLost = 7;
  std::promise<void> reached;
  std::promise<void> release;
  std::future<void> released = release.get_future();
  bool first = true;
  log_ = std::make_unique<Log>(clock_, Log::Options{.max_waiting = kWaiting},
                               [&](absl::string_view line) {
                                 if (std::exchange(first, false)) {
                                   reached.set_value();
                                   released.wait();
                                 }
                                 absl::StrAppend(&output_, line);
                                 return true;
                               });
  log_->Write(LogLevel::kInfo, "call", {{"number", -1}});
  reached.get_future().wait();
  for (size_t i = 0; i < kWaiting; ++i) {
    log_->Write(LogLevel::kInfo, "call", {{"number", i}});
  }
  EXPECT_EQ(log_->LinesLost(), 0u);
  // These return although nothing is written.
  for (size_t i = kWaiting; i < kWaiting + kLost; ++i) {
    log_->Write(LogLevel::kInfo, "call", {{"number", i}});
  }
  EXPECT_EQ(log_->LinesLost(), kLost);
  release.set_value();
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), 1 + kWaiting);
  EXPECT_EQ(lines[0]["number"], -1);
  for (size_t i = 0; i < kWaiting; ++i) {
    EXPECT_EQ(lines[1 + i]["number"], kLost + i);
  }
}

TEST_F(LogTest, WritesWholeLinesOfManyThreads) {
  constexpr int kThreads = 8;
  constexpr int kLines = 500;
  Start({.max_waiting = kThreads * kLines});
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < kLines; ++i) {
        log_->Write(LogLevel::kInfo, "call",
                    {{"thread", thread}, {"number", i}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log_->LinesLost(), 0u);
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), size_t{kThreads * kLines});
  // Those of one thread in their order.
  std::vector<int> next(kThreads, 0);
  for (const json& line : lines) {
    EXPECT_EQ(line["number"], next[line["thread"].get<size_t>()]++);
  }
}

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0); }
  ~Pipe() {
    CloseReader();
    CloseWriter();
  }

  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void CloseReader() { Close(ends_[0]); }
  void CloseWriter() { Close(ends_[1]); }

  std::string ReadAll() const {
    std::string all;
    char buffer[4096];
    ssize_t size = 0;
    while ((size = read(reader(), buffer, sizeof(buffer))) > 0) {
      all.append(buffer, static_cast<size_t>(size));
    }
    return all;
  }

 private:
  static void Close(int& end) {
    if (end >= 0) close(end);
    end = -1;
  }

  int ends_[2];
};

TEST_F(LogTest, WritesToAFileDescriptorThatTakesNoMoreForATime) {
  Pipe pipe;
  ASSERT_EQ(fcntl(pipe.writer(), F_SETFL, O_NONBLOCK), 0);
  const int capacity = fcntl(pipe.writer(), F_SETPIPE_SZ, 4096);
  const std::string value(200, 'x');
  const size_t count = static_cast<size_t>(capacity) / value.size() * 4;
  std::future<std::string> all;
  {
    Log log(clock_, {}, FileDescriptorSink(pipe.writer()));
    for (size_t i = 0; i < count; ++i) {
      log.Write(LogLevel::kInfo, "call", {{"method", value}});
    }
    all = std::async(std::launch::async, [&pipe] { return pipe.ReadAll(); });
    EXPECT_EQ(log.LinesLost(), 0u);
  }
  pipe.CloseWriter();
  output_ = all.get();
  const std::vector<json> lines = Finish();
  ASSERT_EQ(lines.size(), count);
  for (const json& line : lines) EXPECT_EQ(line["method"], value);
}

TEST_F(LogTest, OutlivesAReaderThatHasGoneAndCountsWhatIsLost) {
  Pipe pipe;
  pipe.CloseReader();
  std::promise<void> third;
  int count = 0;
  const LogSink to_pipe = FileDescriptorSink(pipe.writer());
  Log log(clock_, {}, [&](absl::string_view line) {
    if (++count == 3) third.set_value();
    return to_pipe(line);
  });
  for (int i = 0; i < 3; ++i) log.Write(LogLevel::kInfo, "call", {});
  third.get_future().wait();
  // Two have returned by then; the third may have.
  EXPECT_GE(log.LinesLost(), 2u);
}

}  // namespace
}  // namespace cofactor::services
