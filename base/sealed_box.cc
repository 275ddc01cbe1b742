#include "base/sealed_box.h"

#include <sodium.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

namespace cofactor {
namespace {

static_assert(kBoxKeyBytes == crypto_box_PUBLICKEYBYTES);
static_assert(kBoxKeyBytes == crypto_box_SECRETKEYBYTES);
static_assert(kSealOverheadBytes == crypto_box_SEALBYTES);

// libsodium asks for this before anything else: it opens the source of
// randomness and makes all that follows safe for threads.
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

}  // namespace

std::string BoxPublicKey(const Secret& private_key) {
  EnsureSodium();
  if (private_key.size() != kBoxKeyBytes) std::abort();
  std::string public_key(kBoxKeyBytes, '\0');
  crypto_scalarmult_base(Bytes(public_key), Bytes(private_key.ExposeSecret()));
  return public_key;
}

absl::StatusOr<std::string> SealToKey(absl::string_view public_key,
                                      absl::string_view content) {
  EnsureSodium();
  std::string sealed(content.size() + kSealOverheadBytes, '\0');
  // It fails for points of low order, whose boxes everybody could open.
  if (public_key.size() != kBoxKeyBytes ||
      crypto_box_seal(Bytes(sealed), Bytes(content), content.size(),
                      Bytes(public_key)) != 0) {
    return absl::InvalidArgumentError("not an X25519 public key");
  }
  return sealed;
}

absl::StatusOr<Secret> OpenSealed(const Secret& private_key,
                                  absl::string_view sealed) {
  const std::string public_key = BoxPublicKey(private_key);
  if (sealed.size() < kSealOverheadBytes) {
    return absl::InvalidArgumentError("too short for a sealed box");
  }
  std::string content(sealed.size() - kSealOverheadBytes, '\0');
  if (crypto_box_seal_open(Bytes(content), Bytes(sealed), sealed.size(),
                           Bytes(public_key),
                           Bytes(private_key.ExposeSecret())) != 0) {
    Wipe(content);
    return absl::InvalidArgumentError(
        "sealed to another key, or changed since");
  }
  return Secret(std::move(content));
}

}  // namespace cofactor
