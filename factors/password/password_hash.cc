#include "factors/password/password_hash.h"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "base/status_macros.h"

namespace cofactor::factors::password {
namespace {

constexpr absl::string_view kArgon2idPrefix = "$argon2id$";
constexpr absl::string_view kPbkdf2Prefix = "pbkdf2-";

// Longer than any of them is.
constexpr size_t kMaxTextBytes = 256;

constexpr uint32_t kMaxMemoryKib = 262'144;
constexpr uint32_t kMaxPasses = 10;
constexpr uint32_t kMaxLanes = 16;
// RFC 9106, section 3.1: eight blocks for each lane.
constexpr uint32_t kMinMemoryPerLane = 8;
constexpr size_t kOwnHashBytes = 32;

constexpr uint32_t kMinCost = 4;
constexpr uint32_t kMaxCost = 14;
constexpr size_t kBcryptBytes = 60;
constexpr size_t kMaxBcryptPassword = 72;

constexpr uint32_t kMinPbkdf2Iterations = 1'000;
constexpr uint32_t kMaxPbkdf2Iterations = 2'000'000;

constexpr size_t kMinSaltBytes = 8;
constexpr size_t kMaxSaltBytes = 64;
constexpr size_t kMinHashBytes = 16;
constexpr size_t kMaxHashBytes = 64;

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(what);
}

absl::Status NoMemory() {
  return MakeError(absl::StatusCode::kUnavailable, "NO_MEMORY",
                   "there is no memory to hash a password; nothing was done");
}

// As decimal digits without a sign, a space or a zero in front.
std::optional<uint32_t> ParseNumber(absl::string_view text) {
  uint32_t number = 0;
  if (text.empty() || text[0] == '0' ||
      !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &number)) {
    return std::nullopt;
  }
  return number;
}

// The number behind a name, as 3 in "t=3" for "t=".
std::optional<uint32_t> ParseNamed(absl::string_view text,
                                   absl::string_view name) {
  if (!absl::ConsumePrefix(&text, name)) return std::nullopt;
  return ParseNumber(text);
}

// Base64 without padding, exact to the last bit.
std::optional<std::string> Decode(absl::string_view text) {
  std::string bytes(text.size(), '\0');
  size_t size = 0;
  if (sodium_base642bin(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size(),
                        text.data(), text.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0) {
    return std::nullopt;
  }
  bytes.resize(size);
  return bytes;
}

std::string Encode(absl::string_view bytes) {
  std::string text(sodium_base64_ENCODED_LEN(
                       bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING),
                   '\0');
  sodium_bin2base64(text.data(), text.size(),
                    reinterpret_cast<const uint8_t*>(bytes.data()),
                    bytes.size(), sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
  text.pop_back();  // The NUL.
  return text;
}

absl::Status ReadSaltAndHash(absl::string_view salt_text,
                             absl::string_view hash_text, std::string& salt,
                             std::string& hash) {
  std::optional<std::string> read_salt = Decode(salt_text);
  std::optional<std::string> read_hash = Decode(hash_text);
  if (!read_salt.has_value() || !read_hash.has_value()) {
    return Malformed("its salt or its hash is no Base64");
  }
  if (read_salt->size() < kMinSaltBytes || read_salt->size() > kMaxSaltBytes) {
    return Malformed("want a salt of 8 to 64 bytes");
  }
  if (read_hash->size() < kMinHashBytes || read_hash->size() > kMaxHashBytes) {
    return Malformed("want a hash of 16 to 64 bytes");
  }
  salt = *std::move(read_salt);
  hash = *std::move(read_hash);
  return absl::OkStatus();
}

// What a thread hashes in. It is kept for the next hash: to get the memory of
// each from the kernel and to give it back holds up every other thread of the
// process that wants some, by tens of milliseconds. The library overwrites it
// before it gives it back.
struct Scratch {
  size_t size = 0;
  std::unique_ptr<uint8_t[]> memory;
};
thread_local Scratch scratch;

// Of exactly that size, so that a large hash from elsewhere takes its memory
// no longer than until the next one.
int TakeScratch(uint8_t** memory, size_t size) {
  if (scratch.size != size) {
    scratch = {};
    scratch.memory.reset(new (std::nothrow) uint8_t[size]);
    if (scratch.memory == nullptr) return ARGON2_MEMORY_ALLOCATION_ERROR;
    scratch.size = size;
  }
  *memory = scratch.memory.get();
  return ARGON2_OK;
}

void KeepScratch(uint8_t* memory, size_t size) {}

// By the reference implementation, for libsodium's gets and gives back the
// memory each time.
absl::StatusOr<Secret> Argon2id(const Secret& password, uint32_t memory_kib,
                                uint32_t iterations, uint32_t lanes,
                                absl::string_view salt, size_t hash_bytes) {
  std::string hash(hash_bytes, '\0');
  std::string bytes(password.ExposeSecret());
  std::string salt_bytes(salt);
  argon2_context context{};
  context.out = reinterpret_cast<uint8_t*>(hash.data());
  context.outlen = static_cast<uint32_t>(hash.size());
  context.pwd = reinterpret_cast<uint8_t*>(bytes.data());
  context.pwdlen = static_cast<uint32_t>(bytes.size());
  context.salt = reinterpret_cast<uint8_t*>(salt_bytes.data());
  context.saltlen = static_cast<uint32_t>(salt_bytes.size());
  context.t_cost = iterations;
  context.m_cost = memory_kib;
  context.lanes = lanes;
  context.threads = 1;
  context.version = ARGON2_VERSION_13;
  context.allocate_cbk = TakeScratch;
  context.free_cbk = KeepScratch;
  const int error = argon2id_ctx(&context);
  Wipe(bytes);
  if (error == ARGON2_MEMORY_ALLOCATION_ERROR) return NoMemory();
  if (error != ARGON2_OK) {
    return absl::InternalError(
        absl::StrCat("argon2id: ", argon2_error_message(error)));
  }
  return Secret(std::move(hash));
}

}  // namespace

absl::StatusOr<PasswordHash> PasswordHash::Parse(absl::string_view text) {
  if (text.size() > kMaxTextBytes) return Malformed("it is too long");
  if (absl::StartsWith(text, kArgon2idPrefix)) return ParseArgon2id(text);
  if (absl::StartsWith(text, kPbkdf2Prefix)) return ParsePbkdf2(text);
  if (absl::StartsWith(text, "$2")) return ParseBcrypt(text);
  return Malformed(
      "want $argon2id$..., $2a$, $2b$ or $2y$ (bcrypt), pbkdf2-sha256$... or "
      "pbkdf2-sha512$...");
}

absl::StatusOr<PasswordHash> PasswordHash::ParseArgon2id(
    absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '$');
  if (parts.size() != 6 || parts[2] != "v=19") {
    return Malformed("want $argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$HASH");
  }
  const std::vector<absl::string_view> numbers = absl::StrSplit(parts[3], ',');
  if (numbers.size() != 3) return Malformed("want m=KIB,t=PASSES,p=LANES");
  const auto memory = ParseNamed(numbers[0], "m=");
  const auto passes = ParseNamed(numbers[1], "t=");
  const auto lanes = ParseNamed(numbers[2], "p=");
  if (!memory.has_value() || !passes.has_value() || !lanes.has_value()) {
    return Malformed("want m=KIB,t=PASSES,p=LANES");
  }
  if (*lanes > kMaxLanes || *memory < kMinMemoryPerLane * *lanes ||
      *memory > kMaxMemoryKib || *passes > kMaxPasses) {
    return Malformed(absl::StrCat("want at most ", kMaxMemoryKib,
                                  " KiB and at least ", kMinMemoryPerLane,
                                  " for each lane, at most ", kMaxPasses,
                                  " passes and ", kMaxLanes, " lanes"));
  }
  PasswordHash parsed;
  parsed.kind_ = Kind::kArgon2id;
  parsed.text_ = std::string(text);
  parsed.memory_kib_ = *memory;
  parsed.iterations_ = *passes;
  parsed.lanes_ = *lanes;
  RETURN_IF_ERROR(
      ReadSaltAndHash(parts[4], parts[5], parsed.salt_, parsed.hash_));
  return parsed;
}

absl::StatusOr<PasswordHash> PasswordHash::ParseBcrypt(absl::string_view text) {
  // "$2b$12$", 22 characters of salt, 31 of hash.
  const bool well_formed =
      text.size() == kBcryptBytes &&
      (text[2] == 'a' || text[2] == 'b' || text[2] == 'y') && text[3] == '$' &&
      absl::ascii_isdigit(text[4]) && absl::ascii_isdigit(text[5]) &&
      text[6] == '$' && std::all_of(text.begin() + 7, text.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '.' || c == '/';
      });
  if (!well_formed) {
    return Malformed("want the 60 characters of a bcrypt hash, $2b$COST$...");
  }
  const auto cost = static_cast<uint32_t>((text[4] - '0') * 10 + text[5] - '0');
  if (cost < kMinCost || cost > kMaxCost) {
    return Malformed(
        absl::StrCat("want a cost of ", kMinCost, " to ", kMaxCost));
  }
  PasswordHash parsed;
  parsed.kind_ = Kind::kBcrypt;
  parsed.text_ = std::string(text);
  return parsed;
}

absl::StatusOr<PasswordHash> PasswordHash::ParsePbkdf2(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '$');
  PasswordHash parsed;
  if (parts[0] == "pbkdf2-sha256") {
    parsed.kind_ = Kind::kPbkdf2Sha256;
  } else if (parts[0] == "pbkdf2-sha512") {
    parsed.kind_ = Kind::kPbkdf2Sha512;
  } else {
    return Malformed("want pbkdf2-sha256 or pbkdf2-sha512");
  }
  const auto iterations =
      parts.size() == 4 ? ParseNumber(parts[1]) : std::nullopt;
  if (!iterations.has_value()) {
    return Malformed("want pbkdf2-sha256$ITERATIONS$SALT$HASH");
  }
  if (*iterations < kMinPbkdf2Iterations ||
      *iterations > kMaxPbkdf2Iterations) {
    return Malformed(absl::StrCat("want ", kMinPbkdf2Iterations, " to ",
                                  kMaxPbkdf2Iterations, " iterations"));
  }
  parsed.text_ = std::string(text);
  parsed.iterations_ = *iterations;
  const auto unpad = [](absl::string_view base64) {
    if (base64.size() % 4 != 0) return base64;
    for (int i = 0; i < 2; ++i) absl::ConsumeSuffix(&base64, "=");
    return base64;
  };
  RETURN_IF_ERROR(ReadSaltAndHash(unpad(parts[2]), unpad(parts[3]),
                                  parsed.salt_, parsed.hash_));
  return parsed;
}

absl::StatusOr<PasswordHash> PasswordHash::Make(
    const Secret& password, const Argon2Parameters& parameters,
    absl::string_view salt) {
  if (salt.size() != kSaltBytes) {
    return absl::InternalError("a salt has 16 bytes");
  }
  ASSIGN_OR_RETURN(const Secret hash,
                   Argon2id(password, parameters.memory_kib,
                            parameters.iterations, 1, salt, kOwnHashBytes));
  return Parse(absl::StrCat(kArgon2idPrefix, "v=19$m=", parameters.memory_kib,
                            ",t=", parameters.iterations, ",p=1$", Encode(salt),
                            "$", Encode(hash.ExposeSecret())));
}

absl::StatusOr<bool> PasswordHash::Fits(const Secret& password) const {
  switch (kind_) {
    case Kind::kArgon2id:
      return FitsArgon2id(password);
    case Kind::kBcrypt:
      return FitsBcrypt(password);
    case Kind::kPbkdf2Sha256:
    case Kind::kPbkdf2Sha512:
      return FitsPbkdf2(password);
  }
  return false;
}

absl::StatusOr<bool> PasswordHash::FitsArgon2id(const Secret& password) const {
  ASSIGN_OR_RETURN(const Secret hash,
                   Argon2id(password, memory_kib_, iterations_, lanes_, salt_,
                            hash_.size()));
  return ConstantTimeEquals(hash.ExposeSecret(), hash_);
}

absl::StatusOr<bool> PasswordHash::FitsBcrypt(const Secret& password) const {
  // Its buffers, which hold the password for a while.
  struct Wiped {
    void operator()(crypt_data* data) const {
      OPENSSL_cleanse(data, sizeof(*data));
      delete data;
    }
  };
  const std::unique_ptr<crypt_data, Wiped> data(new crypt_data{});
  const absl::string_view whole = password.ExposeSecret();
  const bool too_long = whole.size() > kMaxBcryptPassword;
  // The same work, but what it would not have looked at is not taken as right.
  const Secret hashed{whole.substr(0, kMaxBcryptPassword)};
  std::string terminated(hashed.ExposeSecret());
  const char* hash = crypt_r(terminated.c_str(), text_.c_str(), data.get());
  Wipe(terminated);
  if (hash == nullptr) return NoMemory();
  return ConstantTimeEquals(hash, text_) && !too_long;
}

absl::StatusOr<bool> PasswordHash::FitsPbkdf2(const Secret& password) const {
  std::string hash(hash_.size(), '\0');
  const absl::string_view bytes = password.ExposeSecret();
  const EVP_MD* digest =
      kind_ == Kind::kPbkdf2Sha256 ? EVP_sha256() : EVP_sha512();
  if (PKCS5_PBKDF2_HMAC(bytes.data(), static_cast<int>(bytes.size()),
                        reinterpret_cast<const uint8_t*>(salt_.data()),
                        static_cast<int>(salt_.size()),
                        static_cast<int>(iterations_), digest,
                        static_cast<int>(hash.size()),
                        reinterpret_cast<uint8_t*>(hash.data())) != 1) {
    return NoMemory();
  }
  const bool fits = ConstantTimeEquals(hash, hash_);
  Wipe(hash);
  return fits;
}

bool PasswordHash::IsWeakerThan(const Argon2Parameters& parameters) const {
  return kind_ != Kind::kArgon2id || memory_kib_ < parameters.memory_kib ||
         iterations_ < parameters.iterations;
}

absl::string_view PasswordHash::kind() const {
  switch (kind_) {
    case Kind::kArgon2id:
      return "argon2id";
    case Kind::kBcrypt:
      return "bcrypt";
    case Kind::kPbkdf2Sha256:
      return "pbkdf2-sha256";
    case Kind::kPbkdf2Sha512:
      return "pbkdf2-sha512";
  }
  return "";
}

}  // namespace cofactor::factors::password
