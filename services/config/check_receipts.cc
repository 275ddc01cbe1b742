#include "services/config/check_receipts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxIssuerBytes = 255;
constexpr absl::Duration kShortestRotation = absl::Hours(1);
constexpr absl::Duration kLongestRotation = absl::Hours(24 * 366);

// StringOrURI of RFC 7519, section 2: with a colon it has to be a URI.
bool IsIssuer(absl::string_view issuer) {
  if (issuer.size() > kMaxIssuerBytes ||
      !std::all_of(issuer.begin(), issuer.end(), absl::ascii_isgraph)) {
    return false;
  }
  if (!absl::StrContains(issuer, ':')) return true;
  if (!absl::ConsumePrefix(&issuer, "https://") &&
      !absl::ConsumePrefix(&issuer, "http://")) {
    return false;
  }
  return !issuer.empty() &&
         absl::ascii_isalnum(static_cast<unsigned char>(issuer[0]));
}

}  // namespace

void CheckReceipts(ConfigChecker& check, const ConfigPart& part,
                   const config::v1::Receipts& receipts) {
  if (!IsIssuer(receipts.issuer())) {
    check.Complain(part, "issuer",
                   "want a URL, as https://id.example.com, or a word without "
                   "spaces and colons, of at most 255 characters");
  }
  if (!config::v1::ReceiptAlgorithm_IsValid(receipts.algorithm())) {
    check.Complain(part, "algorithm",
                   "want RECEIPT_ALGORITHM_EDDSA or RECEIPT_ALGORITHM_ES256");
  }
  if (!receipts.has_rotate_every()) return;
  const absl::Duration every =
      absl::Seconds(receipts.rotate_every().seconds()) +
      absl::Nanoseconds(receipts.rotate_every().nanos());
  if (every < kShortestRotation || every > kLongestRotation) {
    check.Complain(part, "rotate_every", "want 3600 s to 366 days");
  }
}

}  // namespace cofactor::services
