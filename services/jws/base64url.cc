#include "services/jws/base64url.h"

#include "absl/strings/escaping.h"

namespace cofactor::services {

std::string Base64Url(absl::string_view bytes) {
  std::string text;
  absl::WebSafeBase64Escape(bytes, &text);
  // As of today absl writes none.
  while (!text.empty() && text.back() == '=') text.pop_back();
  return text;
}

std::optional<std::string> FromBase64Url(absl::string_view text) {
  std::string bytes;
  // absl takes more than one text for the same bytes.
  if (!absl::WebSafeBase64Unescape(text, &bytes) || Base64Url(bytes) != text) {
    return std::nullopt;
  }
  return bytes;
}

}  // namespace cofactor::services
