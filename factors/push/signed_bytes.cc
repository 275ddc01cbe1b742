#include "factors/push/signed_bytes.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cofactor::factors::push {
namespace {

// Puts fields one after the other.
class Bytes {
 public:
  explicit Bytes(absl::string_view use)
      : bytes_(absl::StrCat("cofactor/push/v1/", use)) {
    bytes_.push_back('\0');
  }

  Bytes& Add(absl::string_view field) {
    AppendBigEndian(field.size(), 4);
    bytes_.append(field.data(), field.size());
    return *this;
  }

  // A number: a field of 8 bytes, big-endian.
  Bytes& AddNumber(int64_t number) {
    AppendBigEndian(8, 4);
    AppendBigEndian(static_cast<uint64_t>(number), 8);
    return *this;
  }

  Bytes& Add(const DeviceIds& ids) {
    return Add(ids.account_id).Add(ids.member_id).Add(ids.enrollment_id);
  }

  Bytes& Add(const v1::DeviceKey& key) {
    return AddNumber(key.algorithm()).Add(key.public_key());
  }

  // Which address it is stands before what it is.
  Bytes& Add(const v1::WakeUpAddress& wake_up) {
    AddNumber(wake_up.address_case());
    return Add(wake_up.web_push().endpoint())
        .Add(wake_up.web_push().p256dh())
        .Add(wake_up.web_push().auth())
        .Add(wake_up.fcm_token())
        .Add(wake_up.apns_token());
  }

  std::string Take() { return std::move(bytes_); }

 private:
  void AppendBigEndian(uint64_t number, int size) {
    for (int i = size - 1; i >= 0; --i) {
      bytes_.push_back(static_cast<char>(number >> (8 * i) & 0xff));
    }
  }

  std::string bytes_;
};

}  // namespace

std::string DetailsDigest(absl::string_view purpose,
                          const v1::ChallengeDetails& details) {
  Bytes bytes("details");
  bytes.Add(purpose)
      .Add(details.title())
      .Add(details.amount())
      .Add(details.payee());
  std::vector<std::pair<absl::string_view, absl::string_view>> fields;
  for (const auto& [label, value] : details.fields()) {
    fields.emplace_back(label, value);
  }
  std::sort(fields.begin(), fields.end());
  bytes.AddNumber(static_cast<int64_t>(fields.size()));
  for (const auto& [label, value] : fields) bytes.Add(label).Add(value);
  const std::string text = bytes.Take();
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

std::string RegistrationBytes(const DeviceIds& ids,
                              const v1::DeviceRegistration& registration) {
  return Bytes("register")
      .Add(ids)
      .Add(registration.ticket())
      .Add(registration.key())
      .Add(registration.device_name())
      .Add(registration.platform())
      .Add(registration.wake_up())
      .Take();
}

std::string AnswerBytes(const DeviceIds& ids, const ShownChallenge& challenge,
                        const v1::PushAnswer& answer) {
  return Bytes("answer")
      .Add(challenge.challenge_id)
      .Add(ids)
      .Add(DetailsDigest(challenge.purpose, challenge.details))
      .AddNumber(answer.decision())
      .Add(answer.number())
      .Add(answer.reason())
      .AddNumber(absl::ToUnixMicros(challenge.expire_time))
      .Take();
}

std::string ListBytes(const DeviceIds& ids, absl::string_view nonce) {
  return Bytes("list").Add(ids).Add(nonce).Take();
}

std::string ChannelBytes(const DeviceIds& ids, absl::string_view nonce) {
  return Bytes("channel").Add(ids).Add(nonce).Take();
}

std::string RotationBytes(const DeviceIds& ids, absl::string_view nonce,
                          const v1::DeviceKey& new_key) {
  return Bytes("rotate").Add(ids).Add(nonce).Add(new_key).Take();
}

std::string UpdateBytes(const DeviceIds& ids, absl::string_view nonce,
                        absl::string_view device_name,
                        absl::string_view platform,
                        const v1::WakeUpAddress& wake_up) {
  return Bytes("update")
      .Add(ids)
      .Add(nonce)
      .Add(device_name)
      .Add(platform)
      .Add(wake_up)
      .Take();
}

}  // namespace cofactor::factors::push
