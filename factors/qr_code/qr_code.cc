#include "factors/qr_code/qr_code.h"

#include <png.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "qrcodegen/qrcodegen.hpp"

namespace cofactor::factors {
namespace {

using ::qrcodegen::QrSegment;

constexpr int kQuietModules = 4;
constexpr int kPixelsPerModule = 6;

// Version 40 with error correction level M (ISO/IEC 18004, table 7).
constexpr size_t kMaxBytes = 2331;

std::string ToSvg(const qrcodegen::QrCode& code) {
  const int size = code.getSize() + 2 * kQuietModules;
  std::string svg = absl::StrCat(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 )", size, " ",
      size, R"(" shape-rendering="crispEdges">)",
      R"(<rect width="100%" height="100%" fill="#fff"/><path fill="#000" d=")");
  // One rectangle for each run of dark modules in a row.
  for (int y = 0; y < code.getSize(); ++y) {
    for (int x = 0; x < code.getSize(); ++x) {
      if (!code.getModule(x, y)) continue;
      const int start = x;
      while (code.getModule(x + 1, y)) ++x;
      const int run = x + 1 - start;
      absl::StrAppend(&svg, "M", start + kQuietModules, " ", y + kQuietModules,
                      "h", run, "v1h-", run, "z");
    }
  }
  absl::StrAppend(&svg, R"("/></svg>)");
  return svg;
}

absl::StatusOr<std::string> ToPng(const qrcodegen::QrCode& code) {
  const int side = (code.getSize() + 2 * kQuietModules) * kPixelsPerModule;
  std::vector<uint8_t> pixels;
  pixels.reserve(static_cast<size_t>(side) * static_cast<size_t>(side));
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const bool dark = code.getModule(x / kPixelsPerModule - kQuietModules,
                                       y / kPixelsPerModule - kQuietModules);
      pixels.push_back(dark ? 1 : 0);
    }
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(side);
  image.height = static_cast<png_uint_32>(side);
  // Two colours, so one bit to a pixel.
  image.format = PNG_FORMAT_RGB_COLORMAP;
  image.flags = PNG_IMAGE_FLAG_FAST;
  image.colormap_entries = 2;
  constexpr uint8_t kColors[] = {0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00};
  std::string png(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t bytes = png.size();
  if (!png_image_write_to_memory(&image, png.data(), &bytes,
                                 /*convert_to_8_bit=*/0, pixels.data(),
                                 /*row_stride=*/0, kColors)) {
    return absl::InternalError(absl::StrCat("PNG: ", image.message));
  }
  png.resize(bytes);
  return png;
}

}  // namespace

absl::StatusOr<QrCode> MakeQrCode(absl::string_view text) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError("the text is too long for a QR code");
  }
  const std::vector<QrSegment> segments{
      QrSegment::makeBytes(std::vector<uint8_t>(text.begin(), text.end()))};
  const qrcodegen::QrCode code = qrcodegen::QrCode::encodeSegments(
      segments, qrcodegen::QrCode::Ecc::MEDIUM);
  QrCode result;
  result.svg = ToSvg(code);
  ASSIGN_OR_RETURN(result.png, ToPng(code));
  return result;
}

}  // namespace cofactor::factors
