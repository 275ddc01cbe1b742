#ifndef COFACTOR_SERVICES_ENGINE_CHALLENGE_LISTENER_H_
#define COFACTOR_SERVICES_ENGINE_CHALLENGE_LISTENER_H_

#include <string>
#include <vector>

namespace cofactor::services {

// A challenge that was created or changed, or a member whose challenges may
// stand otherwise now.
struct ChallengeChange {
  std::string account_id;
  std::string member_id;
  // Empty if it is the member that changed.
  std::string challenge_id;
};

// Hears of changes by this process once they are on disk. Thread-safe.
class ChallengeListener {
 public:
  virtual ~ChallengeListener() = default;

  // Called before the caller is answered, on a thread that must not be held up.
  virtual void ChallengesChanged(
      const std::vector<ChallengeChange>& changes) = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_CHALLENGE_LISTENER_H_
