#ifndef COFACTOR_SERVICES_MESSENGER_TWILIO_GATEWAY_H_
#define COFACTOR_SERVICES_MESSENGER_TWILIO_GATEWAY_H_

#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/secret.h"
#include "services/messenger/gateway.h"
#include "services/messenger/http_client.h"

namespace cofactor::services {

// Sends by the REST API of Twilio, version 2010-04-01, which other vendors have
// too. Thread-safe.
class TwilioGateway final : public SmsGateway {
 public:
  struct Options {
    std::string name;
    // Without a slash at its end.
    std::string base_url = "https://api.twilio.com";
    std::string account_sid;
    // Of an API key with its secret as password; empty: the account's, with
    // its token as password.
    std::string username;
    Secret password;
    // For messages that name no sender, one of the two.
    std::string from;
    std::string messaging_service_sid;
    // For one message, within the message's own deadline.
    absl::Duration timeout = absl::Seconds(10);
  };

  // clock, http: not owned; must outlive this. clock is that of http.
  TwilioGateway(const Clock& clock, HttpClient& http, Options options);

  const std::string& name() const override { return options_.name; }

  // kRefusedForGood if the number is none, no mobile one, or has opted out;
  // reason is "HTTP 400, code 21211".
  void Send(const SmsMessage& message, Done done) override;

 private:
  const Clock& clock_;
  HttpClient& http_;
  const Options options_;
  const std::string url_;
  const Secret authorization_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_TWILIO_GATEWAY_H_
