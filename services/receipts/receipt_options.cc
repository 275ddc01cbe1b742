#include "services/receipts/receipt_options.h"

namespace cofactor::services {

ReceiptOptions ReceiptOptionsOf(const config::v1::Receipts& receipts) {
  ReceiptOptions options;
  if (!receipts.issuer().empty()) options.issuer = receipts.issuer();
  if (receipts.algorithm() != config::v1::RECEIPT_ALGORITHM_UNSPECIFIED) {
    options.algorithm = receipts.algorithm();
  }
  if (receipts.has_rotate_every()) {
    options.rotate_every = absl::Seconds(receipts.rotate_every().seconds()) +
                           absl::Nanoseconds(receipts.rotate_every().nanos());
  }
  return options;
}

}  // namespace cofactor::services
