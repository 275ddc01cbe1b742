#include "services/telemetry/json_text.h"

#include <cstdint>

namespace cofactor::services {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Character {
  char32_t code_point;
  // Bytes that it takes of the text.
  size_t length;
};

// The character that a text begins with. text: not empty.
Character Decode(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC0 || lead >= 0xF8 || text.size() < length) {
    return {kReplacement, 1};
  }
  char32_t code_point = lead & (0xFF >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {kReplacement, 1};
    code_point = code_point << 6 | (byte(i) & 0x3F);
  }
  // Longer than needed, half of a UTF-16 pair, or past the end of Unicode.
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code_point < kLeast[length] ||
      (code_point >= 0xD800 && code_point <= 0xDFFF) || code_point > 0x10FFFF) {
    return {kReplacement, 1};
  }
  return {code_point, length};
}

void AppendEscape(uint32_t unit, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) {
    out.push_back(kDigits[unit >> shift & 0xF]);
  }
}

void AppendCharacter(char32_t code_point, std::string& out) {
  if (code_point == '"' || code_point == '\\') {
    out.push_back('\\');
    out.push_back(static_cast<char>(code_point));
  } else if (code_point >= ' ' && code_point <= '~') {
    out.push_back(static_cast<char>(code_point));
  } else if (code_point < 0x10000) {
    AppendEscape(code_point, out);
  } else {
    AppendEscape(0xD800 + ((code_point - 0x10000) >> 10), out);
    AppendEscape(0xDC00 + ((code_point - 0x10000) & 0x3FF), out);
  }
}

}  // namespace

void AppendJsonString(absl::string_view text, size_t max_bytes,
                      std::string& out) {
  out.push_back('"');
  while (!text.empty()) {
    const Character character = Decode(text);
    if (character.length > max_bytes) break;
    AppendCharacter(character.code_point, out);
    text.remove_prefix(character.length);
    max_bytes -= character.length;
  }
  out.push_back('"');
}

}  // namespace cofactor::services
