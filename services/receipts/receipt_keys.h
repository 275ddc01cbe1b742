#ifndef COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEYS_H_
#define COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEYS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cofactor/config/v1/server_config.pb.h"
#include "cofactor/record/v1/record.pb.h"
#include "storage/store.h"

namespace cofactor::services {

// The longest life that a policy may give to a receipt.
inline constexpr absl::Duration kLongestReceiptLifetime = absl::Hours(1);
// How far the clocks of two servers of one store may be apart.
inline constexpr absl::Duration kReceiptClockTolerance = absl::Seconds(60);

// The keys that sign receipts have a life of three states, as
// cofactor.v1.ReceiptKeyState. One is next: verifiers fetch it before they need
// it. One is current: it signs. Those of before verify until the last receipt
// that they signed is over. All keys are drawn by OpenSSL's generator; the id
// of a key is its thumbprint (RFC 7638), so that no two keys share one.

// Draws a current and a next key into a record that has none. INTERNAL: OpenSSL
// cannot make one.
absl::Status DrawReceiptKeys(config::v1::ReceiptAlgorithm algorithm,
                             absl::Time now,
                             record::v1::ReceiptKeysRecord& keys);

// Has the next key sign from now on, and draws one more. drop_current: the key
// that signed until now is forgotten at once, with all that it signed.
//   FAILED_PRECONDITION, reason TOO_MANY_RECEIPT_KEYS: there were so many
//     rotations within the life of a receipt that verifiers would have too much
//     to fetch. Never with drop_current.
//   DATA_LOSS: the record has no current key.
//   INTERNAL: OpenSSL cannot make a key.
// After an error the record is in no state to be written.
absl::Status RotateReceiptKeys(config::v1::ReceiptAlgorithm algorithm,
                               absl::Time now, bool drop_current,
                               record::v1::ReceiptKeysRecord& keys);

// Forgets the keys of before whose receipts are all over, and returns their
// ids.
std::vector<std::string> DropOldReceiptKeys(
    absl::Time now, record::v1::ReceiptKeysRecord& keys);

// Draws the keys of a store at its first start. Does nothing if it has some,
// also if another server is quicker. Waits for the disk: for the start alone.
// Errors: as DrawReceiptKeys, and those of the store.
absl::Status CreateReceiptKeys(storage::Store& store,
                               config::v1::ReceiptAlgorithm algorithm,
                               absl::Time now);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEYS_H_
