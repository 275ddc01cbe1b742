#include "services/telemetry/trace_context.h"

#include <string>

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

constexpr char kId[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kRest[] =
    "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

bool IsTaken(absl::string_view traceparent) {
  return ParseTraceId(traceparent).has_value();
}

TEST(TraceContextTest, ReadsTheIdOfTheTrace) {
  const std::string header = std::string("00") + kRest;
  ASSERT_TRUE(IsTaken(header));
  EXPECT_EQ(*ParseTraceId(header), kId);
  EXPECT_TRUE(
      IsTaken("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"));
}

TEST(TraceContextTest, ReadsLaterVersionsAsFarAsTheyAreTheSame) {
  EXPECT_TRUE(IsTaken(std::string("01") + kRest));
  EXPECT_TRUE(IsTaken(std::string("fe") + kRest + "-"));
  ASSERT_TRUE(IsTaken(std::string("cc") + kRest + "-what the future brings"));
  EXPECT_EQ(*ParseTraceId(std::string("cc") + kRest + "-x"), kId);
  EXPECT_FALSE(IsTaken(std::string("cc") + kRest + ".what"));
  EXPECT_FALSE(IsTaken(std::string("cc") + kRest + "0"));
}

TEST(TraceContextTest, RefusesVersionsThatAreNone) {
  EXPECT_FALSE(IsTaken(std::string("ff") + kRest));
  EXPECT_FALSE(IsTaken(std::string("0x") + kRest));
  EXPECT_FALSE(IsTaken(std::string("0") + kRest));
  EXPECT_FALSE(IsTaken(std::string("000") + kRest));
}

TEST(TraceContextTest, RefusesMoreInVersion00) {
  EXPECT_FALSE(IsTaken(std::string("00") + kRest + "-"));
  EXPECT_FALSE(IsTaken(std::string("00") + kRest + "-00"));
  EXPECT_FALSE(IsTaken(std::string("00") + kRest + "\n"));
}

TEST(TraceContextTest, RefusesIdsOfZeros) {
  EXPECT_FALSE(
      IsTaken("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
  EXPECT_FALSE(
      IsTaken("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
}

TEST(TraceContextTest, RefusesWhatIsCutOff) {
  const std::string header = std::string("00") + kRest;
  for (size_t size = 0; size < header.size(); ++size) {
    EXPECT_FALSE(IsTaken(header.substr(0, size))) << size;
  }
}

// Digits elsewhere, and every other character in each place.
TEST(TraceContextTest, RefusesAnyCharacterThatDoesNotBelong) {
  const std::string header = std::string("00") + kRest;
  for (size_t place = 0; place < header.size(); ++place) {
    for (int byte = 0; byte < 256; ++byte) {
      const char c = static_cast<char>(byte);
      const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
      if (header[place] == '-' ? c == '-' : is_digit) continue;
      std::string changed = header;
      changed[place] = c;
      EXPECT_FALSE(IsTaken(changed)) << place << " " << byte;
    }
  }
}

}  // namespace
}  // namespace cofactor::services
