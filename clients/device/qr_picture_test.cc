#include "clients/device/qr_picture.h"

#include <png.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "factors/qr_code/qr_code.h"
#include "gtest/gtest.h"

namespace cofactor::device {
namespace {

constexpr absl::string_view kUri =
    "cofactor://enroll?server=https%3A%2F%2Fauth.example.com&account=acme&"
    "member=ada&enrollment=0123456789abcdef0123456789abcdef&ticket="
    "MFRGGZDFMZTWQ2LKNNWG23TPOA";

std::string PngOf(absl::string_view text) {
  return factors::MakeQrCode(text)->png;
}

// Grey pixels as a PNG.
std::string Encode(unsigned width, unsigned height,
                   const std::vector<uint8_t>& pixels) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t bytes = 0;
  png_image_write_to_memory(&image, nullptr, &bytes, 0, pixels.data(), 0,
                            nullptr);
  std::string png(bytes, '\0');
  png_image_write_to_memory(&image, png.data(), &bytes, 0, pixels.data(), 0,
                            nullptr);
  return png;
}

struct Decoded {
  unsigned width;
  unsigned height;
  std::vector<uint8_t> pixels;
};

Decoded Decode(const std::string& png) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  png_image_begin_read_from_memory(&image, png.data(), png.size());
  image.format = PNG_FORMAT_GRAY;
  Decoded decoded{image.width, image.height,
                  std::vector<uint8_t>(PNG_IMAGE_SIZE(image))};
  png_image_finish_read(&image, nullptr, decoded.pixels.data(), 0, nullptr);
  return decoded;
}

TEST(QrPictureTest, ReadsWhatOurServerDraws) {
  for (const std::string& text :
       {std::string(kUri), std::string("x"), std::string(1000, 'a')}) {
    const auto read = ReadQrPicture(PngOf(text));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->ExposeSecret(), text);
  }
}

TEST(QrPictureTest, ReadsACodeInAScreenOfTheDark) {
  const Decoded code = Decode(PngOf(kUri));
  const unsigned width = code.width + 300, height = code.height + 200;
  std::vector<uint8_t> screen(size_t{width} * height, 0x20);
  for (unsigned y = 0; y < code.height; ++y) {
    for (unsigned x = 0; x < code.width; ++x) {
      screen[size_t{y + 120} * width + x + 40] =
          code.pixels[size_t{y} * code.width + x] != 0 ? 0x20 : 0xE0;
    }
  }
  const auto read = ReadQrPicture(Encode(width, height, screen));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ExposeSecret(), kUri);
}

TEST(QrPictureTest, DoesNotChooseBetweenTwoCodes) {
  const Decoded one = Decode(PngOf("one")), two = Decode(PngOf("two"));
  ASSERT_EQ(one.width, two.width);
  std::vector<uint8_t> both = one.pixels;
  both.insert(both.end(), two.pixels.begin(), two.pixels.end());
  EXPECT_EQ(
      ReadQrPicture(Encode(one.width, 2 * one.height, both)).status().code(),
      absl::StatusCode::kNotFound);
}

TEST(QrPictureTest, SaysThatThereIsNoCode) {
  EXPECT_EQ(ReadQrPicture(Encode(50, 50, std::vector<uint8_t>(2500, 0x80)))
                .status()
                .code(),
            absl::StatusCode::kNotFound);
}

TEST(QrPictureTest, NoCutAndNoFlippedByteIsMoreThanAnError) {
  const std::string png = PngOf("short");
  for (size_t i = 0; i < png.size(); ++i) {
    EXPECT_FALSE(ReadQrPicture(absl::string_view(png).substr(0, i)).ok() &&
                 i + 20 < png.size())
        << i;
    std::string damaged = png;
    damaged[i] ^= 0x55;
    const auto read = ReadQrPicture(damaged);
    if (read.ok()) {
      EXPECT_EQ(read->ExposeSecret(), "short");
    }
  }
}

TEST(QrPictureTest, RefusesAPictureThatWouldTakeAllMemory) {
  std::string png = PngOf("short");
  // IHDR: width and height stand at 16, and its checksum behind 13 bytes.
  png.replace(16, 8, std::string("\x00\x00\xFF\xFF\x00\x00\xFF\xFF", 8));
  uint32_t crc = 0xFFFFFFFF;
  for (size_t i = 12; i < 29; ++i) {
    crc ^= static_cast<uint8_t>(png[i]);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
    }
  }
  crc = ~crc;
  for (int i = 0; i < 4; ++i) {
    png[29 + i] = static_cast<char>(crc >> (24 - 8 * i) & 0xFF);
  }
  const absl::Status status = ReadQrPicture(png).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("pixels"), std::string::npos) << status;
}

TEST(QrPictureTest, ReadsAFile) {
  const std::string path = absl::StrCat(testing::TempDir(), "/code.png");
  std::ofstream(path, std::ios::binary) << PngOf(kUri);
  const auto read = ReadQrPictureFile(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->ExposeSecret(), kUri);
  EXPECT_EQ(ReadQrPictureFile(path + ".none").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadQrPictureFile(testing::TempDir()).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace cofactor::device
