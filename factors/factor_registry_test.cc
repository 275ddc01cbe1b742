#include "factors/factor_registry.h"

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace cofactor::factors {
namespace {

// Says what it is, and does nothing.
class SilentFactor final : public Factor {
 public:
  explicit SilentFactor(FactorDescriptor descriptor)
      : descriptor_(std::move(descriptor)) {}

  const FactorDescriptor& descriptor() const override { return descriptor_; }
  absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const EnrollmentSubject& subject, const v1::FactorParameters& parameters,
      absl::Time now, Randomness& randomness) const override {
    return absl::InternalError("silent");
  }
  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    return absl::OkStatus();
  }
  absl::StatusOr<Verdict> ConfirmEnrollment(
      const Attempt& attempt) const override {
    return Verdict();
  }
  absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const override {
    return FactorState();
  }
  absl::StatusOr<Verdict> Verify(const Attempt& attempt) const override {
    return Verdict();
  }

 private:
  const FactorDescriptor descriptor_;
};

FactorDescriptor GoodDescriptor(const std::string& type_id) {
  FactorDescriptor descriptor;
  descriptor.type_id = type_id;
  descriptor.kind = v1::FACTOR_KIND_KNOWLEDGE;
  descriptor.amr = {"pwd"};
  descriptor.parameters_type = "google.protobuf.Empty";
  return descriptor;
}

absl::Status AddTo(FactorRegistry::Builder& builder,
                   FactorDescriptor descriptor) {
  return builder.Add(std::make_unique<SilentFactor>(std::move(descriptor)));
}

TEST(FactorRegistryTest, FindsWhatWasAddedInTheOrderOfIds) {
  FactorRegistry::Builder builder;
  ASSERT_TRUE(AddTo(builder, GoodDescriptor("b")).ok());
  ASSERT_TRUE(AddTo(builder, GoodDescriptor("a")).ok());
  const FactorRegistry registry = std::move(builder).Build();
  EXPECT_EQ(registry.Find("a")->descriptor().type_id, "a");
  EXPECT_EQ(registry.Find("c"), nullptr);
  ASSERT_EQ(registry.All().size(), 2u);
  EXPECT_EQ(registry.All()[0]->descriptor().type_id, "a");
}

TEST(FactorRegistryTest, RefusesTheSameIdTwice) {
  FactorRegistry::Builder builder;
  ASSERT_TRUE(AddTo(builder, GoodDescriptor("a")).ok());
  EXPECT_EQ(AddTo(builder, GoodDescriptor("a")).code(),
            absl::StatusCode::kAlreadyExists);
}

TEST(FactorRegistryTest, RefusesADescriptorThatContradictsItself) {
  FactorRegistry::Builder builder;
  for (const std::string& id : {std::string(), std::string("A"),
                                std::string("a-b"), std::string(33, 'a')}) {
    EXPECT_FALSE(AddTo(builder, GoodDescriptor(id)).ok()) << id;
  }
  FactorDescriptor descriptor = GoodDescriptor("a");
  descriptor.amr.clear();
  EXPECT_FALSE(AddTo(builder, descriptor).ok());
  // What a person has must not be shown twice.
  descriptor = GoodDescriptor("a");
  descriptor.kind = v1::FACTOR_KIND_POSSESSION;
  EXPECT_FALSE(AddTo(builder, descriptor).ok());
  descriptor = GoodDescriptor("a");
  descriptor.replay_guard = ReplayGuard::kChallenge;
  EXPECT_FALSE(AddTo(builder, descriptor).ok());
}

}  // namespace
}  // namespace cofactor::factors
