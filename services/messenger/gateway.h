#ifndef COFACTOR_SERVICES_MESSENGER_GATEWAY_H_
#define COFACTOR_SERVICES_MESSENGER_GATEWAY_H_

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "base/secret.h"

namespace cofactor::services {

// A text for a phone.
struct SmsMessage {
  // Ours, for delivery reports and for a gateway that drops repetitions. 1 to
  // 64 of A-Z a-z 0-9 _ -.
  std::string message_id;
  // E.164.
  std::string to;
  // UTF-8. A code is in it.
  Secret text;
  // A number or 3 to 11 letters and digits; empty: what the gateway was
  // configured with.
  std::string sender;
  // Later than that the text is of no use.
  absl::Duration validity;
  // Where the gateway is to report what becomes of it; empty: nowhere.
  std::string delivery_report_url;
  // By the clock of the gateway: an outcome is there by then.
  absl::Time deadline;

  SmsMessage Clone() const {
    return {message_id,          to,      text.Clone(), sender, validity,
            delivery_report_url, deadline};
  }
};

// What became of a text at a gateway. Only what the gateway says in so many
// words counts; whatever else it may do is kUnknown.
enum class SmsVerdict {
  // Taken, and on its way.
  kAccepted,
  // Taken, but the network is away: it may come when it is too late.
  kQueued,
  // Never to be sent, by no gateway: the number is none, or its owner wants no
  // texts.
  kRefusedForGood,
  // This gateway will never take it: another may.
  kRefusedHere,
  // Nothing was sent: this gateway may take it later, and another now.
  kNotSent,
  // The gateway does not take us for its customer, or is none: an operator has
  // to act. Nothing was sent.
  kMisconfigured,
  // It may have been sent. Nobody repeats it but a person who asks for it.
  kUnknown,
};

struct SmsOutcome {
  SmsVerdict verdict = SmsVerdict::kUnknown;
  // The name of the gateway that this comes from.
  std::string gateway;
  // Names the text in the gateway's reports, if it was taken and the gateway
  // gives such names.
  std::string provider_id;
  // Why it was not taken, for operators: a status, a code of the gateway or
  // fixed words, never its text, which may repeat the number or the message.
  std::string reason;
};

// Hands texts to somebody who sends them. Thread-safe.
class SmsGateway {
 public:
  using Done = absl::AnyInvocable<void(SmsOutcome) &&>;

  virtual ~SmsGateway() = default;

  // By which the configuration, metrics and audit know it. Constant.
  virtual const std::string& name() const = 0;

  // Hands over one text, once. Never waits: done is called once by the
  // message's deadline, on a thread that it must not hold up, or before this
  // returns. The message is borrowed for the call alone. The gateway must live
  // until done has been called.
  virtual void Send(const SmsMessage& message, Done done) = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_GATEWAY_H_
