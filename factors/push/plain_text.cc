#include "factors/push/plain_text.h"

#include <cstddef>
#include <cstdint>

namespace cofactor::factors::push {
namespace {

// Takes the first character off the text. Returns false if it is no UTF-8
// (RFC 3629): cut off, longer than needed, half of a pair of UTF-16, or past
// the end of Unicode.
bool TakeCharacter(absl::string_view& text, char32_t& character) {
  const auto lead = static_cast<uint8_t>(text[0]);
  size_t length = 1;
  if (lead < 0x80) {
    character = lead;
  } else if (lead < 0xC2 || lead > 0xF4) {
    return false;
  } else {
    length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (text.size() < length) return false;
    character = lead & (0xFF >> (length + 1));
    for (size_t i = 1; i < length; ++i) {
      const auto byte = static_cast<uint8_t>(text[i]);
      if ((byte & 0xC0) != 0x80) return false;
      character = character << 6 | (byte & 0x3F);
    }
    constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (character < kLeast[length] || character > 0x10FFFF ||
        (character >= 0xD800 && character <= 0xDFFF)) {
      return false;
    }
  }
  text.remove_prefix(length);
  return true;
}

bool ShowsAsItIs(char32_t character) {
  return character >= 0x20 && !(character >= 0x7F && character < 0xA0) &&
         character != 0x061C &&                            // Arabic mark.
         !(character >= 0x200E && character <= 0x200F) &&  // Marks.
         !(character >= 0x2028 && character <= 0x202E) &&  // Ends, overrides.
         !(character >= 0x2066 && character <= 0x2069);    // Isolates.
}

}  // namespace

bool IsPlainText(absl::string_view text) {
  while (!text.empty()) {
    char32_t character = 0;
    if (!TakeCharacter(text, character) || !ShowsAsItIs(character)) {
      return false;
    }
  }
  return true;
}

}  // namespace cofactor::factors::push
