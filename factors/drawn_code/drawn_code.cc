#include "factors/drawn_code/drawn_code.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace cofactor::factors {

Secret DrawCode(int digits, Randomness& randomness) {
  // 250 is the greatest multiple of 10 in a byte. The remainder of the bytes
  // from there on would make the digits 0 to 5 more likely, so they are drawn
  // again.
  constexpr uint8_t kUnbiased = 250;
  const auto wanted = static_cast<size_t>(digits);
  std::string code;
  code.reserve(wanted);
  while (code.size() < wanted) {
    const Secret drawn = randomness.DrawSecret(wanted - code.size());
    for (const char c : drawn.ExposeSecret()) {
      const auto byte = static_cast<uint8_t>(c);
      if (byte < kUnbiased) code.push_back(static_cast<char>('0' + byte % 10));
    }
  }
  Secret secret{absl::string_view(code)};
  // A short string would leave its bytes behind if it was moved.
  cofactor::Wipe(code);
  return secret;
}

}  // namespace cofactor::factors
