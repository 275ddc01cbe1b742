#include "clients/device/printable.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace cofactor::device {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// What a person does not see as a character of its own. Unicode 15: the
// controls, and what formats, of Default_Ignorable_Code_Point and White_Space.
constexpr Range kHidden[] = {
    {0x00, 0x1F},       {0x7F, 0xA0},       {0xAD, 0xAD},
    {0x034F, 0x034F},   {0x0600, 0x0605},   {0x061C, 0x061C},
    {0x115F, 0x1160},   {0x1680, 0x1680},   {0x17B4, 0x17B5},
    {0x180B, 0x180F},   {0x2000, 0x200F},   {0x2028, 0x202F},
    {0x205F, 0x206F},   {0x2800, 0x2800},   {0x3000, 0x3000},
    {0x3164, 0x3164},   {0xD800, 0xF8FF},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},
    {0xFFFE, 0xFFFF},   {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A},
    {0xE0000, 0x10FFFF}};

bool IsHidden(char32_t code_point) {
  for (const Range& range : kHidden) {
    if (code_point >= range.first && code_point <= range.last) return true;
  }
  return false;
}

struct Character {
  // 0: the first byte begins no character.
  size_t bytes = 0;
  char32_t code_point = 0;
};

// The character that a text begins with. REQUIRES: it is not empty.
Character FirstCharacter(absl::string_view text) {
  const uint8_t lead = static_cast<uint8_t>(text[0]);
  if (lead < 0x80) return {1, lead};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t code_point = lead & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const uint8_t next = static_cast<uint8_t>(text[i]);
    if ((next & 0xC0) != 0x80) return {};
    code_point = code_point << 6 | (next & 0x3F);
  }
  // Longer than need be, or beyond Unicode.
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code_point < kLeast[bytes] || code_point > 0x10FFFF) return {};
  return {bytes, code_point};
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string printable;
  printable.reserve(text.size());
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    if (character.bytes == 0) {
      absl::StrAppend(
          &printable, "\\x",
          absl::Hex(static_cast<uint8_t>(text[0]), absl::kZeroPad2));
      text.remove_prefix(1);
      continue;
    }
    if (IsHidden(character.code_point)) {
      absl::StrAppend(&printable, "\\u{",
                      absl::Hex(static_cast<uint32_t>(character.code_point)),
                      "}");
    } else if (character.code_point == '\\') {
      printable.append("\\\\");
    } else {
      printable.append(text.data(), character.bytes);
    }
    text.remove_prefix(character.bytes);
  }
  return printable;
}

}  // namespace cofactor::device
