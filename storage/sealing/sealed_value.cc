#include "storage/sealing/sealed_value.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status_macros.h"
#include "storage/log.h"
#include "storage/sealing/xaes_gcm.h"

namespace cofactor::storage {
namespace {

// Format 1, part of the format on disk: do not change it.
constexpr char kFormat = 1;
constexpr size_t kHeaderBytes = 1 + 4;
constexpr absl::string_view kDomain = "cofactor record 1";

std::string MakeHeader(uint32_t key_id) {
  std::string header(1, kFormat);
  for (int shift = 24; shift >= 0; shift -= 8) {
    header.push_back(static_cast<char>(key_id >> shift));
  }
  return header;
}

// The domain has a fixed length and the header too, so that no two pairs of
// header and place give the same.
std::string AssociatedData(absl::string_view header, absl::string_view place) {
  return absl::StrCat(kDomain, header, place);
}

}  // namespace

std::optional<SealedPart> FindSealedPart(absl::string_view key,
                                         absl::string_view stored) {
  if (IsLogHeadKey(key)) return std::nullopt;
  // A record of a log is sealed before it has its key, and is bound to its log
  // instead; its link binds it to its place there.
  if (const absl::string_view log = LogPrefixOf(key); !log.empty()) {
    return SealedPart{std::min(kLogLinkBytes, stored.size()), log};
  }
  return SealedPart{0, key};
}

std::string SealValue(const KeyRing& key_ring, absl::string_view place,
                      absl::string_view plaintext, Randomness& randomness) {
  const std::string header = MakeHeader(key_ring.primary_key_id());
  uint8_t nonce_bytes[XaesGcm::kNonceBytes];
  randomness.Fill(absl::MakeSpan(nonce_bytes));
  const absl::string_view nonce(reinterpret_cast<const char*>(nonce_bytes),
                                sizeof(nonce_bytes));
  return absl::StrCat(
      header, nonce,
      key_ring.primary().Seal(nonce, plaintext, AssociatedData(header, place)));
}

absl::StatusOr<uint32_t> SealingKeyOf(absl::string_view sealed) {
  if (sealed.size() < kHeaderBytes + XaesGcm::kNonceBytes ||
      sealed[0] != kFormat) {
    return absl::DataLossError("a value in the store is not sealed");
  }
  uint32_t key_id = 0;
  for (size_t i = 1; i < kHeaderBytes; ++i) {
    key_id = key_id << 8 | static_cast<uint8_t>(sealed[i]);
  }
  return key_id;
}

absl::StatusOr<Secret> OpenValue(const KeyRing& key_ring,
                                 absl::string_view place,
                                 absl::string_view sealed) {
  ASSIGN_OR_RETURN(const uint32_t key_id, SealingKeyOf(sealed));
  const XaesGcm* cipher = key_ring.Find(key_id);
  if (cipher == nullptr) {
    return absl::DataLossError(
        absl::StrCat("a value in the store was sealed with key ", key_id,
                     ", which the key ring does not hold"));
  }
  return cipher->Open(sealed.substr(kHeaderBytes, XaesGcm::kNonceBytes),
                      sealed.substr(kHeaderBytes + XaesGcm::kNonceBytes),
                      AssociatedData(sealed.substr(0, kHeaderBytes), place));
}

}  // namespace cofactor::storage
