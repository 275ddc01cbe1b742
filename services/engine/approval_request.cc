#include "services/engine/approval_request.h"

#include <cstdint>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/challenge_records.h"
#include "services/engine/input.h"

namespace cofactor::services {
namespace {

constexpr uint32_t kFewestMembers = 2;
constexpr uint32_t kMostMembers = 16;

constexpr absl::Duration kDefaultLifetime = absl::Hours(1);
constexpr absl::Duration kShortestLifetime = absl::Minutes(1);
constexpr absl::Duration kLongestLifetime = absl::Hours(24 * 7);

absl::StatusOr<absl::Duration> Lifetime(
    const v1::ApproveTogetherRequest& request) {
  if (!request.has_lifetime()) return kDefaultLifetime;
  ASSIGN_OR_RETURN(const absl::Duration lifetime,
                   ToDuration("lifetime", request.lifetime()));
  if (lifetime < kShortestLifetime || lifetime > kLongestLifetime) {
    return InvalidField("lifetime", "want 1 minute to 7 days");
  }
  return lifetime;
}

absl::Status CheckMembers(const v1::ApproveTogetherRequest& request) {
  if (request.wanted_members() < kFewestMembers ||
      request.wanted_members() > kMostMembers) {
    return InvalidField("wanted_members", "want 2 to 16");
  }
  if (request.member_ids_size() > kMostAskedMembers) {
    return InvalidField("member_ids",
                        absl::StrCat("want at most ", kMostAskedMembers));
  }
  std::set<absl::string_view> distinct;
  for (const std::string& member_id : request.member_ids()) {
    RETURN_IF_ERROR(CheckId("member_ids", member_id));
    if (!distinct.insert(member_id).second) {
      return InvalidField("member_ids", "names somebody twice");
    }
  }
  if (!distinct.empty() && distinct.size() < request.wanted_members()) {
    return InvalidField("member_ids",
                        "names fewer than wanted_members: nobody else could "
                        "approve");
  }
  return absl::OkStatus();
}

absl::Status CheckFactors(const v1::ApproveTogetherRequest& request) {
  std::set<absl::string_view> distinct;
  for (const std::string& factor_type : request.factor_types()) {
    if (!distinct.insert(factor_type).second) {
      return InvalidField("factor_types", "names a factor twice");
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<absl::Duration> CheckRequest(
    const v1::ApproveTogetherRequest& request) {
  RETURN_IF_ERROR(CheckPurpose(request.purpose()));
  RETURN_IF_ERROR(CheckDetails(request.details()));
  RETURN_IF_ERROR(CheckMembers(request));
  RETURN_IF_ERROR(CheckFactors(request));
  return Lifetime(request);
}

}  // namespace cofactor::services
