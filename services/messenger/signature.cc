#include "services/messenger/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

namespace cofactor::services {

std::string Hmac(SignatureHash hash, const Secret& key,
                 absl::string_view text) {
  const absl::string_view key_bytes = key.ExposeSecret();
  std::string mac(EVP_MAX_MD_SIZE, '\0');
  unsigned int size = 0;
  if (HMAC(hash == SignatureHash::kSha1 ? EVP_sha1() : EVP_sha256(),
           // Null would mean the key of the call before.
           key_bytes.empty() ? "" : key_bytes.data(),
           static_cast<int>(key_bytes.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           reinterpret_cast<unsigned char*>(mac.data()), &size) == nullptr) {
    std::abort();
  }
  mac.resize(size);
  return mac;
}

}  // namespace cofactor::services
