#ifndef COFACTOR_SERVICES_MESSENGER_FAILOVER_H_
#define COFACTOR_SERVICES_MESSENGER_FAILOVER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/clock.h"
#include "services/messenger/gateway.h"

namespace cofactor::services {

// Hands each text to the first of several gateways that takes it. Thread-safe.
//
// A gateway that has certainly not sent a text (kNotSent, kMisconfigured,
// kRefusedHere) makes way for the next. After any other outcome, kUnknown above
// all, the text goes nowhere else: nobody gets two codes, or pays for two.
//
// A gateway that fails again and again is left out for a while, and so is one
// with too many texts under way, so that a gateway that hangs holds up no more
// than its share of threads.
class Failover final : public SmsGateway {
 public:
  struct Options {
    std::string name = "failover";
    // Texts under way at one gateway. At least 1.
    size_t max_under_way = 8;
    // So many failures in a row, kNotSent, kMisconfigured or kUnknown, open the
    // breaker of a gateway. At least 1.
    int failures_to_open = 5;
    // After that long, one text at a time tries whether it works again.
    absl::Duration open_for = absl::Seconds(30);
    // With less time than this no gateway is asked: it would seem to fail, and
    // those who give no time could open the breaker for all.
    absl::Duration min_time = absl::Seconds(1);
  };

  enum class Breaker {
    // Texts go through.
    kClosed,
    // None does.
    kOpen,
    // One tries, or the next one will.
    kHalfOpen,
  };

  // Of one gateway, for metrics and for those who watch.
  struct Health {
    std::string gateway;
    Breaker breaker = Breaker::kClosed;
    size_t under_way = 0;
    int failures_in_a_row = 0;
  };

  // clock: not owned; must outlive this and all texts under way; that of the
  // gateways. gateways: at least one, in the order in which they are asked.
  Failover(const Clock& clock, const Options& options,
           std::vector<std::unique_ptr<SmsGateway>> gateways);

  // Texts under way go on: the gateways live until the last of them has ended.
  ~Failover() override;

  const std::string& name() const override;

  // The outcome is that of the gateway that ended the search. If all made way,
  // it is the one that says most: kNotSent before kMisconfigured before
  // kRefusedHere, and the first of these. A gateway that is left out counts as
  // kNotSent. With too little time it is kNotSent with the name of this.
  void Send(const SmsMessage& message, Done done) override;

  std::vector<Health> GetHealth() const;

 private:
  class Route;
  struct Core;
  struct Search;

  static void AskNext(std::unique_ptr<Search> search);

  const std::shared_ptr<const Core> core_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_FAILOVER_H_
