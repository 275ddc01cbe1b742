#ifndef COFACTOR_SERVICES_ENGINE_SEND_LIMITS_ENGINE_H_
#define COFACTOR_SERVICES_ENGINE_SEND_LIMITS_ENGINE_H_

#include "absl/status/status.h"
#include "cofactor/v1/admin_service.pb.h"
#include "factors/sms/phone_number.h"
#include "services/engine/plan.h"
#include "services/engine/send_limits.h"

namespace cofactor::services {

// Decides the calls of AdminService by which operators look at the limits on
// messages and reset them. Thread-safe.
class SendLimitsEngine {
 public:
  // Neither is owned; both must outlive this.
  SendLimitsEngine(const SendLimits& limits,
                   const factors::sms::PhoneNumbers& phone_numbers)
      : limits_(limits), phone_numbers_(phone_numbers) {}

  absl::Status ListSendLimits(Plan& plan,
                              const v1::ListSendLimitsRequest& request,
                              v1::ListSendLimitsResponse& response) const;
  absl::Status ResetSendLimit(Plan& plan,
                              const v1::ResetSendLimitRequest& request,
                              v1::ResetSendLimitResponse& response) const;

 private:
  absl::StatusOr<Destination> Parse(absl::string_view phone_number,
                                    absl::string_view region) const;
  absl::StatusOr<SendLimitSubject> SubjectOf(
      const v1::ResetSendLimitRequest& request) const;

  const SendLimits& limits_;
  const factors::sms::PhoneNumbers& phone_numbers_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_SEND_LIMITS_ENGINE_H_
