#include "services/engine/code_index.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstring>

#include "base/status_macros.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/guess_budgets.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"

namespace cofactor::services {
namespace {

constexpr size_t kDigestKeyBytes = 32;
constexpr size_t kScanPage = 256;

}  // namespace

CodeIndex::CodeIndex(size_t max_digests, Randomness& randomness)
    : max_digests_(max_digests),
      digest_key_(randomness.DrawSecret(kDigestKeyBytes)) {}

CodeIndex::~CodeIndex() = default;

uint64_t CodeIndex::Digest(absl::string_view code) const {
  std::string input(digest_key_.ExposeSecret());
  input.append(code.data(), code.size());
  uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(input.data()), input.size(), digest);
  Wipe(input);
  uint64_t result;
  std::memcpy(&result, digest, sizeof(result));
  return result;
}

absl::StatusOr<CodeIndex::Found> CodeIndex::FindMembers(
    const storage::Snapshot& snapshot, absl::string_view account_id,
    const factors::Factor& factor, storage::Version roster_version,
    absl::string_view code, absl::Time now) {
  const Key key(account_id, factor.descriptor().type_id);
  std::shared_ptr<const Table> table = Lookup(key, roster_version, now);
  if (table == nullptr) {
    ASSIGN_OR_RETURN(table,
                     Build(snapshot, account_id, factor, roster_version, now));
    Remember(key, table);
  }
  const uint64_t digest = Digest(code);
  Found found;
  found.chance = table->chance;
  std::vector<std::string>& members = found.member_ids;
  for (auto entry =
           std::lower_bound(table->digests.begin(), table->digests.end(),
                            std::make_pair(digest, uint32_t{0}));
       entry != table->digests.end() && entry->first == digest; ++entry) {
    const std::string& member_id = table->member_ids[entry->second];
    if (members.empty() || members.back() != member_id) {
      members.push_back(member_id);
    }
  }
  return found;
}

absl::StatusOr<std::shared_ptr<const CodeIndex::Table>> CodeIndex::Build(
    const storage::Snapshot& snapshot, absl::string_view account_id,
    const factors::Factor& factor, storage::Version roster_version,
    absl::Time now) const {
  auto table = std::make_shared<Table>();
  table->roster_version = roster_version;
  table->valid_from = now;
  table->valid_until = absl::InfiniteFuture();
  const std::string prefix = MemberPrefix(account_id);
  std::string last;
  while (true) {
    ASSIGN_OR_RETURN(std::vector<storage::Entry> entries,
                     snapshot.Scan(prefix, last, kScanPage));
    for (storage::Entry& entry : entries) {
      ASSIGN_OR_RETURN(
          const Stored<record::v1::MemberRecord> member,
          Decode<record::v1::MemberRecord>(std::move(entry.record)));
      const auto place = static_cast<uint32_t>(table->member_ids.size());
      table->member_ids.push_back(member.record.member_id());
      for (const auto& enrollment : member.record.enrollments()) {
        if (enrollment.factor_type() != factor.descriptor().type_id ||
            !enrollment.confirmed()) {
          continue;
        }
        ASSIGN_OR_RETURN(
            const factors::AcceptableCodes acceptable,
            factor.ListAcceptableCodes(FactorStateOf(enrollment), now));
        for (const Secret& code : acceptable.codes) {
          table->digests.emplace_back(Digest(code.ExposeSecret()), place);
          table->chance += ChanceOfCode(code.ExposeSecret().size());
        }
        table->valid_until =
            std::min(table->valid_until, acceptable.valid_until);
      }
    }
    if (entries.size() < kScanPage) break;
    last = entries.back().key;
  }
  std::sort(table->digests.begin(), table->digests.end());
  return table;
}

std::shared_ptr<const CodeIndex::Table> CodeIndex::Lookup(
    const Key& key, storage::Version roster_version, absl::Time now) {
  MutexLock lock(mutex_);
  const auto found = tables_.find(key);
  if (found == tables_.end()) return nullptr;
  const Table& table = *found->second->second;
  if (table.roster_version != roster_version || now < table.valid_from ||
      now >= table.valid_until) {
    return nullptr;
  }
  uses_.splice(uses_.begin(), uses_, found->second);
  return uses_.front().second;
}

void CodeIndex::Remember(const Key& key, std::shared_ptr<const Table> table) {
  // A table that never ends, as of an account without enrollments, is cheap to
  // build and would only stay.
  if (table->digests.empty() || table->digests.size() > max_digests_) return;
  MutexLock lock(mutex_);
  const auto found = tables_.find(key);
  if (found != tables_.end()) Erase(found->second);
  digests_held_ += table->digests.size();
  uses_.emplace_front(key, std::move(table));
  tables_[key] = uses_.begin();
  while (digests_held_ > max_digests_) Erase(std::prev(uses_.end()));
}

void CodeIndex::Erase(Uses::iterator use) {
  digests_held_ -= use->second->digests.size();
  tables_.erase(use->first);
  uses_.erase(use);
}

void CodeIndex::DropStale(absl::Time now) {
  MutexLock lock(mutex_);
  for (auto use = uses_.begin(); use != uses_.end();) {
    const auto next = std::next(use);
    if (now >= use->second->valid_until || now < use->second->valid_from) {
      Erase(use);
    }
    use = next;
  }
}

}  // namespace cofactor::services
