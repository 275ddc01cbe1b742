#include "services/wake_up/vendor_fixture.h"

#include <chrono>
#include <cstdlib>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace cofactor::services {

WakeUpOutcome SendAndAwait(WakeUpGateway& gateway, const WakeUp& wake_up) {
  auto promise = std::make_shared<std::promise<WakeUpOutcome>>();
  std::future<WakeUpOutcome> outcome = promise->get_future();
  gateway.Send(wake_up, [promise](WakeUpOutcome result) {
    promise->set_value(std::move(result));
  });
  if (outcome.wait_for(std::chrono::seconds(30)) != std::future_status::ready) {
    ADD_FAILURE() << "no outcome";
    std::abort();
  }
  return outcome.get();
}

absl::string_view VerdictName(WakeUpVerdict verdict) {
  switch (verdict) {
    case WakeUpVerdict::kTaken:
      return "taken";
    case WakeUpVerdict::kAddressGone:
      return "address gone";
    case WakeUpVerdict::kRefused:
      return "refused";
    case WakeUpVerdict::kNotSent:
      return "not sent";
    case WakeUpVerdict::kMisconfigured:
      return "misconfigured";
    case WakeUpVerdict::kUnknown:
      return "unknown";
  }
  return "?";
}

std::string HeaderOf(absl::string_view request, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(request, "\r\n")) {
    if (line.empty()) break;
    if (absl::ConsumePrefix(&line, absl::StrCat(name, ": "))) {
      return std::string(line);
    }
  }
  return "";
}

std::string BodyOf(absl::string_view request) {
  const size_t end = request.find("\r\n\r\n");
  return end == absl::string_view::npos ? ""
                                        : std::string(request.substr(end + 4));
}

VendorTest::VendorTest() {
  const std::string ca_file = testing::TempDir() + "/vendor_authority.crt";
  WriteTestFile(ca_file, authority_.certificate());
  auto http = HttpClient::Create(
      clock_, {.threads = 2, .max_waiting = 8, .ca_file = ca_file});
  EXPECT_TRUE(http.ok()) << http.status();
  http_ = *std::move(http);
}

TestHttpServer::Step VendorTest::Answer(int status, absl::string_view body) {
  return {.bytes = absl::StrCat("HTTP/1.1 ", status,
                                " Word\r\nConnection: close\r\n"
                                "Content-Length: ",
                                body.size(), "\r\n\r\n", body)};
}

}  // namespace cofactor::services
