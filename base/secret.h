#ifndef COFACTOR_BASE_SECRET_H_
#define COFACTOR_BASE_SECRET_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace cofactor {

// Overwrites the bytes of a string in a way that the compiler keeps, then
// empties it.
void Wipe(std::string& bytes);

// Bytes that must not leak: a seed, a code, a key. Wiped on destruction, never
// printed, compared in constant time alone, copied only by Clone.
//
// Thread-compatible.
class Secret {
 public:
  Secret() = default;
  // Takes the bytes over. A caller that keeps a copy of them must wipe it.
  explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
  explicit Secret(absl::string_view bytes) : bytes_(bytes) {}

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { Wipe(bytes_); }

  bool operator==(const Secret&) const = delete;

  Secret Clone() const { return Secret(absl::string_view(bytes_)); }

  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

  // The one way to read a secret. A search for this name finds every reader.
  // The view ends with this object.
  absl::string_view ExposeSecret() const { return bytes_; }

 private:
  std::string bytes_;
};

// Whether two byte strings are equal, in a time that depends on their lengths
// alone.
bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

}  // namespace cofactor

#endif  // COFACTOR_BASE_SECRET_H_
