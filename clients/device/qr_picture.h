#ifndef COFACTOR_CLIENTS_DEVICE_QR_PICTURE_H_
#define COFACTOR_CLIENTS_DEVICE_QR_PICTURE_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::device {

// Of the file, and of the picture in it: a screen shot of any screen fits.
inline constexpr size_t kMaxPictureBytes = 16 * 1024 * 1024;
inline constexpr size_t kMaxPicturePixels = 40'000'000;

// The text of the one QR code in a picture, as it may be a photograph or a
// screen shot, from the bytes of a PNG file. Activation URIs are secrets, so it
// is one too.
//   INVALID_ARGUMENT  it is no PNG, or too large.
//   NOT_FOUND         there is no QR code in it, or more than one.
absl::StatusOr<Secret> ReadQrPicture(absl::string_view png);

// The same, from a file. NOT_FOUND: it cannot be read. "-" is no special name.
absl::StatusOr<Secret> ReadQrPictureFile(const std::string& path);

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_QR_PICTURE_H_
