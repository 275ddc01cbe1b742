#include "factors/password/password_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/errors.h"

namespace cofactor::factors::password {
namespace {

// What is longer before NFC is not looked at: four bytes make a code point, and
// four code points one of NFC at the most that people type.
constexpr size_t kMaxTypedBytes = kMaxCodePoints * 16;

std::optional<Secret> Map(absl::string_view text, int options) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                   static_cast<utf8proc_option_t>(options));
  if (size < 0) return std::nullopt;
  Secret result{absl::string_view(reinterpret_cast<const char*>(mapped),
                                  static_cast<size_t>(size))};
  std::fill_n(static_cast<volatile utf8proc_uint8_t*>(mapped), size, 0);
  std::free(mapped);
  return result;
}

}  // namespace

absl::StatusOr<Secret> NormalizePassword(absl::string_view typed,
                                         absl::string_view field) {
  if (typed.empty()) return InvalidField(field, "is empty");
  const std::string too_long =
      absl::StrCat("is too long: want at most ", kMaxCodePoints, " characters");
  if (typed.size() > kMaxTypedBytes) return InvalidField(field, too_long);
  if (typed.find('\0') != absl::string_view::npos) {
    return InvalidField(field, "has a NUL in it, which nobody can type");
  }
  std::optional<Secret> normalized =
      Map(typed, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  if (!normalized.has_value()) return InvalidField(field, "is not valid UTF-8");
  if (CodePoints(*normalized) > kMaxCodePoints) {
    return InvalidField(field, too_long);
  }
  return *std::move(normalized);
}

size_t CodePoints(const Secret& normalized) {
  const absl::string_view text = normalized.ExposeSecret();
  // All bytes but those that go on with a code point.
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

Secret FoldCase(absl::string_view text) {
  std::optional<Secret> folded =
      Map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
  return folded.has_value() ? *std::move(folded) : Secret();
}

}  // namespace cofactor::factors::password
