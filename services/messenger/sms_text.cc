#include "services/messenger/sms_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace cofactor::services {
namespace {

// The alphabet and its extension beside the printable ASCII that is in it.
constexpr char32_t kBeyondAscii[] = {
    0x00A1, 0x00A3, 0x00A4, 0x00A5, 0x00A7, 0x00BF, 0x00C4, 0x00C5,
    0x00C6, 0x00C7, 0x00C9, 0x00D1, 0x00D6, 0x00D8, 0x00DC, 0x00DF,
    0x00E0, 0x00E4, 0x00E5, 0x00E6, 0x00E8, 0x00E9, 0x00EC, 0x00F1,
    0x00F2, 0x00F6, 0x00F8, 0x00F9, 0x00FC, 0x0393, 0x0394, 0x0398,
    0x039B, 0x039E, 0x03A0, 0x03A3, 0x03A6, 0x03A8, 0x03A9};
constexpr char32_t kEuro = 0x20AC;

// How many septets a character takes, or 0 if the alphabet lacks it.
size_t Septets(char32_t c) {
  if (c == '\n' || c == '\r') return 1;
  switch (c) {
    case '[':
    case '\\':
    case ']':
    case '^':
    case '{':
    case '|':
    case '}':
    case '~':
    case kEuro:
      return 2;
    case '`':
      return 0;
    default:
      break;
  }
  if (c >= ' ' && c < 0x7F) return 1;
  return std::binary_search(std::begin(kBeyondAscii), std::end(kBeyondAscii), c)
             ? 1
             : 0;
}

// Takes one character off a text that is not empty; 0 for a byte that begins
// none.
char32_t Take(absl::string_view& text) {
  const auto lead = static_cast<uint8_t>(text[0]);
  size_t size = lead < 0x80   ? 1
                : lead < 0xC2 ? 0
                : lead < 0xE0 ? 2
                : lead < 0xF0 ? 3
                : lead < 0xF5 ? 4
                              : 0;
  if (size == 0 || size > text.size()) {
    text.remove_prefix(1);
    return 0;
  }
  char32_t c = size == 1 ? lead : lead & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xC0) != 0x80) {
      text.remove_prefix(1);
      return 0;
    }
    c = c << 6 | (next & 0x3F);
  }
  text.remove_prefix(size);
  return c;
}

// A text in several parts has a header in each.
size_t Segments(size_t units, size_t alone, size_t in_parts) {
  return units <= alone ? 1 : (units + in_parts - 1) / in_parts;
}

}  // namespace

SmsText MeasureSms(absl::string_view text) {
  bool is_gsm7 = true;
  size_t septets = 0;
  size_t units = 0;
  while (!text.empty()) {
    const char32_t c = Take(text);
    const size_t taken = Septets(c);
    is_gsm7 &= taken > 0;
    septets += taken;
    // Beyond the first plane a character takes two units.
    units += c > 0xFFFF ? 2 : 1;
  }
  if (is_gsm7) return {SmsCoding::kGsm7, Segments(septets, 160, 153)};
  return {SmsCoding::kUcs2, Segments(units, 70, 67)};
}

}  // namespace cofactor::services
