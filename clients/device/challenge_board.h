#ifndef COFACTOR_CLIENTS_DEVICE_CHALLENGE_BOARD_H_
#define COFACTOR_CLIENTS_DEVICE_CHALLENGE_BOARD_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "cofactor/v1/device.pb.h"

namespace cofactor::device {

// Challenges that were shown and wait for the person. Thread-safe.
class ChallengeBoard {
 public:
  struct Shown {
    // Counted from 1, and never given twice.
    size_t index = 0;
    // Name of the push device.
    std::string device;
    // As it was shown.
    cofactor::v1::DeviceChallenge challenge;
  };

  // Puts up a challenge that is about to be shown. Returns nothing if just this
  // one was shown already: it came again. One that came with another content is
  // to be shown again, as what is signed is what was shown last.
  std::optional<Shown> Add(const std::string& device,
                           const cofactor::v1::DeviceChallenge& challenge);

  // Takes it down. Returns whether it was up.
  bool Remove(const std::string& challenge_id);

  std::optional<Shown> Find(const std::string& challenge_id) const;

  // By its index. 0: the only one there is, or nothing if there are more.
  std::optional<Shown> FindIndex(size_t index) const;

  size_t size() const;

 private:
  mutable Mutex mutex_;
  size_t last_index_ ABSL_GUARDED_BY(mutex_) = 0;
  // By the id of the challenge.
  std::map<std::string, Shown> shown_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_CHALLENGE_BOARD_H_
