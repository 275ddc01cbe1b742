#ifndef COFACTOR_SERVICES_CONFIG_CHECK_RECEIPTS_H_
#define COFACTOR_SERVICES_CONFIG_CHECK_RECEIPTS_H_

#include "cofactor/config/v1/server_config.pb.h"
#include "services/config/config_checker.h"

namespace cofactor::services {

// Checks how receipts are signed. part: that of receipts.
void CheckReceipts(ConfigChecker& check, const ConfigPart& part,
                   const config::v1::Receipts& receipts);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CONFIG_CHECK_RECEIPTS_H_
