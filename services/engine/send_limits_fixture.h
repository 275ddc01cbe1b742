#ifndef COFACTOR_SERVICES_ENGINE_SEND_LIMITS_FIXTURE_H_
#define COFACTOR_SERVICES_ENGINE_SEND_LIMITS_FIXTURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/randomness.h"
#include "cofactor/v1/admin_service.pb.h"
#include "factors/sms/phone_number.h"
#include "gtest/gtest.h"
#include "services/engine/send_limits.h"
#include "services/engine/send_limits_engine.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {

// The numbers of the defaults, with one country: "DE".
SendPolicy StandardPolicy();

// No budgets and no breakers, so that a test can look at one of them.
SendPolicy OpenPolicy();

// A number of a prefix, both of up to four digits.
std::string Number(int prefix, int number);

// Counts messages as an engine that sends would, and sends none. One per
// replica.
class Sender {
 public:
  explicit Sender(SendPolicy policy, uint64_t seed = 7);

  // To phone_number in region, for account_id.
  absl::Status Send(Plan& plan, const v1::ListSendLimitsRequest& request,
                    v1::ListSendLimitsResponse& response) const;
  absl::Status Notify(Plan& plan, const v1::ListSendLimitsRequest& request,
                      v1::ListSendLimitsResponse& response) const;
  absl::Status Verify(Plan& plan, const v1::ListSendLimitsRequest& request,
                      v1::ListSendLimitsResponse& response) const;

  const SendLimits& limits() const { return limits_; }

 private:
  SeededRandomness randomness_;
  const SendLimits limits_;
};

// Sends and verifies through the MutationRunner of a harness.
class SendLimitsFixture : public testing::Test {
 protected:
  // For a German number.
  static v1::ListSendLimitsRequest RequestFor(const std::string& number,
                                              const std::string& account_id);

  absl::Status Send(const Sender& sender, const std::string& number,
                    const std::string& account_id = "acme");

  // Sends a notice.
  absl::Status Notify(const Sender& sender, const std::string& number);

  void Verify(const Sender& sender, const std::string& number);

  std::vector<v1::SendLimit> List(const Sender& sender,
                                  const v1::ListSendLimitsRequest& request);

  absl::StatusOr<v1::ResetSendLimitResponse> Reset(
      const Sender& sender, const v1::ResetSendLimitRequest& request);

  // Makes the calls from now on as a client with all scopes. No account_ids:
  // for all accounts.
  void ActAsClient(const std::string& client_id,
                   const std::vector<std::string>& account_ids = {});

  EngineHarness harness_;
  const factors::sms::PhoneNumbers phone_numbers_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SEND_LIMITS_FIXTURE_H_
