#ifndef COFACTOR_SERVICES_WAKE_UP_VENDOR_FIXTURE_H_
#define COFACTOR_SERVICES_WAKE_UP_VENDOR_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "services/messenger/http_client.h"
#include "services/messenger/test_http_server.h"
#include "services/transport/test_certificates.h"
#include "services/wake_up/wake_up_gateway.h"

namespace cofactor::services {

// Sends, and waits for the outcome, for at most 30 s.
WakeUpOutcome SendAndAwait(WakeUpGateway& gateway, const WakeUp& wake_up);

// A name for an error message.
absl::string_view VerdictName(WakeUpVerdict verdict);

// The value of a header in a request of HTTP/1.1, or "".
std::string HeaderOf(absl::string_view request, absl::string_view name);
// What follows its headers.
std::string BodyOf(absl::string_view request);

// A server that answers as it is told to, and a client that trusts the
// authority.
class VendorTest : public testing::Test {
 protected:
  VendorTest();

  // An answer after which the connection ends.
  static TestHttpServer::Step Answer(int status, absl::string_view body);

  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  const TestAuthority authority_;
  TestHttpServer server_;
  std::unique_ptr<HttpClient> http_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_VENDOR_FIXTURE_H_
