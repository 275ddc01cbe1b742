#ifndef COFACTOR_SERVICES_MESSENGER_OUTBOX_GATEWAY_H_
#define COFACTOR_SERVICES_MESSENGER_OUTBOX_GATEWAY_H_

#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "services/messenger/gateway.h"

namespace cofactor::services {

// Sends nothing: keeps the last texts in memory, codes and all, for --dev.
// Thread-safe.
class OutboxGateway final : public SmsGateway {
 public:
  struct Entry {
    SmsMessage message;
    absl::Time send_time;
  };

  // clock: not owned; must outlive this. capacity: at least 1; the oldest text
  // makes room.
  OutboxGateway(const Clock& clock, std::string name, size_t capacity)
      : clock_(clock), name_(std::move(name)), capacity_(capacity) {}

  const std::string& name() const override { return name_; }

  // Accepts, under the id of the message.
  void Send(const SmsMessage& message, Done done) override;

  // Copies of what it holds, the oldest first.
  std::vector<Entry> Entries() const;

 private:
  const Clock& clock_;
  const std::string name_;
  const size_t capacity_;
  mutable Mutex mutex_;
  std::deque<Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_OUTBOX_GATEWAY_H_
