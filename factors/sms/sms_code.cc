#include "factors/sms/sms_code.h"

#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace cofactor::factors::sms {
namespace {

using ::cofactor::record::v1::SmsCodeRecord;

constexpr size_t kSaltBytes = 16;

// Part of what is stored: never to be changed. They keep the hashes apart from
// all others that are made of the same bytes, and those of dead codes apart
// from those of living ones. Of one length, so that both take the same work.
constexpr absl::string_view kTag = "cofactor sms code 1";
constexpr absl::string_view kDeadTag = "cofactor sms dead 1";

// Not a slow hash as for a password: there are 10^6 codes, so whoever has the
// salt and the hash soon has the code, whatever a verification may cost. What
// keeps it is that the record is sealed in the store; the hash keeps the code
// out of what is opened, copied or shown in between. The salt makes two equal
// codes look different, and a table of all codes useless.
std::string Hash(absl::string_view tag, absl::string_view salt,
                 absl::string_view code) {
  std::string input = absl::StrCat(tag, salt, code);
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(input.data()), input.size(),
         reinterpret_cast<uint8_t*>(hash.data()));
  cofactor::Wipe(input);
  return hash;
}

SmsCodeRecord Keep(absl::string_view tag, const Secret& code, absl::Time now,
                   Randomness& randomness) {
  const Secret salt = randomness.DrawSecret(kSaltBytes);
  SmsCodeRecord kept;
  kept.set_salt(std::string(salt.ExposeSecret()));
  kept.set_hash(Hash(tag, salt.ExposeSecret(), code.ExposeSecret()));
  kept.set_expire_micros(absl::ToUnixMicros(now + kCodeLifetime));
  return kept;
}

}  // namespace

SmsCodeRecord KeepCode(const Secret& code, absl::Time now,
                       Randomness& randomness) {
  return Keep(kTag, code, now, randomness);
}

SmsCodeRecord KeepDeadCode(const Secret& code, absl::Time now,
                           Randomness& randomness) {
  return Keep(kDeadTag, code, now, randomness);
}

bool IsWhole(const SmsCodeRecord& kept) {
  return kept.salt().size() == kSaltBytes &&
         kept.hash().size() == SHA256_DIGEST_LENGTH &&
         kept.expire_micros() != 0;
}

bool Fits(const SmsCodeRecord& kept, absl::string_view code, absl::Time now) {
  const bool equal =
      ConstantTimeEquals(Hash(kTag, kept.salt(), code), kept.hash());
  return equal && now < absl::FromUnixMicros(kept.expire_micros());
}

void Wipe(SmsCodeRecord& kept) {
  cofactor::Wipe(*kept.mutable_salt());
  cofactor::Wipe(*kept.mutable_hash());
}

}  // namespace cofactor::factors::sms
