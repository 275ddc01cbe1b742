#ifndef COFACTOR_SERVICES_CHALLENGE_HUB_H_
#define COFACTOR_SERVICES_CHALLENGE_HUB_H_

#include <cstddef>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "services/engine/challenge_listener.h"

namespace cofactor::services {

// Tells those who wait for challenges that something has changed, or that a
// time has come. It costs nothing for those whom it does not concern: nobody is
// asked in turn. Thread-safe.
//
// Locks are taken in this order: what calls to subscribers holds, the
// subscriber's own, the hub's own. So a subscriber may call all but Remove with
// its lock held.
class ChallengeHub final : public ChallengeListener {
 public:
  // One who waits. The calls must not wait, and come from any thread.
  class Subscriber {
   public:
    // What it follows may stand otherwise now.
    virtual void Changed() = 0;
    // The time that it asked for by WakeAt has come. It is woken no more,
    // unless it asks again.
    virtual void TimeHasCome(absl::Time now) = 0;

   protected:
    ~Subscriber() = default;

   private:
    friend class ChallengeHub;

    // Of the hub. Infinite: it waits for no time.
    absl::Time wake_time_ = absl::InfiniteFuture();
    // What it follows; empty if nothing yet.
    std::string topic_;
  };

  // From then on the subscriber hears of changes of a challenge, or of all
  // challenges of a member and of the member. One of them, once.
  void FollowChallenge(Subscriber& subscriber, absl::string_view challenge_id);
  void FollowMember(Subscriber& subscriber, absl::string_view account_id,
                    absl::string_view member_id);

  // Asks to be woken at a time, in the place of the time asked for before.
  void WakeAt(Subscriber& subscriber, absl::Time time);

  // Once it returns, the subscriber is not called any more. To be called with
  // no lock held, and not from a call to a subscriber.
  void Remove(Subscriber& subscriber);

  void ChallengesChanged(const std::vector<ChallengeChange>& changes) override;

  // Wakes those whose time has come, the earliest first. If the clock went back
  // it wakes everybody who waits for a time, for none of them would come.
  void Tick(absl::Time now);

 private:
  void Follow(Subscriber& subscriber, std::string topic);
  void Collect(const std::string& topic, std::vector<Subscriber*>& to)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Held while subscribers are called, so that Remove waits for that.
  Mutex calling_ ABSL_ACQUIRED_BEFORE(mutex_);
  Mutex mutex_;
  std::unordered_multimap<std::string, Subscriber*> followers_
      ABSL_GUARDED_BY(mutex_);
  std::set<std::pair<absl::Time, Subscriber*>> times_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_tick_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CHALLENGE_HUB_H_
