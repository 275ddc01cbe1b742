#include "services/engine/keys.h"

#include <openssl/sha.h>

#include <cstdint>

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

std::string ClientKey(absl::string_view client_id) {
  return absl::StrCat(kClientPrefix, client_id);
}

std::string DecoyKey(absl::string_view account_id, absl::string_view member_id,
                     absl::string_view factor_type) {
  // Ids hold no '/', so that no two triples give the same.
  const std::string whose =
      absl::StrCat(account_id, "/", member_id, "/", factor_type);
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(whose.data()), whose.size(), digest);
  const uint32_t place = uint32_t{digest[0]} << 12 | uint32_t{digest[1]} << 4 |
                         uint32_t{digest[2]} >> 4;
  return absl::StrCat("u/", absl::Hex(place, absl::kZeroPad5));
}

std::string SendLimitKey(char kind, absl::string_view whose) {
  return absl::StrCat(kSendLimitPrefix, absl::string_view(&kind, 1), "/",
                      whose);
}

}  // namespace cofactor::services
