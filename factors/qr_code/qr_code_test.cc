#include "factors/qr_code/qr_code.h"

#include <png.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"

namespace cofactor::factors {
namespace {

using Modules = std::set<std::pair<int, int>>;  // The dark ones, x and y.

// The rectangles "Mx yhNv1h-Nz" of the path.
Modules ReadSvg(const std::string& svg) {
  Modules dark;
  const size_t start = svg.find(" d=\"M") + 5;
  const std::string path = svg.substr(start, svg.find('"', start) - start);
  for (const absl::string_view rectangle : absl::StrSplit(path, 'M')) {
    int x = 0, y = 0, run = 0;
    EXPECT_EQ(
        sscanf(std::string(rectangle).c_str(), "%d %dh%dv1", &x, &y, &run), 3);
    for (int i = 0; i < run; ++i) dark.emplace(x + i, y);
  }
  return dark;
}

Modules ReadPng(const std::string& png, int& side) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_memory(&image, png.data(), png.size()));
  image.format = PNG_FORMAT_GRAY;
  std::vector<uint8_t> pixels(PNG_IMAGE_SIZE(image));
  EXPECT_TRUE(
      png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr));
  side = static_cast<int>(image.width) / 6;
  Modules dark;
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      if (pixels[static_cast<size_t>((y * 6 + 3) * side * 6 + x * 6 + 3)] ==
          0) {
        dark.emplace(x, y);
      }
    }
  }
  return dark;
}

TEST(QrCodeTest, DrawsTheSameModulesAsSvgAndAsPng) {
  const auto code = MakeQrCode("otpauth://totp/acme:ada?secret=MZXW6YTB");
  ASSERT_TRUE(code.ok()) << code.status();
  int side = 0;
  const Modules png = ReadPng(code->png, side);
  EXPECT_EQ(ReadSvg(code->svg), png);
  EXPECT_FALSE(png.empty());
  for (const auto& [x, y] : png) {  // The quiet zone stays white.
    EXPECT_GE(std::min(x, y), 4);
    EXPECT_LT(std::max(x, y), side - 4);
  }
}

TEST(QrCodeTest, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(MakeQrCode(std::string(2331, 'x')).ok());
  EXPECT_EQ(MakeQrCode(std::string(2332, 'x')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cofactor::factors
