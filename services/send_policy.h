#ifndef COFACTOR_SERVICES_SEND_POLICY_H_
#define COFACTOR_SERVICES_SEND_POLICY_H_

#include "cofactor/config/v1/server_config.pb.h"
#include "services/engine/send_limits.h"

namespace cofactor::services {

// What messages may cost by a configuration that ReadConfig has checked.
SendPolicy SendPolicyOf(const config::v1::Sms& sms);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_SEND_POLICY_H_
