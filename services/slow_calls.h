#ifndef COFACTOR_SERVICES_SLOW_CALLS_H_
#define COFACTOR_SERVICES_SLOW_CALLS_H_

#include "base/executor.h"
#include "factors/factor_registry.h"
#include "google/protobuf/message.h"

namespace cofactor::services {

// Keeps calls that take long, as those that hash a password, in a pool of their
// own: however many come, they hold up no others and take no more memory than
// its threads do. Thread-safe.
class SlowCalls {
 public:
  // Neither is owned; both must outlive this.
  SlowCalls(const factors::FactorRegistry& registry, Executor& executor)
      : registry_(registry), executor_(executor) {}

  // Whether a call belongs there, told from its request alone, before anything
  // is read: it names a factor that is slow, or brings a password.
  bool Takes(const google::protobuf::Message& request) const;

  Executor& executor() const { return executor_; }

 private:
  const factors::FactorRegistry& registry_;
  Executor& executor_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_SLOW_CALLS_H_
