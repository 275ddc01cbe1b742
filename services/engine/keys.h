#ifndef COFACTOR_SERVICES_ENGINE_KEYS_H_
#define COFACTOR_SERVICES_ENGINE_KEYS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cofactor::services {

// Keys of the records. They are part of the format on disk: do not change them.
// Ids hold no '/' (CheckId), so no key of one account is a prefix of another's.

// AccountRecord.
std::string AccountKey(absl::string_view account_id);
inline constexpr absl::string_view kAccountPrefix = "a/";

// MemberRecord.
std::string MemberKey(absl::string_view account_id,
                      absl::string_view member_id);
std::string MemberPrefix(absl::string_view account_id);
inline constexpr absl::string_view kAllMembersPrefix = "m/";

// CodeOnlyRecord.
std::string CodeOnlyKey(absl::string_view account_id);

// RosterRecord.
std::string RosterKey(absl::string_view account_id);

// ChallengeRecord.
std::string ChallengeKey(absl::string_view challenge_id);
inline constexpr absl::string_view kChallengePrefix = "c/";

// Empty record that lists a challenge under its member. The prefix takes in all
// members of the account if member_id is empty.
std::string ChallengeListKey(absl::string_view account_id,
                             absl::string_view member_id,
                             absl::string_view challenge_id);
std::string ChallengeListPrefix(absl::string_view account_id,
                                absl::string_view member_id);
inline constexpr absl::string_view kChallengeMarkPrefix = "d/";

// IdempotencyRecord. Each client has request ids of its own.
std::string IdempotencyKey(absl::string_view client_id,
                           absl::string_view request_id);
inline constexpr absl::string_view kIdempotencyPrefix = "i/";

// MessageRecord.
std::string MessageKey(absl::string_view message_id);

// ClientRecord.
std::string ClientKey(absl::string_view client_id);
inline constexpr absl::string_view kClientPrefix = "k/";

// RosterRecord that changes with every client.
inline constexpr absl::string_view kClientRosterKey = "x/clients";

// MemberRecord of nobody, in one of 2^24 places.
std::string DecoyKey(uint32_t place);

// DecoyKeyRecord.
inline constexpr absl::string_view kDecoySecretKey = "x/decoy";

// SendLimitRecord. kind: one letter. whose: an id, or a hash of what is
// personal data: keys are not sealed.
std::string SendLimitKey(char kind, absl::string_view whose);
inline constexpr absl::string_view kSendLimitPrefix = "l/";

// SendSaltRecord.
inline constexpr absl::string_view kSendSaltKey = "x/send_salt";

// PolicyRecord.
std::string PolicyKey(absl::string_view account_id);

// PolicyVersionRecord. A later one stands before an earlier one.
std::string PolicyVersionKey(absl::string_view account_id, uint32_t version);
std::string PolicyVersionPrefix(absl::string_view account_id);

// ShadowDifferenceRecord. A later one stands before an earlier one.
std::string ShadowDifferenceKey(absl::string_view account_id, absl::Time time,
                                absl::string_view sign_in_id);
std::string ShadowDifferencePrefix(absl::string_view account_id);

// SignInRecord.
std::string SignInKey(absl::string_view sign_in_id);
inline constexpr absl::string_view kSignInPrefix = "n/";

// SessionRecord.
std::string SessionKey(absl::string_view session_id);
inline constexpr absl::string_view kSessionPrefix = "e/";

// Empty record that lists a session under its member.
std::string SessionListKey(absl::string_view account_id,
                           absl::string_view member_id,
                           absl::string_view session_id);
std::string SessionListPrefix(absl::string_view account_id,
                              absl::string_view member_id);
inline constexpr absl::string_view kSessionMarkPrefix = "f/";

// RememberedDevicesRecord.
std::string RememberedDevicesKey(absl::string_view account_id,
                                 absl::string_view member_id);
inline constexpr absl::string_view kRememberedDevicesPrefix = "b/";

// RecoveryRecord.
std::string RecoveryKey(absl::string_view account_id,
                        absl::string_view member_id);
std::string RecoveryPrefix(absl::string_view account_id);
inline constexpr absl::string_view kAllRecoveriesPrefix = "v/";

// ApprovalRecord.
std::string ApprovalKey(absl::string_view approval_id);
inline constexpr absl::string_view kApprovalPrefix = "g/";

// ReceiptKeysRecord.
inline constexpr absl::string_view kReceiptKeysKey = "x/receipts";

// Log of AuditRecords (storage/log.h).
inline constexpr absl::string_view kAuditLog = "audit";

// ClockRecord.
inline constexpr absl::string_view kClockKey = "x/clock";

// ImportKeyRecord.
inline constexpr absl::string_view kImportKey = "x/import";

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_KEYS_H_
