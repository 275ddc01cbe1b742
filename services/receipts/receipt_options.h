#ifndef COFACTOR_SERVICES_RECEIPTS_RECEIPT_OPTIONS_H_
#define COFACTOR_SERVICES_RECEIPTS_RECEIPT_OPTIONS_H_

#include <string>

#include "absl/time/time.h"
#include "cofactor/config/v1/server_config.pb.h"

namespace cofactor::services {

// How receipts are signed. The defaults are those of a configuration that does
// not say.
struct ReceiptOptions {
  // The "iss".
  std::string issuer = "cofactor";
  // Of keys that are drawn from now on.
  config::v1::ReceiptAlgorithm algorithm = config::v1::RECEIPT_ALGORITHM_EDDSA;
  // A key signs for so long before the next one does.
  absl::Duration rotate_every = absl::Hours(24 * 30);
};

// The options by a configuration that ReadConfig has checked.
ReceiptOptions ReceiptOptionsOf(const config::v1::Receipts& receipts);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECEIPTS_RECEIPT_OPTIONS_H_
