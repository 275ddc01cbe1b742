#ifndef COFACTOR_SERVICES_WAKE_UP_WAKE_UP_GATEWAY_H_
#define COFACTOR_SERVICES_WAKE_UP_WAKE_UP_GATEWAY_H_

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "cofactor/v1/device.pb.h"

namespace cofactor::services {

// A word to a device that a challenge waits for it, and no more than that: it
// then connects and asks.
struct WakeUp {
  v1::WakeUpAddress address;
  // Ours, unguessable. It does not leave.
  std::string message_id;
  // Later than that the device need not be told. At least a second.
  absl::Duration ttl;
  // By the clock of the gateway: an outcome is there by then.
  absl::Time deadline;
};

// What became of a wake-up at a gateway.
enum class WakeUpVerdict {
  // Taken: the vendor tries to reach the device.
  kTaken,
  // The vendor says in so many words that nobody is at the address, and will
  // not be: it is to be forgotten.
  kAddressGone,
  // The gateway did not take it: it is busy, or does not like this one.
  kRefused,
  // Nothing left the server, or the address is one that the operator does not
  // allow.
  kNotSent,
  // The gateway does not take us for its customer, or is none: an operator has
  // to act.
  kMisconfigured,
  // It may have been taken.
  kUnknown,
};

struct WakeUpOutcome {
  WakeUpVerdict verdict = WakeUpVerdict::kUnknown;
  // Why it was not taken, for operators: a status or fixed words, never the
  // text of the vendor, which may repeat the address.
  std::string reason;
};

// Wakes devices up by way of one vendor. Thread-safe.
class WakeUpGateway {
 public:
  using Done = absl::AnyInvocable<void(WakeUpOutcome) &&>;

  virtual ~WakeUpGateway() = default;

  // By which deliveries, metrics and audit know it, as "web_push". Constant.
  virtual const std::string& name() const = 0;

  // Hands over one wake-up, once. Never waits: done is called once by its
  // deadline, on a thread that it must not hold up, or before this returns. The
  // wake-up is borrowed for the call alone. The gateway must live until done
  // has been called.
  virtual void Send(const WakeUp& wake_up, Done done) = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_WAKE_UP_GATEWAY_H_
