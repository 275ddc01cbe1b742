#include "services/challenge_hub.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace cofactor::services {
namespace {

// No id has a slash in it, so that these are never the same.
std::string TopicOf(absl::string_view challenge_id) {
  return std::string(challenge_id);
}

std::string TopicOf(absl::string_view account_id, absl::string_view member_id) {
  return absl::StrCat(account_id, "/", member_id);
}

}  // namespace

void ChallengeHub::FollowChallenge(Subscriber& subscriber,
                                   absl::string_view challenge_id) {
  Follow(subscriber, TopicOf(challenge_id));
}

void ChallengeHub::FollowMember(Subscriber& subscriber,
                                absl::string_view account_id,
                                absl::string_view member_id) {
  Follow(subscriber, TopicOf(account_id, member_id));
}

void ChallengeHub::Follow(Subscriber& subscriber, std::string topic) {
  MutexLock lock(mutex_);
  subscriber.topic_ = std::move(topic);
  followers_.emplace(subscriber.topic_, &subscriber);
}

void ChallengeHub::WakeAt(Subscriber& subscriber, absl::Time time) {
  MutexLock lock(mutex_);
  if (subscriber.wake_time_ == time) return;
  times_.erase({subscriber.wake_time_, &subscriber});
  subscriber.wake_time_ = time;
  if (time != absl::InfiniteFuture()) times_.emplace(time, &subscriber);
}

void ChallengeHub::Remove(Subscriber& subscriber) {
  MutexLock calling(calling_);
  MutexLock lock(mutex_);
  times_.erase({subscriber.wake_time_, &subscriber});
  const auto [begin, end] = followers_.equal_range(subscriber.topic_);
  const auto found = std::find_if(begin, end, [&](const auto& follower) {
    return follower.second == &subscriber;
  });
  if (found != end) followers_.erase(found);
}

void ChallengeHub::Collect(const std::string& topic,
                           std::vector<Subscriber*>& to) {
  const auto [begin, end] = followers_.equal_range(topic);
  for (auto follower = begin; follower != end; ++follower) {
    to.push_back(follower->second);
  }
}

void ChallengeHub::ChallengesChanged(
    const std::vector<ChallengeChange>& changes) {
  MutexLock calling(calling_);
  std::vector<Subscriber*> subscribers;
  {
    MutexLock lock(mutex_);
    for (const ChallengeChange& change : changes) {
      if (!change.challenge_id.empty()) {
        Collect(TopicOf(change.challenge_id), subscribers);
      }
      Collect(TopicOf(change.account_id, change.member_id), subscribers);
    }
  }
  for (Subscriber* subscriber : subscribers) subscriber->Changed();
}

void ChallengeHub::Tick(absl::Time now) {
  MutexLock calling(calling_);
  std::vector<Subscriber*> subscribers;
  {
    MutexLock lock(mutex_);
    const bool went_back = now < last_tick_;
    last_tick_ = now;
    auto waiting = times_.begin();
    for (; waiting != times_.end() && (went_back || waiting->first <= now);
         ++waiting) {
      waiting->second->wake_time_ = absl::InfiniteFuture();
      subscribers.push_back(waiting->second);
    }
    times_.erase(times_.begin(), waiting);
  }
  for (Subscriber* subscriber : subscribers) subscriber->TimeHasCome(now);
}

}  // namespace cofactor::services
