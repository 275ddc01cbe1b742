#include "factors/recovery_code/recovery_code.h"

#include <sodium.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "base/errors.h"

namespace cofactor::factors::recovery_code {
namespace {

constexpr absl::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static_assert(kAlphabet.size() == 32);
static_assert(kSaltBytes == crypto_pwhash_argon2id_SALTBYTES);

constexpr size_t kGroup = 4;
// Hyphens stand before every group but the first.
constexpr size_t kSpelled = kSymbols + kSymbols / kGroup - 1;
constexpr uint8_t kSymbolMask = 31;

// libsodium asks for this before anything else; it can be called from several
// threads.
bool IsSodiumReady() {
  static const bool ready = sodium_init() >= 0;
  return ready;
}

// The symbol that is meant, or 0.
char SymbolOf(char typed) {
  const char upper = absl::ascii_toupper(static_cast<unsigned char>(typed));
  if (upper == 'O') return '0';
  if (upper == 'I' || upper == 'L') return '1';
  return kAlphabet.find(upper) == absl::string_view::npos ? '\0' : upper;
}

}  // namespace

Secret DrawCode(Randomness& randomness) {
  const Secret drawn = randomness.DrawSecret(kSymbols);
  std::string code;
  code.reserve(kSymbols);
  for (const char byte : drawn.ExposeSecret()) {
    code.push_back(kAlphabet[static_cast<uint8_t>(byte) & kSymbolMask]);
  }
  return Secret(std::move(code));
}

std::string Spell(const Secret& plain) {
  std::string spelled;
  spelled.reserve(kSpelled);
  for (const char symbol : plain.ExposeSecret()) {
    if (spelled.size() % (kGroup + 1) == kGroup) spelled.push_back('-');
    spelled.push_back(symbol);
  }
  return spelled;
}

std::optional<Secret> ReadCode(absl::string_view typed) {
  const bool has_hyphens = typed.size() == kSpelled;
  if (!has_hyphens && typed.size() != kSymbols) return std::nullopt;
  std::string code;
  code.reserve(kSymbols);
  bool is_code = true;
  for (size_t i = 0; i < typed.size(); ++i) {
    if (has_hyphens && i % (kGroup + 1) == kGroup) {
      is_code &= typed[i] == '-';
      continue;
    }
    const char symbol = SymbolOf(typed[i]);
    is_code &= symbol != '\0';
    code.push_back(symbol);
  }
  Secret plain(std::move(code));
  if (!is_code) return std::nullopt;
  return plain;
}

bool IsValid(const HashCost& cost) {
  constexpr uint32_t kMinKib = 8;
  constexpr uint32_t kMaxKib = 64 * 1024;
  constexpr uint32_t kMaxPasses = 10;
  return cost.memory_kib >= kMinKib && cost.memory_kib <= kMaxKib &&
         cost.passes >= 1 && cost.passes <= kMaxPasses;
}

absl::StatusOr<Secret> HashCode(const Secret& plain, absl::string_view salt,
                                const HashCost& cost) {
  if (!IsValid(cost) || salt.size() != kSaltBytes) {
    return absl::InternalError("no such hash of a recovery code");
  }
  std::string hash(kHashBytes, '\0');
  const absl::string_view code = plain.ExposeSecret();
  if (!IsSodiumReady() ||
      crypto_pwhash(reinterpret_cast<uint8_t*>(hash.data()), hash.size(),
                    code.data(), code.size(),
                    reinterpret_cast<const uint8_t*>(salt.data()), cost.passes,
                    size_t{cost.memory_kib} * 1024,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return MakeError(absl::StatusCode::kUnavailable, "NO_MEMORY",
                     "there is no memory to hash a recovery code; nothing was "
                     "done, try again");
  }
  return Secret(std::move(hash));
}

}  // namespace cofactor::factors::recovery_code
