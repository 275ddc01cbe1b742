#include "base/randomness.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>

#include "absl/strings/escaping.h"

namespace cofactor {

Secret Randomness::DrawSecret(size_t bytes) {
  std::string drawn(bytes, '\0');
  Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(drawn.data()), bytes));
  return Secret(std::move(drawn));
}

std::string Randomness::DrawId() {
  std::string drawn(16, '\0');
  Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(drawn.data()), drawn.size()));
  return absl::BytesToHexString(drawn);
}

namespace {

void FillFromSystem(absl::Span<uint8_t> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) std::abort();
}

// Drawn in advance by a thread, as a draw costs the same for 24 bytes and for
// 1,000. Each byte is given once, and wiped.
class Reserve {
 public:
  static constexpr size_t kBytes = 1024;

  ~Reserve() { OPENSSL_cleanse(bytes_, kBytes); }

  void Fill(absl::Span<uint8_t> out) {
    if (kBytes - used_ < out.size()) {
      FillFromSystem(absl::MakeSpan(bytes_));
      used_ = 0;
    }
    std::copy_n(bytes_ + used_, out.size(), out.data());
    OPENSSL_cleanse(bytes_ + used_, out.size());
    used_ += out.size();
  }

 private:
  uint8_t bytes_[kBytes];
  size_t used_ = kBytes;
};

}  // namespace

void SystemRandomness::Fill(absl::Span<uint8_t> out) {
  if (out.size() > Reserve::kBytes / 16) return FillFromSystem(out);
  thread_local Reserve reserve;
  reserve.Fill(out);
}

void SeededRandomness::Fill(absl::Span<uint8_t> out) {
  MutexLock lock(mutex_);
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(engine_());
}

}  // namespace cofactor
