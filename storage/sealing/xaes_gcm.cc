#include "storage/sealing/xaes_gcm.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/status/status.h"

namespace cofactor::storage {
namespace {

constexpr int kBlockBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const {
    EVP_CIPHER_CTX_free(context);
  }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// For what fails only if OpenSSL or our use of it is broken.
template <typename T>
T Must(T value) {
  if (!value) std::abort();
  return value;
}

uint8_t* Bytes(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}
const uint8_t* Bytes(absl::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// Ciphers are fetched once per process: a fetch is slow and takes locks.
const EVP_CIPHER* Ecb() {
  static EVP_CIPHER* const cipher =
      Must(EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr));
  return cipher;
}
const EVP_CIPHER* Gcm() {
  static EVP_CIPHER* const cipher =
      Must(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr));
  return cipher;
}

EVP_CIPHER_CTX* EcbContext() {
  thread_local const Context context(Must(EVP_CIPHER_CTX_new()));
  return context.get();
}
EVP_CIPHER_CTX* GcmContext() {
  thread_local const Context context(Must(EVP_CIPHER_CTX_new()));
  return context.get();
}

// AES-256 of whole blocks, in place.
void EncryptBlocks(absl::string_view key, uint8_t* blocks, int bytes) {
  EVP_CIPHER_CTX* context = EcbContext();
  int written = 0;
  Must(EVP_EncryptInit_ex2(context, Ecb(), Bytes(key), nullptr, nullptr));
  Must(EVP_CIPHER_CTX_set_padding(context, 0));
  Must(EVP_EncryptUpdate(context, blocks, &written, blocks, bytes));
  Must(EVP_CIPHER_CTX_reset(context));  // Forgets the key.
}

}  // namespace

absl::StatusOr<XaesGcm> XaesGcm::Create(Secret key) {
  if (key.size() != kKeyBytes) {
    return absl::InvalidArgumentError("a sealing key has 32 bytes");
  }
  // K1: the encrypted zero block, doubled in GF(2^128).
  std::array<uint8_t, 16> subkey{};
  EncryptBlocks(key.ExposeSecret(), subkey.data(), kBlockBytes);
  uint8_t carry = 0;
  for (int i = kBlockBytes - 1; i >= 0; --i) {
    const uint8_t next_carry = subkey[i] >> 7;
    subkey[i] = static_cast<uint8_t>(subkey[i] << 1 | carry);
    carry = next_carry;
  }
  subkey[kBlockBytes - 1] ^= static_cast<uint8_t>(carry * 0x87);
  return XaesGcm(std::move(key), subkey);
}

Secret XaesGcm::DeriveKey(absl::string_view nonce) const {
  // Two CMACs of one full block each: counter, label "X", zero, half the nonce.
  std::string derived(2 * kBlockBytes, '\0');
  for (int half = 0; half < 2; ++half) {
    char* block = derived.data() + half * kBlockBytes;
    block[1] = static_cast<char>(half + 1);
    block[2] = 'X';
    nonce.copy(block + 4, 12);
    for (int i = 0; i < kBlockBytes; ++i) {
      block[i] = static_cast<char>(block[i] ^ subkey_[i]);
    }
  }
  EncryptBlocks(key_.ExposeSecret(), Bytes(derived), 2 * kBlockBytes);
  return Secret(std::move(derived));
}

std::string XaesGcm::Seal(absl::string_view nonce, absl::string_view plaintext,
                          absl::string_view associated_data) const {
  const Secret derived = DeriveKey(nonce);
  EVP_CIPHER_CTX* context = GcmContext();
  std::string sealed(plaintext.size() + kTagBytes, '\0');
  int written = 0;
  Must(EVP_EncryptInit_ex2(context, Gcm(), Bytes(derived.ExposeSecret()),
                           Bytes(nonce.substr(12)), nullptr));
  Must(EVP_EncryptUpdate(context, nullptr, &written, Bytes(associated_data),
                         static_cast<int>(associated_data.size())));
  Must(EVP_EncryptUpdate(context, Bytes(sealed), &written, Bytes(plaintext),
                         static_cast<int>(plaintext.size())));
  Must(EVP_EncryptFinal_ex(context, Bytes(sealed) + written, &written));
  Must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTagBytes,
                           sealed.data() + plaintext.size()));
  Must(EVP_CIPHER_CTX_reset(context));
  return sealed;
}

absl::StatusOr<Secret> XaesGcm::Open(absl::string_view nonce,
                                     absl::string_view sealed,
                                     absl::string_view associated_data) const {
  const absl::Status damaged = absl::DataLossError(
      "a sealed value does not open: it was changed, moved "
      "or sealed with another key");
  if (nonce.size() != kNonceBytes || sealed.size() < kTagBytes) return damaged;
  const Secret derived = DeriveKey(nonce);
  EVP_CIPHER_CTX* context = GcmContext();
  const size_t bytes = sealed.size() - kTagBytes;
  std::string plaintext(bytes, '\0');
  std::string tag(sealed.substr(bytes));
  int written = 0;
  Must(EVP_DecryptInit_ex2(context, Gcm(), Bytes(derived.ExposeSecret()),
                           Bytes(nonce.substr(12)), nullptr));
  Must(EVP_DecryptUpdate(context, nullptr, &written, Bytes(associated_data),
                         static_cast<int>(associated_data.size())));
  Must(EVP_DecryptUpdate(context, Bytes(plaintext), &written, Bytes(sealed),
                         static_cast<int>(bytes)));
  Must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kTagBytes,
                           tag.data()));
  Secret opened(std::move(plaintext));
  uint8_t rest[kBlockBytes];
  const bool authentic = EVP_DecryptFinal_ex(context, rest, &written) == 1;
  Must(EVP_CIPHER_CTX_reset(context));
  if (!authentic) return damaged;
  return opened;
}

}  // namespace cofactor::storage
