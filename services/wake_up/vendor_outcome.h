#ifndef COFACTOR_SERVICES_WAKE_UP_VENDOR_OUTCOME_H_
#define COFACTOR_SERVICES_WAKE_UP_VENDOR_OUTCOME_H_

#include "absl/strings/string_view.h"
#include "services/messenger/http_client.h"
#include "services/wake_up/wake_up_gateway.h"

namespace cofactor::services {

// For gateways of vendors that explain their answers in JSON.

// The outcome of a request that was not answered.
WakeUpOutcome OutcomeWithoutAnswer(const HttpResult& result);

// What a status other than 200 says where the vendor's own words say no more:
// 401, 403, 404, 405 and redirections are kMisconfigured, the rest from 400 on
// is kRefused, all else kUnknown. code: the vendor's word for it, if it is one
// that we know; it is added to the reason.
WakeUpOutcome OutcomeOfStatus(int status, absl::string_view code);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_VENDOR_OUTCOME_H_
