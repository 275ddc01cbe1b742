#ifndef COFACTOR_SERVICES_WAKE_UP_WAKER_H_
#define COFACTOR_SERVICES_WAKE_UP_WAKER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/message_sender.h"
#include "services/wake_up/wake_up_gateway.h"

namespace cofactor::services {

// Wakes devices up: hands each wake-up once to the gateway of its address, and
// tells what became of it. Thread-safe.
//
// What waits is in memory alone. A wake-up that is lost loses nothing: the
// device finds the challenge when it connects or asks.
class Waker final : public MessageSender {
 public:
  // Must not wait, nor call the waker.
  using Report = std::function<void(record::v1::DeliveryReport)>;
  // By the address that each is for.
  using Gateways =
      std::map<v1::WakeUpAddress::AddressCase, std::unique_ptr<WakeUpGateway>>;

  struct Options {
    // Wake-ups that wait or are under way, in all.
    size_t max_waiting = 4096;
    // For one wake-up at its gateway, within its own expiry.
    absl::Duration max_time = absl::Seconds(10);
  };

  // clock: not owned; must outlive this; that of the gateways.
  Waker(const Clock& clock, const Options& options, Gateways gateways,
        Report report);

  // As Shutdown.
  ~Waker() override;

  // Reports on each message once:
  //   SENT     its gateway took it.
  //   QUEUED   its gateway did not say whether it did, OUTCOME_UNKNOWN.
  //   FAILED   ADDRESS_GONE, with the gateway's name: the vendor says that
  //            nobody is there any more, and the address is to be forgotten. Or
  //            another reason of the gateway; or BAD_ADDRESS, NO_GATEWAY,
  //            TOO_MANY_WAITING, UNKNOWN_CHANNEL, SHUTTING_DOWN.
  //   EXPIRED  its time was over before it was sent.
  void Send(std::vector<PlannedMessage> messages) override;

  // Takes no more, gives up what waits, and waits for what is under way, for
  // max_time at most; no report follows. Idempotent.
  void Shutdown();

 private:
  struct State;

  void SendOne(const PlannedMessage& planned);

  const Clock& clock_;
  const Options options_;
  const Gateways gateways_;
  // Outlives this as long as a gateway holds an outcome back.
  const std::shared_ptr<State> state_;
  // So that who brings wake-ups does not wait while they are encrypted. Last,
  // so that its thread ends first and finds the rest alive.
  ThreadPool dispatcher_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_WAKE_UP_WAKER_H_
