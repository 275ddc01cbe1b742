#include "services/engine/sign_in_ways.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "services/engine/rules.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::EnrollmentRecord;

using Candidates = std::vector<Candidate>;

Candidates Joined(Candidates a, const Candidates& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

bool IsOneOf(const Candidates& candidates, const Candidate& wanted) {
  return std::any_of(candidates.begin(), candidates.end(),
                     [&wanted](const Candidate& candidate) {
                       return candidate.enrollment_id == wanted.enrollment_id;
                     });
}

// Those of wanted that help towards a level, if all of them can be proven. One
// that has answered already helps no more.
Candidates Useful(const SignInScene& scene, const Candidates& wanted,
                  const Candidates& others, int level) {
  const Candidates all = Joined(wanted, others);
  Candidates useful;
  for (const size_t place : UsefulNext(scene.policy, scene.steps, all, level)) {
    if (IsOneOf(wanted, all[place])) useful.push_back(all[place]);
  }
  return useful;
}

bool IsInGrace(const SignInScene& scene) {
  if (!scene.policy.has_enrollment_grace()) return false;
  const auto& grace = scene.policy.enrollment_grace();
  return scene.now < absl::FromUnixMicros(scene.member.create_micros()) +
                         absl::Seconds(grace.seconds()) +
                         absl::Nanoseconds(grace.nanos());
}

// One enrollment for each factor that the member could bind, as if it were
// bound. Their ids are those of no enrollment.
Candidates Bindable(const SignInScene& scene) {
  Candidates bindable;
  for (const factors::Factor* factor : scene.registry.All()) {
    const factors::FactorDescriptor& descriptor = factor->descriptor();
    const bool is_used_up =
        descriptor.replay_guard == factors::ReplayGuard::kStateChange &&
        !descriptor.needs_challenge;
    // A second one of a factor that a member has once replaces the first, so
    // that it is no way on but a way around.
    const bool would_replace =
        descriptor.single && HasConfirmed(scene.member, descriptor.type_id);
    if (is_used_up || would_replace ||
        !IsAllowed(scene.policy, descriptor.type_id)) {
      continue;
    }
    bindable.push_back({absl::StrCat("new/", descriptor.type_id), factor});
  }
  return bindable;
}

// Where the way leads.
struct Way {
  // The level that the member's own factors have to reach first.
  int level = kNoLevel;
  // Factors to bind that they need beside them; empty: none.
  Candidates bindable;
  // Nothing is asked of the own ones any more: one of these may be bound.
  Candidates bindable_now;
  // Nothing leads to the level of the sign-in.
  bool closed = false;
};

Way FindWay(const SignInScene& scene) {
  Way way;
  way.level = scene.level;
  const Candidates confirmed =
      ConfirmedOf(scene.policy, scene.registry, scene.member);
  const int reachable = ReachableLevel(scene.policy, confirmed);
  if (reachable >= scene.level) return way;
  const Candidates bindable = IsInGrace(scene) ? Bindable(scene) : Candidates();
  const Candidates helpful = Useful(scene, bindable, confirmed, scene.level);
  if (helpful.empty()) {
    way.closed = true;
  } else if (ReachedLevel(scene.policy, scene.steps) < reachable) {
    way.level = reachable;
  } else if (!Useful(scene, confirmed, bindable, scene.level).empty()) {
    way.bindable = bindable;
  } else if (!scene.steps.empty()) {
    way.bindable_now = helpful;
  } else {
    way.closed = true;
  }
  return way;
}

Candidates ActiveOf(const SignInScene& scene) {
  Candidates active = ConfirmedOf(scene.policy, scene.registry, scene.member);
  active.erase(
      std::remove_if(active.begin(), active.end(),
                     [&scene](const Candidate& candidate) {
                       return std::none_of(
                           scene.member.enrollments().begin(),
                           scene.member.enrollments().end(),
                           [&candidate](const EnrollmentRecord& enrollment) {
                             return enrollment.enrollment_id() ==
                                        candidate.enrollment_id &&
                                    IsActive(enrollment);
                           });
                     }),
      active.end());
  return active;
}

// What of a pool can go on.
Candidates On(const SignInScene& scene, const Way& way,
              const Candidates& pool) {
  if (way.closed || !way.bindable_now.empty()) return {};
  return Useful(scene, pool, way.bindable, way.level);
}

}  // namespace

bool IsReached(const SignInScene& scene, bool is_step_up) {
  return ReachedLevel(scene.policy, scene.steps) >= scene.level ||
         (!is_step_up &&
          IsRememberedEnough(scene.policy, scene.steps, scene.level));
}

Ways FindWays(const SignInScene& scene) {
  const Way way = FindWay(scene);
  Ways ways;
  ways.enrollments =
      On(scene, way,
         CandidatesOf(scene.policy, scene.registry, scene.member, scene.now));
  if (ways.enrollments.empty()) {
    ways.enrollments = On(scene, way, ActiveOf(scene));
  }
  for (const Candidate& candidate : way.bindable_now) {
    ways.enrollable_factor_types.push_back(
        candidate.factor->descriptor().type_id);
  }
  return ways;
}

std::vector<Candidate> FindAnswerable(const SignInScene& scene) {
  return On(scene, FindWay(scene), ActiveOf(scene));
}

}  // namespace cofactor::services
