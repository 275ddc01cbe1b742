#ifndef COFACTOR_SERVICES_CONFIG_CHECK_PUSH_H_
#define COFACTOR_SERVICES_CONFIG_CHECK_PUSH_H_

#include "cofactor/config/v1/server_config.pb.h"
#include "services/config/config_checker.h"

namespace cofactor::services {

// Checks how devices are reached. part: that of push. mode: of the server.
void CheckPush(ConfigChecker& check, const ConfigPart& part,
               const config::v1::Push& push, config::v1::Mode mode);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CONFIG_CHECK_PUSH_H_
