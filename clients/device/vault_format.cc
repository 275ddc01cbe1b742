#include "clients/device/vault_format.h"

#include <sodium.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"

namespace cofactor::device {
namespace {

constexpr absl::string_view kMagic = "cofactor-device1";
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kHashBytes = 32;
constexpr size_t kSaltAt = 16 + 4 + 4;
constexpr size_t kNonceAt = kSaltAt + kVaultSaltBytes;
constexpr size_t kHeaderBytes = kNonceAt + kNonceBytes;

constexpr uint32_t kMaxPasses = 10;
constexpr uint32_t kMinMemoryKib = 8;
constexpr uint32_t kMaxMemoryKib = 1024 * 1024;

static_assert(kMagic.size() == 16);
static_assert(kVaultSaltBytes == crypto_pwhash_SALTBYTES);

void EnsureSodium() {
  static const bool ready = sodium_init() >= 0;
  // Without randomness nothing can be sealed safely.
  if (!ready) std::abort();
}

const uint8_t* Bytes(absl::string_view bytes) {
  return reinterpret_cast<const uint8_t*>(bytes.data());
}

uint8_t* Bytes(std::string& bytes) {
  return reinterpret_cast<uint8_t*>(bytes.data());
}

void AppendNumber(uint32_t number, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(number >> shift & 0xFF));
  }
}

uint32_t ReadNumber(absl::string_view bytes) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) {
    number = number << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return number;
}

std::string HashOf(absl::string_view bytes) {
  std::string hash(kHashBytes, '\0');
  crypto_generichash(Bytes(hash), hash.size(), Bytes(bytes), bytes.size(),
                     nullptr, 0);
  return hash;
}

struct Parts {
  KeyCost cost;
  absl::string_view header;
  absl::string_view salt;
  absl::string_view nonce;
  absl::string_view sealed;
};

absl::StatusOr<Parts> Split(absl::string_view file) {
  if (!absl::StartsWith(file, kMagic)) {
    return absl::DataLossError("this is no key file of cofactor_device");
  }
  if (file.size() < kHeaderBytes + kTagBytes + kHashBytes ||
      HashOf(file.substr(0, file.size() - kHashBytes)) !=
          file.substr(file.size() - kHashBytes)) {
    return absl::DataLossError(
        "the key file is damaged: restore a copy of it, or enrol again");
  }
  file.remove_suffix(kHashBytes);
  Parts parts;
  parts.cost = {ReadNumber(file.substr(16)), ReadNumber(file.substr(20))};
  if (parts.cost.passes < 1 || parts.cost.passes > kMaxPasses ||
      parts.cost.memory_kib < kMinMemoryKib ||
      parts.cost.memory_kib > kMaxMemoryKib) {
    return absl::DataLossError(
        "the key file asks for more work or memory than any that this program "
        "makes");
  }
  parts.header = file.substr(0, kHeaderBytes);
  parts.salt = file.substr(kSaltAt, kVaultSaltBytes);
  parts.nonce = file.substr(kNonceAt, kNonceBytes);
  parts.sealed = file.substr(kHeaderBytes);
  return parts;
}

absl::Status WrongPassphrase() {
  return absl::PermissionDeniedError(
      "the passphrase is wrong for this key file");
}

}  // namespace

absl::StatusOr<VaultKey> VaultKey::Derive(const Secret& passphrase,
                                          KeyCost cost, std::string salt) {
  EnsureSodium();
  std::string key(kKeyBytes, '\0');
  const absl::string_view text = passphrase.ExposeSecret();
  if (crypto_pwhash(Bytes(key), key.size(), text.data(), text.size(),
                    Bytes(salt), cost.passes, size_t{1024} * cost.memory_kib,
                    crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the key file needs ", cost.memory_kib / 1024,
                     " MiB of memory to be opened, and there is not so much"));
  }
  return VaultKey(cost, std::move(salt), Secret(std::move(key)));
}

absl::StatusOr<VaultKey> VaultKey::Make(const Secret& passphrase, KeyCost cost,
                                        Randomness& randomness) {
  return Derive(
      passphrase, cost,
      std::string(randomness.DrawSecret(kVaultSaltBytes).ExposeSecret()));
}

absl::StatusOr<VaultKey> VaultKey::ForFile(const Secret& passphrase,
                                           absl::string_view file) {
  EnsureSodium();
  ASSIGN_OR_RETURN(const Parts parts, Split(file));
  return Derive(passphrase, parts.cost, std::string(parts.salt));
}

std::string VaultKey::Seal(absl::string_view content,
                           Randomness& randomness) const {
  std::string file(kMagic);
  AppendNumber(cost_.passes, file);
  AppendNumber(cost_.memory_kib, file);
  file.append(salt_);
  const Secret nonce = randomness.DrawSecret(kNonceBytes);
  absl::StrAppend(&file, nonce.ExposeSecret());
  std::string sealed(content.size() + kTagBytes, '\0');
  crypto_aead_xchacha20poly1305_ietf_encrypt(
      Bytes(sealed), nullptr, Bytes(content), content.size(), Bytes(file),
      file.size(), nullptr, Bytes(nonce.ExposeSecret()),
      Bytes(key_.ExposeSecret()));
  file.append(sealed);
  file.append(HashOf(file));
  return file;
}

absl::StatusOr<Secret> VaultKey::Open(absl::string_view file) const {
  ASSIGN_OR_RETURN(const Parts parts, Split(file));
  std::string content(parts.sealed.size() - kTagBytes, '\0');
  if (parts.salt != salt_ ||
      crypto_aead_xchacha20poly1305_ietf_decrypt(
          Bytes(content), nullptr, nullptr, Bytes(parts.sealed),
          parts.sealed.size(), Bytes(parts.header), parts.header.size(),
          Bytes(parts.nonce), Bytes(key_.ExposeSecret())) != 0) {
    Wipe(content);
    return WrongPassphrase();
  }
  return Secret(std::move(content));
}

}  // namespace cofactor::device
