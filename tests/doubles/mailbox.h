#ifndef COFACTOR_TESTS_DOUBLES_MAILBOX_H_
#define COFACTOR_TESTS_DOUBLES_MAILBOX_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "factors/factor.h"
#include "factors/factor_registry.h"

namespace cofactor {

// The codes of all messages that factors asked to be sent, in their order: the
// phone of a test. Thread-safe.
class Mailbox {
 public:
  void Put(const std::vector<factors::OutgoingMessage>& messages);

  std::vector<std::string> codes() const;

 private:
  mutable Mutex mutex_;
  std::vector<std::string> codes_ ABSL_GUARDED_BY(mutex_);
};

// The same factors, with a copy of every message that they make in the mailbox.
// It takes no host that delivers. Neither is owned; both must outlive what is
// returned.
factors::FactorRegistry CopyMessages(const factors::FactorRegistry& factors,
                                     Mailbox& mailbox);

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_MAILBOX_H_
