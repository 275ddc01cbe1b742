#include "tests/doubles/mailbox.h"

#include <cstdlib>
#include <memory>
#include <optional>
#include <utility>

namespace cofactor {
namespace {

using factors::BegunEnrollment;
using factors::FactorState;
using factors::StartedChallenge;

// Passes every call on, and copies what is to be sent.
class CopyingFactor final : public factors::Factor {
 public:
  CopyingFactor(const factors::Factor& factor, Mailbox& mailbox)
      : factor_(factor), mailbox_(mailbox) {}

  const factors::FactorDescriptor& descriptor() const override {
    return factor_.descriptor();
  }

  absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const factors::EnrollmentSubject& subject,
      const v1::FactorParameters& parameters, absl::Time now,
      Randomness& randomness) const override {
    return Copied(
        factor_.BeginEnrollment(subject, parameters, now, randomness));
  }

  absl::StatusOr<BegunEnrollment> ResendEnrollment(
      const FactorState& state, absl::Time now,
      Randomness& randomness) const override {
    return Copied(factor_.ResendEnrollment(state, now, randomness));
  }

  absl::StatusOr<StartedChallenge> StartChallenge(
      const FactorState& state, absl::Time now,
      Randomness& randomness) const override {
    return Copied(factor_.StartChallenge(state, now, randomness));
  }

  absl::StatusOr<std::optional<factors::OutgoingMessage>> WakeUp(
      const FactorState& state) const override {
    return factor_.WakeUp(state);
  }

  absl::StatusOr<std::optional<v1::FactorResponse>> CurrentSecret(
      const v1::FactorParameters& parameters) const override {
    return factor_.CurrentSecret(parameters);
  }

  absl::StatusOr<std::optional<factors::OutgoingMessage>> NoticeTo(
      const FactorState& state) const override {
    return factor_.NoticeTo(state);
  }

  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    return factor_.CheckResponse(response, code_field);
  }

  absl::StatusOr<factors::Verdict> ConfirmEnrollment(
      const factors::Attempt& attempt) const override {
    return factor_.ConfirmEnrollment(attempt);
  }

  absl::StatusOr<factors::Verdict> Verify(
      const factors::Attempt& attempt) const override {
    return factor_.Verify(attempt);
  }

  absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const override {
    return factor_.DecoyState(randomness);
  }

  absl::StatusOr<int64_t> HighestAcceptableCounter(
      const FactorState& state, absl::Time now) const override {
    return factor_.HighestAcceptableCounter(state, now);
  }

  absl::StatusOr<factors::AcceptableCodes> ListAcceptableCodes(
      const FactorState& state, absl::Time now) const override {
    return factor_.ListAcceptableCodes(state, now);
  }

 private:
  template <typename T>
  absl::StatusOr<T> Copied(absl::StatusOr<T> made) const {
    if (made.ok()) mailbox_.Put(made->messages);
    return made;
  }

  const factors::Factor& factor_;
  Mailbox& mailbox_;
};

}  // namespace

void Mailbox::Put(const std::vector<factors::OutgoingMessage>& messages) {
  MutexLock lock(mutex_);
  for (const factors::OutgoingMessage& message : messages) {
    codes_.emplace_back(message.code.ExposeSecret());
  }
}

std::vector<std::string> Mailbox::codes() const {
  MutexLock lock(mutex_);
  return codes_;
}

factors::FactorRegistry CopyMessages(const factors::FactorRegistry& factors,
                                     Mailbox& mailbox) {
  factors::FactorRegistry::Builder builder;
  for (const factors::Factor* factor : factors.All()) {
    const absl::Status status =
        builder.Add(std::make_unique<CopyingFactor>(*factor, mailbox));
    if (!status.ok()) std::abort();
  }
  return std::move(builder).Build();
}

}  // namespace cofactor
