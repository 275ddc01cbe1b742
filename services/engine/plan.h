#ifndef COFACTOR_SERVICES_ENGINE_PLAN_H_
#define COFACTOR_SERVICES_ENGINE_PLAN_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/engine/caller.h"
#include "services/engine/challenge_listener.h"
#include "services/engine/message_sender.h"
#include "storage/store.h"

namespace cofactor::services {

// Format of all records that this server writes, and the only one it reads.
inline constexpr uint32_t kRecordVersion = 1;

// Overwrite the secrets in a record before it is freed.
void WipeSecrets(record::v1::MemberRecord& member);
void WipeSecrets(record::v1::ImportKeyRecord& key);
void WipeSecrets(record::v1::ReceiptKeyRecord& key);
void WipeSecrets(record::v1::ReceiptKeysRecord& keys);

// The error for a record that a later version wrote.
absl::Status UnknownRecordVersion(absl::string_view type, uint32_t version);

// A record as it was read. Move-only, as it may hold secrets.
template <typename RecordProto>
struct Stored {
  RecordProto record;
  storage::Version version = storage::kAbsent;

  Stored() = default;
  Stored(Stored&&) = default;
  Stored& operator=(Stored&&) = default;
  ~Stored() {
    if constexpr (requires(RecordProto & r) { WipeSecrets(r); }) {
      WipeSecrets(record);
    }
  }

  bool exists() const { return version != storage::kAbsent; }
};

// Decodes what a key holds. FAILED_PRECONDITION: a later version wrote it; it
// is never guessed. DATA_LOSS: it is no such record.
template <typename RecordProto>
absl::StatusOr<Stored<RecordProto>> Decode(storage::Record raw) {
  Stored<RecordProto> stored;
  stored.version = raw.version;
  if (!stored.exists()) return stored;
  const bool parsed = stored.record.ParseFromString(raw.value);
  Wipe(raw.value);
  if (!parsed || stored.record.version() == 0) {
    return absl::DataLossError("a record in the store is damaged");
  }
  if (stored.record.version() > kRecordVersion) {
    return UnknownRecordVersion(RecordProto::descriptor()->name(),
                                stored.record.version());
  }
  return stored;
}

// Version of a record that the plan has written itself.
inline constexpr storage::Version kPlanned = ~storage::Version{0};

// What a call reads at one moment, and what it wants changed. Every record read
// becomes a condition of the transaction, so that a decision is committed only
// if all that it rests on still holds. Thread-compatible; one per try.
class Plan {
 public:
  // snapshot, caller: not owned; must outlive this.
  Plan(const storage::Snapshot& snapshot, absl::Time now, const Caller& caller)
      : snapshot_(snapshot), now_(now), caller_(caller) {}

  absl::Time now() const { return now_; }
  const Caller& caller() const { return caller_; }

  // Has what is written committed also if the call is refused with
  // FAILED_PRECONDITION: a wrong guess that was counted stays counted. All that
  // is in the plan then is kept, but nothing is sent.
  void KeepIfRefused() { keep_if_refused_ = true; }
  bool keeps_if_refused() const { return keep_if_refused_; }

  // What the audit log will tell of this call, as far as it is known. A plan
  // that changes something is told of anyway; one that sets a result here is
  // told of also if it changes nothing.
  record::v1::AuditRecord& audit() { return audit_; }

  // Reads a record, or finds that there is none. What this plan has written
  // itself is there already, so that one decision can build on another; its
  // version is then kPlanned.
  template <typename RecordProto>
  absl::StatusOr<Stored<RecordProto>> Read(absl::string_view key) {
    if (const storage::Transaction::Write* planned = FindWrite(key)) {
      storage::Record raw;
      if (!planned->is_delete) {
        raw.value = planned->value;
        raw.version = kPlanned;
      }
      return Decode<RecordProto>(std::move(raw));
    }
    ASSIGN_OR_RETURN(storage::Record raw, snapshot_.Get(key));
    transaction_.Expect(key, raw.version);
    return Decode<RecordProto>(std::move(raw));
  }

  // Writes a record over whatever the key holds.
  template <typename RecordProto>
  void Write(absl::string_view key, RecordProto& record,
             absl::Time expire_time = absl::InfiniteFuture()) {
    record.set_version(kRecordVersion);
    AddWrite({std::string(key), record.SerializeAsString(), expire_time,
              /*is_delete=*/false});
  }

  // Writes an empty record, which is there for its key alone.
  void WriteMark(absl::string_view key, absl::Time expire_time) {
    AddWrite({std::string(key), "", expire_time, /*is_delete=*/false});
  }

  void Delete(absl::string_view key) {
    AddWrite({std::string(key), "", absl::InfiniteFuture(),
              /*is_delete=*/true});
  }

  // Has a message sent once the transaction is on disk.
  void Send(PlannedMessage message) { messages_.push_back(std::move(message)); }

  // Has listeners told once the transaction is on disk.
  void Announce(ChallengeChange change) {
    changes_.push_back(std::move(change));
  }

  // For scans, which do not see what this plan has written. What they find is
  // no condition: a caller that decides on it needs a record that changes
  // whenever the result does.
  const storage::Snapshot& snapshot() const { return snapshot_; }

  // What is planned at a moment, to come back to if the next part of a decision
  // fails and another way is taken. What was read since stays a condition.
  class Savepoint;
  Savepoint Save() const;
  void RollBack(Savepoint savepoint);

  bool writes_nothing() const { return transaction_.writes().empty(); }
  storage::Transaction TakeTransaction() { return std::move(transaction_); }
  std::vector<PlannedMessage> TakeMessages() { return std::move(messages_); }
  std::vector<ChallengeChange> TakeChanges() { return std::move(changes_); }

 private:
  struct KeyOrder {
    using is_transparent = void;
    bool operator()(absl::string_view a, absl::string_view b) const {
      return a < b;
    }
  };

  // What this plan does to a key; null: nothing yet.
  const storage::Transaction::Write* FindWrite(absl::string_view key) const;
  // Takes the place of what this plan did to the key before.
  void AddWrite(storage::Transaction::Write write);

  const storage::Snapshot& snapshot_;
  const absl::Time now_;
  const Caller& caller_;
  bool keep_if_refused_ = false;
  record::v1::AuditRecord audit_;
  storage::Transaction transaction_;
  // Where the write of a key stands in the transaction.
  std::map<std::string, size_t, KeyOrder> write_of_key_;
  std::vector<PlannedMessage> messages_;
  std::vector<ChallengeChange> changes_;
};

class Plan::Savepoint {
 public:
  Savepoint(Savepoint&&) = default;
  Savepoint& operator=(Savepoint&&) = default;
  ~Savepoint() {
    for (storage::Transaction::Write& write : writes) Wipe(write.value);
  }

 private:
  friend class Plan;
  Savepoint() = default;

  record::v1::AuditRecord audit;
  std::vector<storage::Transaction::Write> writes;
  size_t messages = 0;
  size_t changes = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_PLAN_H_
