#include "storage/rocksdb/database.h"

#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"
#include "rocksdb/cache.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/listener.h"
#include "rocksdb/options.h"
#include "rocksdb/table.h"
#include "storage/rocksdb/log_check.h"

namespace cofactor::storage {
namespace {

constexpr size_t kBlockCacheBytes = 64 << 20;
constexpr size_t kWriteBufferBytes = 16 << 20;
// Bounds what a start has to read again.
constexpr uint64_t kMaxLogBytes = 32 << 20;
constexpr char kExpiries[] = "expiries";

rocksdb::DBOptions MakeOptions(const RocksDbOptions& options) {
  rocksdb::DBOptions result;
  result.create_if_missing = true;
  result.create_missing_column_families = true;
  result.paranoid_checks = true;
  // The default rolls back to before a damage without a word, which would arm
  // used codes again. This one drops an unfinished last write, which nobody was
  // told of, and refuses a damage anywhere else: but for those that CheckLogs
  // finds.
  result.wal_recovery_mode =
      rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  result.recycle_log_file_num = 0;
  result.max_total_wal_size = kMaxLogBytes;
  result.db_write_buffer_size = 2 * kWriteBufferBytes;
  result.max_open_files = 256;
  result.max_background_jobs = 2;
  result.keep_log_file_num = 3;
  result.max_log_file_size = 1 << 20;
  // One thread writes.
  result.allow_concurrent_memtable_write = false;
  result.enable_write_thread_adaptive_yield = false;
  if (options.env != nullptr) result.env = options.env;
  return result;
}

rocksdb::ColumnFamilyOptions MakeFamilyOptions(
    const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions result;
  result.write_buffer_size = kWriteBufferBytes;
  result.max_write_buffer_number = 3;
  result.compression = rocksdb::kNoCompression;  // Sealed values do not shrink.
  result.level_compaction_dynamic_level_bytes = true;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  result.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return result;
}

// RocksDB has no code for it. The start of the text, as paths may hold
// anything.
bool IsLockedByAnother(const rocksdb::Status& status) {
  if (!status.IsIOError() || status.getState() == nullptr) return false;
  const absl::string_view text = status.getState();
  return absl::StartsWith(text, "lock hold by current process") ||
         absl::StartsWith(text, "While lock file");
}

}  // namespace

absl::Status ToAbslStatus(const rocksdb::Status& status,
                          const std::string& path) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  if (status.IsCorruption()) {
    return absl::DataLossError(
        absl::StrCat("the store in ", path, " is damaged (", text,
                     "); nothing was changed: restore it from a backup"));
  }
  if (IsLockedByAnother(status)) {
    return absl::FailedPreconditionError(
        absl::StrCat("another server is using the store in ", path,
                     ": stop it, or use another data folder"));
  }
  if (status.IsNoSpace() || absl::StrContains(text, "No space") ||
      absl::StrContains(text, "File too large")) {
    return absl::UnavailableError(
        absl::StrCat("the disk of the store in ", path, " is full (", text,
                     "): make room and start again; nothing that was "
                     "acknowledged is lost"));
  }
  return absl::UnavailableError(
      absl::StrCat("the store in ", path, " cannot be used: ", text));
}

class Database::FailureListener final : public rocksdb::EventListener {
 public:
  explicit FailureListener(Database& database) : database_(database) {}

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason,
                         rocksdb::Status* status) override {
    database_.Fail(ToAbslStatus(*status, database_.path()));
  }

  // A failed store stays failed until a restart has read what is on disk.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason reason,
                            rocksdb::Status status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  Database& database_;
};

absl::StatusOr<std::unique_ptr<Database>> Database::Open(
    const RocksDbOptions& options) {
  std::unique_ptr<Database> database(new Database(options.path));
  rocksdb::DBOptions db_options = MakeOptions(options);
  RETURN_IF_ERROR(CheckLogs(*db_options.env, options.path));
  db_options.listeners.push_back(std::make_shared<FailureListener>(*database));
  const auto cache = rocksdb::NewLRUCache(kBlockCacheBytes);
  const std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, MakeFamilyOptions(cache)},
      {kExpiries, MakeFamilyOptions(cache)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const rocksdb::Status status =
      rocksdb::DB::Open(db_options, options.path, families, &handles, &db);
  if (!status.ok()) return ToAbslStatus(status, options.path);
  database->db_.reset(db);
  database->records_ = handles[0];
  database->expiries_ = handles[1];
  database->PublishSnapshot();
  return database;
}

Database::~Database() {
  if (db_ == nullptr) return;
  {
    MutexLock lock(snapshot_mutex_);
    snapshot_.reset();
  }
  db_->DestroyColumnFamilyHandle(records_);
  db_->DestroyColumnFamilyHandle(expiries_);
}

std::shared_ptr<const rocksdb::Snapshot> Database::LatestSnapshot() const {
  MutexLock lock(snapshot_mutex_);
  return snapshot_;
}

void Database::PublishSnapshot() {
  std::shared_ptr<const rocksdb::Snapshot> snapshot(
      db_->GetSnapshot(), [this](const rocksdb::Snapshot* released) {
        db_->ReleaseSnapshot(released);
      });
  MutexLock lock(snapshot_mutex_);
  // The one before ends after the lock, if nobody else holds it.
  snapshot_.swap(snapshot);
}

absl::Status Database::Health() const {
  MutexLock lock(mutex_);
  return health_;
}

void Database::Fail(absl::Status status) {
  MutexLock lock(mutex_);
  if (health_.ok()) health_ = std::move(status);
}

}  // namespace cofactor::storage
