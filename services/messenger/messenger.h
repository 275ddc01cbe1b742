#ifndef COFACTOR_SERVICES_MESSENGER_MESSENGER_H_
#define COFACTOR_SERVICES_MESSENGER_MESSENGER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/message_sender.h"
#include "services/messenger/code_texts.h"
#include "services/messenger/gateway.h"

namespace cofactor::services {

// Takes codes and notices to phones: writes the text, hands it to a gateway
// once, and tells what became of it. Thread-safe.
//
// What waits is in memory alone. After a crash nobody knows whether it was
// sent, so nobody sends it again: the person asks for another code.
class Messenger final : public MessageSender {
 public:
  // Must not wait, nor call the messenger.
  using Report = std::function<void(record::v1::DeliveryReport)>;

  struct Options {
    // Messages that the gateway has at once, and messages that may wait.
    size_t max_under_way = 16;
    size_t max_waiting = 4096;
    // For one message at the gateway, within its own expiry.
    absl::Duration max_time = absl::Seconds(30);
  };

  // clock: not owned; must outlive this; that of the gateway.
  Messenger(const Clock& clock, const Options& options, CodeTexts texts,
            std::unique_ptr<SmsGateway> gateway, Report report);

  // As Shutdown.
  ~Messenger() override;

  // Reports on each message once:
  //   SENT     a gateway took it.
  //   QUEUED   it took it, but the network is away; or, with the reason
  //            OUTCOME_UNKNOWN, it did not say whether it did.
  //   FAILED   nobody took it, with the gateway's reason; or TOO_MANY_WAITING,
  //            UNKNOWN_CHANNEL, SHUTTING_DOWN.
  //   EXPIRED  its time was over before it was sent.
  void Send(std::vector<PlannedMessage> messages) override;

  // Takes no more, gives up what waits, and waits for what is under way, for
  // max_time at most; no report follows. Idempotent.
  void Shutdown();

 private:
  struct State;

  void SendWaiting();
  void SendOne(PlannedMessage planned);

  const Clock& clock_;
  const Options options_;
  const CodeTexts texts_;
  const std::unique_ptr<SmsGateway> gateway_;
  // Outlives this as long as a gateway holds an outcome back.
  const std::shared_ptr<State> state_;
  // So that who brings messages does not wait for gateways. Last, so that its
  // thread ends first and finds the rest alive.
  ThreadPool dispatcher_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_MESSENGER_H_
