#ifndef COFACTOR_SERVICES_ENGINE_REMEMBERED_DEVICES_H_
#define COFACTOR_SERVICES_ENGINE_REMEMBERED_DEVICES_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/policy.pb.h"
#include "cofactor/v1/session.pb.h"
#include "services/engine/plan.h"

namespace cofactor::services {

// The most devices of a member that a policy may allow.
inline constexpr int kMaxRememberedDevices = 20;

// Remembers a device of the member for the plan's caller, in the place of the
// oldest if there are too many, and returns its token. policy: has
// remembered_devices.
absl::StatusOr<Secret> RememberDevice(Plan& plan,
                                      const record::v1::MemberRecord& member,
                                      const v1::Policy& policy,
                                      absl::string_view name,
                                      Randomness& randomness);

// The id of the member's device that a token opens, for the plan's caller; it
// is noted as used. Nothing: there is none such, or it is forgotten, which is
// no error.
absl::StatusOr<std::optional<std::string>> UseRememberedDevice(
    Plan& plan, const record::v1::MemberRecord& member,
    const v1::Policy& policy, absl::string_view token);

// The devices of the member that the policy of now still lets stand in for a
// factor. Their ends are no later than it allows.
absl::StatusOr<record::v1::RememberedDevicesRecord> ReadRememberedDevices(
    Plan& plan, const record::v1::MemberRecord& member,
    const v1::Policy& policy);

// Forgets a device of a member, whether it still stands in for a factor or not,
// unless the plan's caller may not know of it: who may not know members knows
// the devices of their own client alone. False: there is none such.
absl::StatusOr<bool> ForgetRememberedDevice(Plan& plan,
                                            absl::string_view account_id,
                                            absl::string_view member_id,
                                            absl::string_view device_id);

v1::RememberedDevice ViewOf(const record::v1::MemberRecord& member,
                            const record::v1::RememberedDeviceRecord& device);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_REMEMBERED_DEVICES_H_
