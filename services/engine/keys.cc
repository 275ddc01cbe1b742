#include "services/engine/keys.h"

#include "absl/strings/str_cat.h"

namespace cofactor::services {

std::string AccountKey(absl::string_view account_id) {
  return absl::StrCat(kAccountPrefix, account_id);
}

std::string MemberKey(absl::string_view account_id,
                      absl::string_view member_id) {
  return absl::StrCat(kAllMembersPrefix, account_id, "/", member_id);
}

std::string MemberPrefix(absl::string_view account_id) {
  return MemberKey(account_id, "");
}

std::string CodeOnlyKey(absl::string_view account_id) {
  return absl::StrCat("o/", account_id);
}

std::string RosterKey(absl::string_view account_id) {
  return absl::StrCat("r/", account_id);
}

std::string ChallengeKey(absl::string_view challenge_id) {
  return absl::StrCat(kChallengePrefix, challenge_id);
}

std::string ChallengeListKey(absl::string_view account_id,
                             absl::string_view member_id,
                             absl::string_view challenge_id) {
  return absl::StrCat(kChallengeMarkPrefix, account_id, "/", member_id, "/",
                      challenge_id);
}

std::string ChallengeListPrefix(absl::string_view account_id,
                                absl::string_view member_id) {
  return member_id.empty() ? absl::StrCat(kChallengeMarkPrefix, account_id, "/")
                           : ChallengeListKey(account_id, member_id, "");
}

std::string IdempotencyKey(absl::string_view client_id,
                           absl::string_view request_id) {
  return absl::StrCat(kIdempotencyPrefix, client_id, "/", request_id);
}

std::string MessageKey(absl::string_view message_id) {
  return absl::StrCat("q/", message_id);
}

std::string ClientKey(absl::string_view client_id) {
  return absl::StrCat(kClientPrefix, client_id);
}

std::string DecoyKey(uint32_t place) {
  return absl::StrCat("u/", absl::Hex(place, absl::kZeroPad6));
}

std::string SendLimitKey(char kind, absl::string_view whose) {
  return absl::StrCat(kSendLimitPrefix, absl::string_view(&kind, 1), "/",
                      whose);
}

}  // namespace cofactor::services
