#include "services/engine/plan.h"

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace cofactor::services {

void WipeSecrets(record::v1::MemberRecord& member) {
  for (record::v1::EnrollmentRecord& enrollment :
       *member.mutable_enrollments()) {
    Wipe(*enrollment.mutable_factor_state());
  }
}

void WipeSecrets(record::v1::ImportKeyRecord& key) {
  Wipe(*key.mutable_private_key());
}

void WipeSecrets(record::v1::ReceiptKeyRecord& key) {
  Wipe(*key.mutable_private_key());
}

void WipeSecrets(record::v1::ReceiptKeysRecord& keys) {
  for (record::v1::ReceiptKeyRecord& key : *keys.mutable_keys()) {
    WipeSecrets(key);
  }
}

absl::Status UnknownRecordVersion(absl::string_view type, uint32_t version) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "UNKNOWN_RECORD_VERSION",
      absl::StrCat("the store holds a ", type, " of version ", version,
                   ", written by a later version of this server: start that "
                   "version"));
}

const storage::Transaction::Write* Plan::FindWrite(
    absl::string_view key) const {
  const auto found = write_of_key_.find(key);
  return found == write_of_key_.end() ? nullptr
                                      : &transaction_.writes()[found->second];
}

void Plan::AddWrite(storage::Transaction::Write write) {
  const auto [place, is_new] =
      write_of_key_.try_emplace(write.key, transaction_.writes().size());
  if (is_new) {
    transaction_.mutable_writes().push_back(std::move(write));
    return;
  }
  storage::Transaction::Write& before =
      transaction_.mutable_writes()[place->second];
  Wipe(before.value);
  before = std::move(write);
}

Plan::Savepoint Plan::Save() const {
  Savepoint savepoint;
  savepoint.audit = audit_;
  savepoint.writes = transaction_.writes();
  savepoint.messages = messages_.size();
  savepoint.changes = changes_.size();
  return savepoint;
}

void Plan::RollBack(Savepoint savepoint) {
  audit_ = std::move(savepoint.audit);
  std::vector<storage::Transaction::Write>& writes =
      transaction_.mutable_writes();
  for (storage::Transaction::Write& write : writes) Wipe(write.value);
  writes = std::move(savepoint.writes);
  write_of_key_.clear();
  for (size_t i = 0; i < writes.size(); ++i) write_of_key_[writes[i].key] = i;
  messages_.erase(messages_.begin() + savepoint.messages, messages_.end());
  changes_.erase(changes_.begin() + savepoint.changes, changes_.end());
}

}  // namespace cofactor::services
