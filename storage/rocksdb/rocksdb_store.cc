#include "storage/rocksdb/rocksdb_store.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "storage/rocksdb/backup.h"
#include "storage/rocksdb/committer.h"
#include "storage/rocksdb/database.h"
#include "storage/rocksdb/frame.h"

namespace cofactor::storage {
namespace {

rocksdb::Slice ToSlice(absl::string_view text) {
  return rocksdb::Slice(text.data(), text.size());
}

absl::string_view View(const rocksdb::Slice& slice) {
  return absl::string_view(slice.data(), slice.size());
}

// The least key behind all those with a prefix; empty if there is none.
std::string EndOf(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xFF') end.pop_back();
  if (!end.empty()) {
    end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  }
  return end;
}

class RocksDbSnapshot final : public Snapshot {
 public:
  RocksDbSnapshot(Database& database, absl::Time now)
      : database_(database), now_(now), snapshot_(database.LatestSnapshot()) {
    options_.snapshot = snapshot_.get();
  }

  absl::StatusOr<Record> Get(absl::string_view key) const override {
    RETURN_IF_ERROR(database_.CheckUsable());
    rocksdb::PinnableSlice bytes;
    const rocksdb::Status status =
        database_.db().Get(options_, database_.records(), ToSlice(key), &bytes);
    if (status.IsNotFound()) return Record();
    if (!status.ok()) return ToAbslStatus(status, database_.path());
    return ToRecord(View(bytes));
  }

  absl::StatusOr<std::vector<Entry>> Scan(absl::string_view prefix,
                                          absl::string_view start_after,
                                          size_t limit) const override {
    RETURN_IF_ERROR(database_.CheckUsable());
    // Else it would step over what was removed behind the prefix.
    const std::string end = EndOf(prefix);
    const rocksdb::Slice upper_bound(end);
    rocksdb::ReadOptions options = options_;
    if (!end.empty()) options.iterate_upper_bound = &upper_bound;
    const std::unique_ptr<rocksdb::Iterator> at(
        database_.db().NewIterator(options, database_.records()));
    std::vector<Entry> found;
    at->Seek(ToSlice(start_after < prefix ? prefix : start_after));
    for (; at->Valid() && found.size() < limit &&
           absl::StartsWith(View(at->key()), prefix);
         at->Next()) {
      if (View(at->key()) <= start_after) continue;
      ASSIGN_OR_RETURN(Record record, ToRecord(View(at->value())));
      if (record.exists()) {
        found.push_back({at->key().ToString(), std::move(record)});
      }
    }
    if (!at->status().ok()) {
      return ToAbslStatus(at->status(), database_.path());
    }
    return found;
  }

 private:
  absl::StatusOr<Record> ToRecord(absl::string_view bytes) const {
    ASSIGN_OR_RETURN(const Frame frame, DecodeFrame(bytes));
    if (now_ >= frame.expire_time) return Record();
    return Record{std::string(frame.value), frame.version, frame.expire_time};
  }

  Database& database_;
  const absl::Time now_;
  const std::shared_ptr<const rocksdb::Snapshot> snapshot_;
  rocksdb::ReadOptions options_;
};

}  // namespace

class RocksDbStore::Impl {
 public:
  Impl(std::unique_ptr<Database> database, const Clock& clock,
       const RocksDbOptions& options)
      : clock(clock),
        database(std::move(database)),
        committer(*this->database, clock, options.max_waiting,
                  options.observer) {}

  const Clock& clock;
  const std::unique_ptr<Database> database;
  Committer committer;
  // Held during a backup: two to one folder would take each other's files.
  Mutex backup_mutex;
};

absl::StatusOr<std::unique_ptr<RocksDbStore>> RocksDbStore::Open(
    const RocksDbOptions& options, const Clock& clock) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(options));
  return std::unique_ptr<RocksDbStore>(new RocksDbStore(
      std::make_unique<Impl>(std::move(database), clock, options)));
}

RocksDbStore::RocksDbStore(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

RocksDbStore::~RocksDbStore() = default;

std::unique_ptr<const Snapshot> RocksDbStore::GetSnapshot() {
  return std::make_unique<RocksDbSnapshot>(*impl_->database,
                                           impl_->clock.Now());
}

void RocksDbStore::Commit(Transaction transaction, CommitDone done) {
  impl_->committer.Commit(std::move(transaction), std::move(done));
}

absl::StatusOr<size_t> RocksDbStore::RemoveExpired(size_t max_records) {
  return impl_->committer.RemoveExpired(max_records);
}

absl::Status RocksDbStore::Health() const { return impl_->database->Health(); }

absl::Status RocksDbStore::Backup(const std::string& folder) {
  MutexLock lock(impl_->backup_mutex);
  return BackUpDatabase(*impl_->database, folder);
}

}  // namespace cofactor::storage
