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

std::string PolicyKey(absl::string_view account_id) {
  return absl::StrCat("p/", account_id);
}

std::string PolicyVersionKey(absl::string_view account_id, uint32_t version) {
  return absl::StrCat(PolicyVersionPrefix(account_id),
                      absl::Hex(~version, absl::kZeroPad8));
}

std::string PolicyVersionPrefix(absl::string_view account_id) {
  return absl::StrCat("h/", account_id, "/");
}

std::string ShadowDifferenceKey(absl::string_view account_id, absl::Time time,
                                absl::string_view sign_in_id) {
  const uint64_t micros = static_cast<uint64_t>(absl::ToUnixMicros(time));
  return absl::StrCat(ShadowDifferencePrefix(account_id),
                      absl::Hex(~micros, absl::kZeroPad16), "/", sign_in_id);
}

std::string ShadowDifferencePrefix(absl::string_view account_id) {
  return absl::StrCat("w/", account_id, "/");
}

std::string SignInKey(absl::string_view sign_in_id) {
  return absl::StrCat(kSignInPrefix, sign_in_id);
}

std::string SessionKey(absl::string_view session_id) {
  return absl::StrCat(kSessionPrefix, session_id);
}

std::string SessionListKey(absl::string_view account_id,
                           absl::string_view member_id,
                           absl::string_view session_id) {
  return absl::StrCat(SessionListPrefix(account_id, member_id), session_id);
}

std::string SessionListPrefix(absl::string_view account_id,
                              absl::string_view member_id) {
  return absl::StrCat(kSessionMarkPrefix, account_id, "/", member_id, "/");
}

std::string RememberedDevicesKey(absl::string_view account_id,
                                 absl::string_view member_id) {
  return absl::StrCat(kRememberedDevicesPrefix, account_id, "/", member_id);
}

std::string RecoveryKey(absl::string_view account_id,
                        absl::string_view member_id) {
  return absl::StrCat(RecoveryPrefix(account_id), member_id);
}

std::string RecoveryPrefix(absl::string_view account_id) {
  return absl::StrCat(kAllRecoveriesPrefix, account_id, "/");
}

std::string ApprovalKey(absl::string_view approval_id) {
  return absl::StrCat(kApprovalPrefix, approval_id);
}

}  // namespace cofactor::services
