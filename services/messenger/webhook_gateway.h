#ifndef COFACTOR_SERVICES_MESSENGER_WEBHOOK_GATEWAY_H_
#define COFACTOR_SERVICES_MESSENGER_WEBHOOK_GATEWAY_H_

#include <string>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/secret.h"
#include "services/messenger/gateway.h"
#include "services/messenger/http_client.h"

namespace cofactor::services {

// Hands texts to a web server of the operator's own. Thread-safe.
//
// The request is a POST of a JSON object in ASCII:
//
//   {"message_id": "...", "to": "+4915123456789", "text": "...",
//    "sender": "...", "validity_seconds": 600, "delivery_report_url": "..."}
//
// without sender and delivery_report_url if there are none. Two headers prove
// where it comes from:
//
//   X-Cofactor-Timestamp: seconds since 1970, in decimal digits
//   X-Cofactor-Signature: v1=HEX
//
// where HEX is, in 64 lower-case digits, HMAC-SHA256 with the shared key over
// "v1." TIMESTAMP "." BODY, BODY being the bytes as they came. The receiver
// compares in constant time, and refuses a timestamp that is more than five
// minutes off. It drops a message_id that it has had.
//
// The answer's status says what became of the message: 2xx accepted, with
// {"id": "..."} in the body if the receiver has a name for it, of at most 64
// letters and digits; 422 no gateway should send to this number; 429 nothing
// was sent, another gateway may; 401, 403, 404, 405 and 3xx we are
// misconfigured; other 4xx this gateway will never take it; else unknown.
class WebhookGateway final : public SmsGateway {
 public:
  struct Options {
    std::string name;
    std::string url;
    // The shared key, at least 32 random bytes.
    Secret key;
    // For messages that name no sender. May be empty.
    std::string sender;
    // For one message, within the message's own deadline.
    absl::Duration timeout = absl::Seconds(10);
  };

  // clock, http: not owned; must outlive this. clock is that of http.
  WebhookGateway(const Clock& clock, HttpClient& http, Options options);

  const std::string& name() const override { return options_.name; }
  void Send(const SmsMessage& message, Done done) override;

 private:
  const Clock& clock_;
  HttpClient& http_;
  const Options options_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_WEBHOOK_GATEWAY_H_
