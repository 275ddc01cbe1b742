#ifndef COFACTOR_FACTORS_QR_CODE_QR_CODE_H_
#define COFACTOR_FACTORS_QR_CODE_QR_CODE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cofactor::factors {

// A text as a QR code (ISO/IEC 18004), error correction level M, with the quiet
// zone of four modules that scanners want.
struct QrCode {
  // A document of its own, black on white, of any size.
  std::string svg;
  // Black and white, 6 pixels to a module.
  std::string png;
};

// INVALID_ARGUMENT: the text, at most some 2,300 bytes, is too long.
absl::StatusOr<QrCode> MakeQrCode(absl::string_view text);

}  // namespace cofactor::factors

#endif  // COFACTOR_FACTORS_QR_CODE_QR_CODE_H_
