#ifndef COFACTOR_STORAGE_TRANSACTION_H_
#define COFACTOR_STORAGE_TRANSACTION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace cofactor::storage {

// Tells two contents of a key apart: each commit that puts a key gives it a
// greater version, also after the key was deleted in between.
using Version = uint64_t;

// Version of a key that holds nothing.
inline constexpr Version kAbsent = 0;

// What is to happen to a store in one step: all of it if every condition
// holds, else nothing. A value type; thread-compatible.
//
// A key may stand in at most one Put or Delete, and need not have a condition.
class Transaction {
 public:
  struct Condition {
    std::string key;
    Version version = kAbsent;
  };
  struct Write {
    std::string key;
    // Meaningless for a delete.
    std::string value;
    // The record is absent from then on. InfiniteFuture: never. A store may cut
    // it to whole microseconds.
    absl::Time expire_time = absl::InfiniteFuture();
    bool is_delete = false;
  };

  // A record at the end of a log; see storage/log.h.
  struct Append {
    std::string log;
    std::string value;
    // SHA-256 over what the log is to prove.
    std::string digest;
    absl::Time expire_time = absl::InfiniteFuture();
  };

  // The key must have this version, or hold nothing if version is kAbsent.
  Transaction& Expect(absl::string_view key, Version version);

  Transaction& Put(absl::string_view key, std::string value,
                   absl::Time expire_time = absl::InfiniteFuture());

  // A key that holds nothing may be deleted.
  Transaction& Delete(absl::string_view key);

  // Adds a record at the end of a log; the store gives it its place, so that
  // appends of different transactions never conflict. A log's name has no '/',
  // and all its records have the same life: they expire in their order.
  Transaction& AppendTo(Append append);

  const std::vector<Condition>& conditions() const { return conditions_; }
  const std::vector<Write>& writes() const { return writes_; }
  const std::vector<Append>& appends() const { return appends_; }
  // For decorators, which change values on their way.
  std::vector<Write>& mutable_writes() { return writes_; }
  std::vector<Append>& mutable_appends() { return appends_; }

 private:
  std::vector<Condition> conditions_;
  std::vector<Write> writes_;
  std::vector<Append> appends_;
};

}  // namespace cofactor::storage

#endif  // COFACTOR_STORAGE_TRANSACTION_H_
