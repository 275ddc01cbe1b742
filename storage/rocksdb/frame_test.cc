#include "storage/rocksdb/frame.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace cofactor::storage {
namespace {

TEST(FrameTest, LiesOnDiskAsTheFormatSays) {
  const Frame frame{0x0102030405060708, absl::FromUnixMicros(0x1112131415),
                    "v"};
  EXPECT_EQ(EncodeFrame(frame),
            std::string("\1\1\2\3\4\5\6\7\10\0\0\0\x11\x12\x13\x14\x15v", 18));
  EXPECT_EQ(EncodeFrame({1, absl::InfiniteFuture(), ""}),
            std::string("\1\0\0\0\0\0\0\0\1", 9) + std::string(8, '\xFF'));
}

TEST(FrameTest, IsReadBackAsItWasWritten) {
  const std::string value("\0\xFF", 2);
  for (const absl::Time expire_time :
       {absl::UnixEpoch(), absl::FromUnixMicros(1'700'000'000'000'001),
        absl::InfiniteFuture()}) {
    const std::string bytes = EncodeFrame({~Version{0}, expire_time, value});
    const auto frame = DecodeFrame(bytes);
    ASSERT_TRUE(frame.ok()) << frame.status();
    EXPECT_EQ(frame->version, ~Version{0});
    EXPECT_EQ(frame->expire_time, expire_time);
    EXPECT_EQ(frame->value, value);
  }
}

TEST(FrameTest, TakesATimeBeforeTheEpochForLongPast) {
  const std::string bytes = EncodeFrame({1, absl::InfinitePast(), ""});
  EXPECT_EQ(DecodeFrame(bytes)->expire_time, absl::UnixEpoch());
}

TEST(FrameTest, NeverExpiresATimeTooLateToWrite) {
  const absl::Time late = absl::UnixEpoch() + absl::Hours(24) * 365.0 * 1e9;
  const std::string bytes = EncodeFrame({1, late, ""});
  EXPECT_GT(DecodeFrame(bytes)->expire_time, absl::FromUnixSeconds(1LL << 40));
}

TEST(FrameTest, RefusesWhatIsNoFrame) {
  const std::string bytes = EncodeFrame({1, absl::InfiniteFuture(), ""});
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeFrame(bytes.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss);
  }
  std::string of_another_format = bytes;
  of_another_format[0] = 2;
  EXPECT_EQ(DecodeFrame(of_another_format).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST(ExpiryKeyTest, SortsByTimeThenKey) {
  const absl::Time time = absl::FromUnixMicros(255);
  const absl::Time later = time + absl::Microseconds(1);
  EXPECT_LT(EncodeExpiryKey(time, "a"), EncodeExpiryKey(time, "b"));
  EXPECT_LT(EncodeExpiryKey(time, "b"), EncodeExpiryKey(later, "a"));
  EXPECT_LT(EncodeExpiryKey(time, std::string(100, '\xFF')),
            ExpiryKeyAfter(time));
  EXPECT_LE(ExpiryKeyAfter(time), EncodeExpiryKey(later, ""));
}

TEST(ExpiryKeyTest, IsReadBackAsItWasWritten) {
  const absl::Time time = absl::FromUnixMicros(1'700'000'000'000'001);
  const std::string bytes = EncodeExpiryKey(time, std::string("a\0b", 3));
  const auto entry = DecodeExpiryKey(bytes);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->expire_time, time);
  EXPECT_EQ(entry->key, std::string("a\0b", 3));
  EXPECT_EQ(DecodeExpiryKey("1234567").status().code(),
            absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cofactor::storage
