#ifndef COFACTOR_SERVICES_MESSENGER_GATEWAY_OUTCOME_H_
#define COFACTOR_SERVICES_MESSENGER_GATEWAY_OUTCOME_H_

#include <string>

#include "services/messenger/gateway.h"
#include "services/messenger/http_client.h"

namespace cofactor::services {

// What a status of HTTP alone says, where the gateway's own words are not
// known: 401, 403, 404, 405 and redirections are kMisconfigured, 429 is
// kNotSent, other 4xx are kRefusedHere. The rest is kUnknown, 408 and 503 too:
// a proxy says so also of what it has passed on.
SmsOutcome OutcomeOfStatus(int status);

// Makes of a result of HTTP the outcome at the gateway of that name: by
// read_answer if there is an answer. It needs neither the gateway nor the
// message any more.
HttpClient::Done CompleteWith(std::string gateway,
                              SmsOutcome (*read_answer)(const HttpResult&),
                              SmsGateway::Done done);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_GATEWAY_OUTCOME_H_
