#include "services/engine/remembered_devices.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "services/engine/keys.h"
#include "services/engine/opaque_token.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::RememberedDeviceRecord;
using ::cofactor::record::v1::RememberedDevicesRecord;

// A token of a remembered device: "cfd_" + device id + "_" + secret.
constexpr absl::string_view kDeviceTokenPrefix = "cfd_";

constexpr int kDefaultMaxDevices = 5;

absl::Duration LifetimeOf(const v1::Policy& policy) {
  const auto& lifetime = policy.remembered_devices().lifetime();
  return absl::Seconds(lifetime.seconds()) +
         absl::Nanoseconds(lifetime.nanos());
}

int MaxDevices(const v1::Policy& policy) {
  const uint32_t wanted = policy.remembered_devices().max_devices();
  return wanted == 0 ? kDefaultMaxDevices
                     : static_cast<int>(
                           std::min<uint32_t>(wanted, kMaxRememberedDevices));
}

bool IsStillRemembered(const MemberRecord& member,
                       const RememberedDeviceRecord& device, absl::Time now) {
  return device.member_create_micros() == member.create_micros() &&
         device.device_generation() == member.device_generation() &&
         now < absl::FromUnixMicros(device.expire_micros());
}

// Writes what is left of the devices of a member.
void Write(Plan& plan, const std::string& key,
           RememberedDevicesRecord& devices) {
  if (devices.devices().empty()) return plan.Delete(key);
  int64_t last_micros = 0;
  for (const RememberedDeviceRecord& device : devices.devices()) {
    last_micros = std::max(last_micros, device.expire_micros());
  }
  plan.Write(key, devices, absl::FromUnixMicros(last_micros));
}

std::string KeyOf(const MemberRecord& member) {
  return RememberedDevicesKey(member.account_id(), member.member_id());
}

}  // namespace

absl::StatusOr<RememberedDevicesRecord> ReadRememberedDevices(
    Plan& plan, const MemberRecord& member, const v1::Policy& policy) {
  ASSIGN_OR_RETURN(auto stored,
                   plan.Read<RememberedDevicesRecord>(RememberedDevicesKey(
                       member.account_id(), member.member_id())));
  RememberedDevicesRecord still;
  if (!policy.has_remembered_devices()) return still;
  for (RememberedDeviceRecord& device : *stored.record.mutable_devices()) {
    const absl::Time end =
        absl::FromUnixMicros(device.create_micros()) + LifetimeOf(policy);
    device.set_expire_micros(
        std::min(device.expire_micros(), absl::ToUnixMicros(end)));
    if (IsStillRemembered(member, device, plan.now())) {
      still.add_devices()->Swap(&device);
    }
  }
  return still;
}

absl::StatusOr<Secret> RememberDevice(Plan& plan, const MemberRecord& member,
                                      const v1::Policy& policy,
                                      absl::string_view name,
                                      Randomness& randomness) {
  ASSIGN_OR_RETURN(RememberedDevicesRecord devices,
                   ReadRememberedDevices(plan, member, policy));
  const int too_many = devices.devices_size() + 1 - MaxDevices(policy);
  if (too_many > 0) devices.mutable_devices()->DeleteSubrange(0, too_many);
  const Secret secret = DrawTokenSecret(randomness);
  RememberedDeviceRecord& device = *devices.add_devices();
  device.set_device_id(randomness.DrawId());
  device.set_name(std::string(name));
  device.set_client_id(plan.caller().client_id());
  device.set_secret_hash(HashOfTokenSecret(secret));
  device.set_device_generation(member.device_generation());
  device.set_member_create_micros(member.create_micros());
  device.set_create_micros(absl::ToUnixMicros(plan.now()));
  device.set_expire_micros(absl::ToUnixMicros(plan.now() + LifetimeOf(policy)));
  Write(plan, KeyOf(member), devices);
  return MakeToken(kDeviceTokenPrefix, device.device_id(), {&secret});
}

absl::StatusOr<std::optional<std::string>> UseRememberedDevice(
    Plan& plan, const MemberRecord& member, const v1::Policy& policy,
    absl::string_view token) {
  const std::optional<PresentedToken> presented =
      ParseToken(kDeviceTokenPrefix, 1, token);
  if (!presented.has_value() || !MayVerify(member, plan.now())) {
    return std::nullopt;
  }
  ASSIGN_OR_RETURN(RememberedDevicesRecord devices,
                   ReadRememberedDevices(plan, member, policy));
  const std::string hash = HashOfTokenSecret(presented->secrets[0]);
  for (RememberedDeviceRecord& device : *devices.mutable_devices()) {
    if (device.device_id() != presented->id ||
        device.client_id() != plan.caller().client_id() ||
        !ConstantTimeEquals(device.secret_hash(), hash)) {
      continue;
    }
    device.set_last_use_micros(absl::ToUnixMicros(plan.now()));
    Write(plan, KeyOf(member), devices);
    return device.device_id();
  }
  return std::nullopt;
}

absl::StatusOr<bool> ForgetRememberedDevice(Plan& plan,
                                            absl::string_view account_id,
                                            absl::string_view member_id,
                                            absl::string_view device_id) {
  const std::string key = RememberedDevicesKey(account_id, member_id);
  ASSIGN_OR_RETURN(auto stored, plan.Read<RememberedDevicesRecord>(key));
  auto& devices = *stored.record.mutable_devices();
  const auto found =
      std::find_if(devices.begin(), devices.end(),
                   [&](const RememberedDeviceRecord& device) {
                     return device.device_id() == device_id &&
                            (plan.caller().MayKnowMembers() ||
                             device.client_id() == plan.caller().client_id());
                   });
  if (found == devices.end()) return false;
  devices.erase(found);
  Write(plan, key, stored.record);
  return true;
}

v1::RememberedDevice ViewOf(const MemberRecord& member,
                            const RememberedDeviceRecord& device) {
  v1::RememberedDevice view;
  view.set_device_id(device.device_id());
  view.set_account_id(member.account_id());
  view.set_member_id(member.member_id());
  view.set_name(device.name());
  view.set_client_id(device.client_id());
  *view.mutable_create_time() =
      ToTimestamp(absl::FromUnixMicros(device.create_micros()));
  if (device.last_use_micros() != 0) {
    *view.mutable_last_use_time() =
        ToTimestamp(absl::FromUnixMicros(device.last_use_micros()));
  }
  *view.mutable_expire_time() =
      ToTimestamp(absl::FromUnixMicros(device.expire_micros()));
  return view;
}

}  // namespace cofactor::services
