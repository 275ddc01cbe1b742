#include "services/receipts/receipt_options.h"

#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

TEST(ReceiptOptionsTest, HasDefaults) {
  const ReceiptOptions options = ReceiptOptionsOf({});
  EXPECT_EQ(options.issuer, "cofactor");
  EXPECT_EQ(options.algorithm, config::v1::RECEIPT_ALGORITHM_EDDSA);
  EXPECT_EQ(options.rotate_every, absl::Hours(720));
}

TEST(ReceiptOptionsTest, TakesWhatTheConfigurationSays) {
  config::v1::Receipts receipts;
  receipts.set_issuer("https://id.example.com");
  receipts.set_algorithm(config::v1::RECEIPT_ALGORITHM_ES256);
  receipts.mutable_rotate_every()->set_seconds(7200);
  receipts.mutable_rotate_every()->set_nanos(1);
  const ReceiptOptions options = ReceiptOptionsOf(receipts);
  EXPECT_EQ(options.issuer, "https://id.example.com");
  EXPECT_EQ(options.algorithm, config::v1::RECEIPT_ALGORITHM_ES256);
  EXPECT_EQ(options.rotate_every, absl::Hours(2) + absl::Nanoseconds(1));
}

}  // namespace
}  // namespace cofactor::services
