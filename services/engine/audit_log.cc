#include "services/engine/audit_log.h"

#include <openssl/sha.h>

#include <utility>

#include "base/status_macros.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

constexpr size_t kEventIdBytes = 16;

std::string DigestOf(absl::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

}  // namespace

void AuditLog::Append(record::v1::AuditRecord event, absl::Time now,
                      storage::Transaction& transaction) const {
  event.set_version(kRecordVersion);
  uint8_t event_id[kEventIdBytes];
  randomness_.Fill(absl::MakeSpan(event_id));
  event.set_event_id(event_id, sizeof(event_id));
  event.set_time_micros(absl::ToUnixMicros(now));
  storage::Transaction::Append append;
  append.log = std::string(kAuditLog);
  append.value = event.SerializeAsString();
  append.digest = DigestOf(append.value);
  append.expire_time = now + retention_;
  transaction.AppendTo(std::move(append));
}

absl::StatusOr<LoggedEvent> DecodeEvent(const storage::Entry& entry) {
  LoggedEvent event;
  ASSIGN_OR_RETURN(event.place,
                   storage::DecodeLogRecord(storage::SequenceOf(entry.key),
                                            entry.record.value));
  event.digest = DigestOf(event.place.value);
  storage::Record raw = entry.record;
  raw.value = std::string(event.place.value);
  ASSIGN_OR_RETURN(auto decoded,
                   Decode<record::v1::AuditRecord>(std::move(raw)));
  event.record = std::move(decoded.record);
  return event;
}

v1::AuditEvent ViewOf(uint64_t sequence, const LoggedEvent& event) {
  v1::AuditEvent view;
  view.set_sequence(sequence);
  view.set_link(event.place.link);
  *view.mutable_time() =
      ToTimestamp(absl::FromUnixMicros(event.record.time_micros()));
  view.set_action(event.record.action());
  view.set_account_id(event.record.account_id());
  view.set_member_id(event.record.member_id());
  view.set_enrollment_id(event.record.enrollment_id());
  view.set_challenge_id(event.record.challenge_id());
  view.set_factor_type(event.record.factor_type());
  view.set_result(static_cast<v1::AuditResult>(event.record.result()));
  view.set_reason(event.record.reason());
  view.set_client_id(event.record.client_id());
  view.set_peer(event.record.peer());
  view.set_request_id(event.record.request_id());
  view.set_trace_id(event.record.trace_id());
  view.set_lock_began(event.record.lock_began());
  view.set_note(event.record.note());
  return view;
}

}  // namespace cofactor::services
