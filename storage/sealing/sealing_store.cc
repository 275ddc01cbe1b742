#include "storage/sealing/sealing_store.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace cofactor::storage {
namespace {

// Format 1, part of the format on disk: do not change it.
constexpr char kFormat = 1;
constexpr size_t kHeaderBytes = 1 + 4;
constexpr absl::string_view kDomain = "cofactor record 1";

std::string MakeHeader(uint32_t key_id) {
  std::string header(1, kFormat);
  for (int shift = 24; shift >= 0; shift -= 8) {
    header.push_back(static_cast<char>(key_id >> shift));
  }
  return header;
}

uint32_t KeyIdOf(absl::string_view header) {
  uint32_t key_id = 0;
  for (size_t i = 1; i < kHeaderBytes; ++i) {
    key_id = key_id << 8 | static_cast<uint8_t>(header[i]);
  }
  return key_id;
}

// The domain has a fixed length and the header too, so that no two pairs of
// header and key give the same.
std::string AssociatedData(absl::string_view header, absl::string_view key) {
  return absl::StrCat(kDomain, header, key);
}

absl::StatusOr<Record> OpenRecord(const KeyRing& key_ring,
                                  absl::string_view key, Record record) {
  if (!record.exists()) return record;
  const absl::string_view value = record.value;
  if (value.size() < kHeaderBytes + XaesGcm::kNonceBytes ||
      value[0] != kFormat) {
    return absl::DataLossError("a value in the store is not sealed");
  }
  const absl::string_view header = value.substr(0, kHeaderBytes);
  const XaesGcm* cipher = key_ring.Find(KeyIdOf(header));
  if (cipher == nullptr) {
    return absl::DataLossError(
        absl::StrCat("a value in the store was sealed with key ",
                     KeyIdOf(header), ", which the key ring does not hold"));
  }
  ASSIGN_OR_RETURN(
      const Secret opened,
      cipher->Open(value.substr(kHeaderBytes, XaesGcm::kNonceBytes),
                   value.substr(kHeaderBytes + XaesGcm::kNonceBytes),
                   AssociatedData(header, key)));
  return Record{std::string(opened.ExposeSecret()), record.version,
                record.expire_time};
}

class OpeningSnapshot final : public Snapshot {
 public:
  OpeningSnapshot(std::unique_ptr<const Snapshot> base, const KeyRing& key_ring)
      : base_(std::move(base)), key_ring_(key_ring) {}

  absl::StatusOr<Record> Get(absl::string_view key) const override {
    ASSIGN_OR_RETURN(Record record, base_->Get(key));
    return OpenRecord(key_ring_, key, std::move(record));
  }

  absl::StatusOr<std::vector<Entry>> Scan(absl::string_view prefix,
                                          absl::string_view start_after,
                                          size_t limit) const override {
    ASSIGN_OR_RETURN(std::vector<Entry> entries,
                     base_->Scan(prefix, start_after, limit));
    for (Entry& entry : entries) {
      ASSIGN_OR_RETURN(entry.record, OpenRecord(key_ring_, entry.key,
                                                std::move(entry.record)));
    }
    return entries;
  }

 private:
  const std::unique_ptr<const Snapshot> base_;
  const KeyRing& key_ring_;
};

}  // namespace

SealingStore::SealingStore(std::unique_ptr<Store> base, KeyRing key_ring,
                           Randomness& randomness)
    : key_ring_(std::move(key_ring)),
      randomness_(randomness),
      base_(std::move(base)) {}

std::unique_ptr<const Snapshot> SealingStore::GetSnapshot() {
  return std::make_unique<OpeningSnapshot>(base_->GetSnapshot(), key_ring_);
}

void SealingStore::Commit(Transaction transaction, CommitDone done) {
  const std::string header = MakeHeader(key_ring_.primary_key_id());
  for (Transaction::Write& write : transaction.mutable_writes()) {
    if (write.is_delete) continue;
    uint8_t nonce_bytes[XaesGcm::kNonceBytes];
    randomness_.Fill(absl::MakeSpan(nonce_bytes));
    const absl::string_view nonce(reinterpret_cast<const char*>(nonce_bytes),
                                  sizeof(nonce_bytes));
    std::string sealed = absl::StrCat(
        header, nonce,
        key_ring_.primary().Seal(nonce, write.value,
                                 AssociatedData(header, write.key)));
    Wipe(write.value);
    write.value = std::move(sealed);
  }
  base_->Commit(std::move(transaction), std::move(done));
}

absl::StatusOr<size_t> SealingStore::RemoveExpired(size_t max_records) {
  return base_->RemoveExpired(max_records);
}

absl::Status SealingStore::Health() const { return base_->Health(); }

}  // namespace cofactor::storage
