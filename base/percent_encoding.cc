#include "base/percent_encoding.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"

namespace cofactor {
namespace {

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

int DigitValue(char c) {
  return absl::ascii_isdigit(c) ? c - '0' : absl::ascii_toupper(c) - 'A' + 10;
}

}  // namespace

std::string PercentEncode(absl::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<uint8_t>(c);
      encoded.push_back('%');
      encoded.push_back(kDigits[byte >> 4]);
      encoded.push_back(kDigits[byte & 0xF]);
    }
  }
  return encoded;
}

std::optional<std::string> PercentDecode(absl::string_view encoded) {
  std::string text;
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (IsUnreserved(encoded[i])) {
      text.push_back(encoded[i]);
      continue;
    }
    if (encoded[i] != '%' || encoded.size() - i < 3 ||
        !absl::ascii_isxdigit(encoded[i + 1]) ||
        !absl::ascii_isxdigit(encoded[i + 2])) {
      return std::nullopt;
    }
    text.push_back(static_cast<char>(DigitValue(encoded[i + 1]) << 4 |
                                     DigitValue(encoded[i + 2])));
    i += 2;
  }
  return text;
}

}  // namespace cofactor
