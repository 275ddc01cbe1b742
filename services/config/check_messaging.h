#ifndef COFACTOR_SERVICES_CONFIG_CHECK_MESSAGING_H_
#define COFACTOR_SERVICES_CONFIG_CHECK_MESSAGING_H_

#include "cofactor/config/v1/server_config.pb.h"
#include "services/config/config_checker.h"

namespace cofactor::services {

// Checks how messages leave. part: that of messaging. mode: of the server.
void CheckMessaging(ConfigChecker& check, const ConfigPart& part,
                    const config::v1::Messaging& messaging,
                    config::v1::Mode mode);

// Sets what may be left out to what its comment says that it means then.
void FillInDefaults(config::v1::Sms& sms);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CONFIG_CHECK_MESSAGING_H_
