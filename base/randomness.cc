#include "base/randomness.h"

#include <openssl/rand.h>

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

void SystemRandomness::Fill(absl::Span<uint8_t> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) std::abort();
}

void SeededRandomness::Fill(absl::Span<uint8_t> out) {
  MutexLock lock(mutex_);
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(engine_());
}

}  // namespace cofactor
