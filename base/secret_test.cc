#include "base/secret.h"

#include <type_traits>
#include <utility>

#include "base/randomness.h"
#include "gtest/gtest.h"

namespace cofactor {
namespace {

static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_convertible_v<std::string, Secret>);

TEST(SecretTest, WipesTheSourceOfAMove) {
  Secret source(std::string("short"));
  const Secret target(std::move(source));
  EXPECT_TRUE(source.empty());
  EXPECT_EQ(target.ExposeSecret(), "short");
}

TEST(SecretTest, WipesTheBytesBehindTheEndToo) {
  std::string bytes(64, 'x');
  bytes.resize(1);
  const char* data = bytes.data();
  Wipe(bytes);
  EXPECT_TRUE(bytes.empty());
  // The string still owns its old storage.
  ASSERT_EQ(bytes.data(), data);
  for (size_t i = 0; i < bytes.capacity(); ++i) EXPECT_EQ(data[i], 0);
}

TEST(SecretTest, ComparesByContent) {
  EXPECT_TRUE(ConstantTimeEquals("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEquals("abc", "abcd"));
  EXPECT_TRUE(ConstantTimeEquals("", ""));
}

TEST(RandomnessTest, DrawsDifferentSecretsAndIds) {
  SystemRandomness randomness;
  EXPECT_EQ(randomness.DrawSecret(20).size(), 20u);
  EXPECT_EQ(randomness.DrawId().size(), 32u);
  EXPECT_NE(randomness.DrawId(), randomness.DrawId());
}

TEST(RandomnessTest, RepeatsItselfForTheSameSeed) {
  SeededRandomness a(7), b(7), c(8);
  const std::string id = a.DrawId();
  EXPECT_EQ(id, b.DrawId());
  EXPECT_NE(id, c.DrawId());
}

}  // namespace
}  // namespace cofactor
