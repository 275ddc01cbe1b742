#include "clients/device/qr_picture.h"

#include <png.h>
#include <zbar.h>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace cofactor::device {
namespace {

// One byte of grey a pixel, row by row.
struct Picture {
  unsigned width = 0;
  unsigned height = 0;
  std::vector<uint8_t> pixels;
};

absl::Status NotAPng() {
  return absl::InvalidArgumentError(
      "the picture is no PNG, or damaged; other formats can be saved as PNG");
}

absl::StatusOr<Picture> ReadPng(absl::string_view png) {
  if (png.size() > kMaxPictureBytes) {
    return absl::InvalidArgumentError("the picture is larger than 16 MiB");
  }
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> freed(
      &image, png_image_free);
  if (!png_image_begin_read_from_memory(&image, png.data(), png.size())) {
    return NotAPng();
  }
  if (image.width == 0 || image.height == 0 ||
      size_t{image.width} * image.height > kMaxPicturePixels) {
    return absl::InvalidArgumentError(
        "the picture has more than 40 million pixels: cut out the QR code");
  }
  image.format = PNG_FORMAT_GRAY;
  Picture picture{image.width, image.height,
                  std::vector<uint8_t>(PNG_IMAGE_SIZE(image))};
  // What is transparent is taken to be white.
  const png_color white{255, 255, 255};
  if (!png_image_finish_read(&image, &white, picture.pixels.data(), 0,
                             nullptr)) {
    return NotAPng();
  }
  return picture;
}

}  // namespace

absl::StatusOr<Secret> ReadQrPicture(absl::string_view png) {
  ASSIGN_OR_RETURN(const Picture picture, ReadPng(png));
  const std::unique_ptr<zbar::zbar_image_scanner_t,
                        decltype(&zbar::zbar_image_scanner_destroy)>
      scanner(zbar::zbar_image_scanner_create(),
              zbar::zbar_image_scanner_destroy);
  const std::unique_ptr<zbar::zbar_image_t, decltype(&zbar::zbar_image_destroy)>
      image(zbar::zbar_image_create(), zbar::zbar_image_destroy);
  zbar::zbar_image_scanner_set_config(scanner.get(), zbar::ZBAR_NONE,
                                      zbar::ZBAR_CFG_ENABLE, 0);
  zbar::zbar_image_scanner_set_config(scanner.get(), zbar::ZBAR_QRCODE,
                                      zbar::ZBAR_CFG_ENABLE, 1);
  // White on black, as screens in the dark have it.
  zbar::zbar_image_scanner_set_config(scanner.get(), zbar::ZBAR_NONE,
                                      zbar::ZBAR_CFG_TEST_INVERTED, 1);
  zbar::zbar_image_set_format(image.get(), zbar_fourcc('Y', '8', '0', '0'));
  zbar::zbar_image_set_size(image.get(), picture.width, picture.height);
  zbar::zbar_image_set_data(image.get(), picture.pixels.data(),
                            picture.pixels.size(), nullptr);
  zbar::zbar_scan_image(scanner.get(), image.get());
  // A code may be found in several places of the scan.
  std::set<absl::string_view> texts;
  for (const zbar::zbar_symbol_t* symbol =
           zbar::zbar_image_first_symbol(image.get());
       symbol != nullptr; symbol = zbar::zbar_symbol_next(symbol)) {
    texts.insert(absl::string_view(zbar::zbar_symbol_get_data(symbol),
                                   zbar::zbar_symbol_get_data_length(symbol)));
  }
  if (texts.empty()) {
    return absl::NotFoundError(
        "no QR code was found in the picture: it has to be whole, sharp, and "
        "with a margin around it");
  }
  if (texts.size() > 1) {
    return absl::NotFoundError(
        "there is more than one QR code in the picture: cut out one");
  }
  return Secret(*texts.begin());
}

absl::StatusOr<Secret> ReadQrPictureFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes(kMaxPictureBytes + 1, '\0');
  file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(file.gcount()));
  if (bytes.empty()) {
    return absl::NotFoundError(
        absl::StrCat(path, ": cannot be read, or is empty"));
  }
  absl::StatusOr<Secret> text = ReadQrPicture(bytes);
  if (text.ok()) return text;
  return absl::Status(text.status().code(),
                      absl::StrCat(path, ": ", text.status().message()));
}

}  // namespace cofactor::device
