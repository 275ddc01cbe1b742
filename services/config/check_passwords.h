#ifndef COFACTOR_SERVICES_CONFIG_CHECK_PASSWORDS_H_
#define COFACTOR_SERVICES_CONFIG_CHECK_PASSWORDS_H_

#include "cofactor/config/v1/server_config.pb.h"
#include "services/config/config_checker.h"

namespace cofactor::services {

// Checks how passwords are kept. part: that of passwords.
void CheckPasswords(ConfigChecker& check, const ConfigPart& part,
                    const config::v1::PasswordPolicy& passwords);

// Sets what may be left out to what its comment says that it means then.
void FillInDefaults(config::v1::PasswordPolicy& passwords);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CONFIG_CHECK_PASSWORDS_H_
