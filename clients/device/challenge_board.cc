#include "clients/device/challenge_board.h"

#include "clients/device/device_connection.h"
#include "factors/push/signed_bytes.h"

namespace cofactor::device {
namespace {

// Whether a signature would be over the same.
bool ShowTheSame(const cofactor::v1::DeviceChallenge& a,
                 const cofactor::v1::DeviceChallenge& b) {
  return ExpireTimeOf(a) == ExpireTimeOf(b) &&
         factors::push::DetailsDigest(a.purpose(), a.details()) ==
             factors::push::DetailsDigest(b.purpose(), b.details());
}

}  // namespace

std::optional<ChallengeBoard::Shown> ChallengeBoard::Add(
    const std::string& device, const cofactor::v1::DeviceChallenge& challenge) {
  MutexLock lock(mutex_);
  Shown& shown = shown_[challenge.challenge_id()];
  if (shown.index != 0 && shown.device == device &&
      ShowTheSame(shown.challenge, challenge)) {
    return std::nullopt;
  }
  shown = {++last_index_, device, challenge};
  return shown;
}

bool ChallengeBoard::Remove(const std::string& challenge_id) {
  MutexLock lock(mutex_);
  return shown_.erase(challenge_id) != 0;
}

std::optional<ChallengeBoard::Shown> ChallengeBoard::Find(
    const std::string& challenge_id) const {
  MutexLock lock(mutex_);
  const auto found = shown_.find(challenge_id);
  if (found == shown_.end()) return std::nullopt;
  return found->second;
}

std::optional<ChallengeBoard::Shown> ChallengeBoard::FindIndex(
    size_t index) const {
  MutexLock lock(mutex_);
  if (index == 0) {
    if (shown_.size() != 1) return std::nullopt;
    return shown_.begin()->second;
  }
  for (const auto& [challenge_id, shown] : shown_) {
    if (shown.index == index) return shown;
  }
  return std::nullopt;
}

size_t ChallengeBoard::size() const {
  MutexLock lock(mutex_);
  return shown_.size();
}

}  // namespace cofactor::device
