#ifndef COFACTOR_SERVICES_MESSENGER_KANNEL_GATEWAY_H_
#define COFACTOR_SERVICES_MESSENGER_KANNEL_GATEWAY_H_

#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/secret.h"
#include "services/messenger/gateway.h"
#include "services/messenger/http_client.h"

namespace cofactor::services {

// Sends through the sendsms service of Kannel 1.4.5. Thread-safe.
//
// All goes in headers, for Kannel logs addresses. It gives no names to texts:
// what the report tells apart has to be in its address.
class KannelGateway final : public SmsGateway {
 public:
  struct Options {
    std::string name;
    // "http://127.0.0.1:13013/cgi-bin/sendsms".
    std::string url;
    std::string username;
    Secret password;
    // For messages that name no sender. Empty: as Kannel is configured.
    std::string sender;
    // For one message, within the message's own deadline.
    absl::Duration timeout = absl::Seconds(10);
  };

  // clock, http: not owned; must outlive this. clock is that of http.
  KannelGateway(const Clock& clock, HttpClient& http, Options options);

  const std::string& name() const override { return options_.name; }

  // kNotSent also if Kannel asks for another try ("Temporal failure"),
  // kRefusedHere if it does not route the number or takes the message for
  // malformed.
  void Send(const SmsMessage& message, Done done) override;

 private:
  const Clock& clock_;
  HttpClient& http_;
  const Options options_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_KANNEL_GATEWAY_H_
