#include "storage/check_store.h"

#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/sealing/sealed_value.h"

namespace cofactor::storage {
namespace {

constexpr size_t kPiece = 256;
// By how much the place to read on from may be longer than the one before the
// damage: as much as ids may have in common.
constexpr size_t kMaxWayBytes = 64;

// OK, or why the entry does not open.
absl::Status Open(const KeyRing& key_ring, const Entry& entry,
                  StoreReport& report) {
  const absl::string_view stored = entry.record.value;
  const std::optional<SealedPart> part = FindSealedPart(entry.key, stored);
  if (!part.has_value()) return absl::OkStatus();
  const absl::string_view sealed = stored.substr(part->clear_bytes);
  ASSIGN_OR_RETURN(const uint32_t key_id, SealingKeyOf(sealed));
  RETURN_IF_ERROR(OpenValue(key_ring, part->place, sealed).status());
  ++report.records_by_key_id[key_id];
  return absl::OkStatus();
}

void Count(const KeyRing& key_ring, const Entry& entry, StoreReport& report) {
  ++report.records;
  ++report.records_by_prefix[entry.key.substr(0, entry.key.find('/'))];
  if (Open(key_ring, entry, report).ok()) return;
  ++report.damaged_records;
  if (report.damaged_keys.size() < StoreReport::kMaxKeys) {
    report.damaged_keys.push_back(entry.key);
  }
}

// Whether the record that follows a place can be read, or none follows.
absl::StatusOr<bool> CanReadOn(const Snapshot& snapshot,
                               const std::string& place) {
  const auto next = snapshot.Scan("", place, 1);
  if (next.ok()) return true;
  if (absl::IsDataLoss(next.status())) return false;
  return next.status();
}

// Looks for a place from which the store can be read on, as close behind the
// damage as can be told. at: a place before the damage. Goes from byte to byte
// of the place, and halves for each what it may be; if there is more damage
// behind, it may find one further on than need be. nullopt: there is none.
absl::StatusOr<std::optional<std::string>> FindWayOn(const Snapshot& snapshot,
                                                     const std::string& at) {
  std::optional<std::string> found;
  std::string too_early;
  while (too_early.size() <= at.size() + kMaxWayBytes) {
    int low = 0;
    int high = 256;
    while (low < high) {
      const int middle = (low + high) / 2;
      const std::string place =
          absl::StrCat(too_early, std::string(1, static_cast<char>(middle)));
      bool reads = false;
      if (place > at) {
        ASSIGN_OR_RETURN(reads, CanReadOn(snapshot, place));
      }
      if (reads) {
        found = place;
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    if (!found.has_value() || high == 0) return found;
    too_early.push_back(static_cast<char>(high - 1));
  }
  return found;
}

}  // namespace

absl::StatusOr<StoreReport> CheckStore(const SealingStore& store) {
  const SealingStore::SealedSnapshot sealed = store.GetSealedSnapshot();
  StoreReport report;
  std::string at;
  std::string last_key;
  size_t limit = kPiece;
  while (true) {
    // Not through the sealing, where one damaged value fails the whole piece.
    const auto entries = sealed.base->Scan("", at, limit);
    if (entries.ok()) {
      for (const Entry& entry : *entries) {
        Count(*sealed.key_ring, entry, report);
      }
      if (entries->size() < limit) return report;
      at = last_key = entries->back().key;
      continue;
    }
    if (!absl::IsDataLoss(entries.status())) return entries.status();
    if (limit > 1) {
      // The damage may be anywhere in the piece: go up to it step by step.
      limit = 1;
      continue;
    }
    ++report.unreadable_stretches;
    if (report.keys_before_unreadable.size() < StoreReport::kMaxKeys) {
      report.keys_before_unreadable.push_back(last_key);
    }
    ASSIGN_OR_RETURN(std::optional<std::string> way_on,
                     FindWayOn(*sealed.base, at));
    if (!way_on.has_value()) return report;
    at = *std::move(way_on);
    limit = kPiece;
  }
}

}  // namespace cofactor::storage
