#include "factors/push/push_number.h"

#include <openssl/sha.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "factors/factor.h"
#include "factors/push/push_record.h"

namespace cofactor::factors::push {
namespace {

using ::cofactor::record::v1::PushChallengeRecord;

constexpr uint32_t kChallengeVersion = 1;
constexpr size_t kSaltBytes = 16;

// Part of what is stored: never to be changed. It keeps the hashes apart from
// all others that are made of the same bytes.
constexpr absl::string_view kTag = "cofactor push number 1";

// Not a slow hash, for there are 10^6 numbers: see sms_code.cc. And the number
// alone is good for nothing: an answer needs the key of a device as well.
std::string Hash(absl::string_view salt, absl::string_view number) {
  std::string input = absl::StrCat(kTag, salt, number);
  std::string hash(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(input.data()), input.size(),
         reinterpret_cast<uint8_t*>(hash.data()));
  cofactor::Wipe(input);
  return hash;
}

}  // namespace

Secret KeepNumber(const Secret& number, Randomness& randomness) {
  const Secret salt = randomness.DrawSecret(kSaltBytes);
  PushChallengeRecord kept;
  kept.set_version(kChallengeVersion);
  kept.set_salt(std::string(salt.ExposeSecret()));
  kept.set_number_hash(Hash(salt.ExposeSecret(), number.ExposeSecret()));
  return Secret(kept.SerializeAsString());
}

absl::StatusOr<PushChallengeRecord> DecodeKeptNumber(const Secret& kept) {
  PushChallengeRecord record;
  const absl::string_view bytes = kept.ExposeSecret();
  const bool parsed =
      record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (parsed && record.version() > kChallengeVersion) {
    return UnknownStateVersion(kTypeId, record.version());
  }
  if (!parsed || record.version() != kChallengeVersion ||
      record.salt().size() != kSaltBytes ||
      record.number_hash().size() != SHA256_DIGEST_LENGTH) {
    return absl::DataLossError("the state of a push challenge is damaged");
  }
  return record;
}

bool IsTheNumber(const PushChallengeRecord& kept, absl::string_view number) {
  return ConstantTimeEquals(Hash(kept.salt(), number), kept.number_hash());
}

}  // namespace cofactor::factors::push
