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

}  // namespace cofactor::services
