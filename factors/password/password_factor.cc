#include "factors/password/password_factor.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "factors/password/password_hash.h"
#include "factors/password/password_text.h"

namespace cofactor::factors::password {
namespace {

using ::cofactor::record::v1::PasswordStateRecord;

constexpr absl::string_view kTypeId = "password";
constexpr uint32_t kStateVersion = 1;
constexpr size_t kSeedBytes = 32;

constexpr absl::string_view kNewField = "parameters.password.password";
constexpr absl::string_view kHashField = "parameters.password.imported_hash";
constexpr absl::string_view kCurrentField =
    "parameters.password.current_password";
constexpr absl::string_view kResponseField = "response.password";

// Which kind of hash it is: tells who has not signed in since an import.
constexpr char kHashAttribute[] = "hash";

// They keep apart what follows from one seed. Part of what is stored: never to
// be changed.
constexpr absl::string_view kSaltTag = "cofactor password salt 1";
constexpr absl::string_view kSeedTag = "cofactor password seed 1";

std::string Derive(absl::string_view seed, absl::string_view tag) {
  std::string derived(kSeedBytes, '\0');
  unsigned int size = 0;
  HMAC(EVP_sha256(), seed.data(), static_cast<int>(seed.size()),
       reinterpret_cast<const uint8_t*>(tag.data()), tag.size(),
       reinterpret_cast<uint8_t*>(derived.data()), &size);
  return derived;
}

// Code points of a password that is the only factor asked for (NIST SP
// 800-63B-4, section 3.1.1.2).
constexpr size_t kMinAlone = 15;

// The salt of the next hash. A factor draws nothing as it verifies, so each
// state brings what its successor needs.
std::string SaltOf(const PasswordStateRecord& record) {
  return Derive(record.salt_seed(), kSaltTag)
      .substr(0, PasswordHash::kSaltBytes);
}

// The private state of an enrollment: wiped on destruction.
struct State {
  PasswordStateRecord record;

  State() = default;
  State(State&&) = default;
  State& operator=(State&&) = default;
  ~State() {
    cofactor::Wipe(*record.mutable_hash());
    cofactor::Wipe(*record.mutable_salt_seed());
  }

  FactorState Encode() const {
    return {kStateVersion, Secret(record.SerializeAsString())};
  }
};

absl::Status Damaged() {
  return absl::DataLossError("the state of a password enrollment is damaged");
}

absl::StatusOr<State> Decode(const FactorState& encoded) {
  if (encoded.version != kStateVersion) {
    return UnknownStateVersion(kTypeId, encoded.version);
  }
  State state;
  const absl::string_view bytes = encoded.data.ExposeSecret();
  if (!state.record.ParseFromArray(bytes.data(),
                                   static_cast<int>(bytes.size())) ||
      state.record.salt_seed().size() != kSeedBytes ||
      state.record.hash().empty() != state.record.decoy()) {
    return Damaged();
  }
  return state;
}

class PasswordFactor final : public Factor {
 public:
  explicit PasswordFactor(const PasswordOptions& options)
      : argon2_{options.memory_kib, options.iterations},
        min_code_points_(options.min_code_points),
        blocklist_(options.blocklist == nullptr ? std::make_shared<Blocklist>()
                                                : options.blocklist) {
    descriptor_.type_id = std::string(kTypeId);
    descriptor_.kind = v1::FACTOR_KIND_KNOWLEDGE;
    descriptor_.amr = {"pwd"};
    descriptor_.replay_guard = ReplayGuard::kNone;
    descriptor_.slow = true;
    descriptor_.single = true;
    descriptor_.parameters_type = "cofactor.v1.PasswordParameters";
    descriptor_.description = "A password that you know.";
  }

  const FactorDescriptor& descriptor() const override { return descriptor_; }

  absl::StatusOr<BegunEnrollment> BeginEnrollment(
      const EnrollmentSubject& subject, const v1::FactorParameters& parameters,
      absl::Time now, Randomness& randomness) const override {
    if (parameters.has_custom()) {
      return InvalidField("parameters.custom",
                          "password takes its parameters in "
                          "parameters.password");
    }
    State state;
    state.record.set_salt_seed(
        std::string(randomness.DrawSecret(kSeedBytes).ExposeSecret()));
    const v1::PasswordParameters& wanted = parameters.password();
    if (!wanted.imported_hash().empty()) {
      if (!wanted.password().empty()) {
        return InvalidField(kHashField, "has no place beside a password");
      }
      const absl::StatusOr<PasswordHash> imported =
          PasswordHash::Parse(wanted.imported_hash());
      if (!imported.ok()) {
        return InvalidField(kHashField, imported.status().message());
      }
      return Begun(std::move(state), *imported);
    }
    ASSIGN_OR_RETURN(const Secret chosen,
                     NormalizePassword(wanted.password(), kNewField));
    const size_t min_code_points = subject.suffices_alone
                                       ? std::max(min_code_points_, kMinAlone)
                                       : min_code_points_;
    if (CodePoints(chosen) < min_code_points) {
      return InvalidField(kNewField,
                          absl::StrCat("is too short: want ", min_code_points,
                                       " to ", kMaxCodePoints, " characters"));
    }
    RETURN_IF_ERROR(CheckStrength(chosen, *blocklist_,
                                  {subject.account_id, subject.member_id},
                                  kNewField));
    ASSIGN_OR_RETURN(const PasswordHash hash, HashAnew(chosen, state));
    return Begun(std::move(state), hash);
  }

  absl::StatusOr<std::optional<v1::FactorResponse>> CurrentSecret(
      const v1::FactorParameters& parameters) const override {
    const std::string& current = parameters.password().current_password();
    if (current.empty()) return std::nullopt;
    RETURN_IF_ERROR(NormalizePassword(current, kCurrentField).status());
    v1::FactorResponse response;
    response.set_password(current);
    return response;
  }

  // Shorter ones than a new password may be are taken: there are such, from
  // elsewhere and from before the bound rose.
  absl::Status CheckResponse(const v1::FactorResponse& response,
                             absl::string_view code_field) const override {
    if (response.response_case() != v1::FactorResponse::kPassword) {
      return InvalidField(kResponseField,
                          "want the password here, and nothing else");
    }
    return NormalizePassword(response.password(), kResponseField).status();
  }

  absl::StatusOr<Verdict> ConfirmEnrollment(
      const Attempt& attempt) const override {
    return Judge(attempt);
  }

  absl::StatusOr<Verdict> Verify(const Attempt& attempt) const override {
    return Judge(attempt);
  }

  // Brings no hash: with every password that is tried one is computed, at the
  // present parameters, as for a member's that needs no new one.
  absl::StatusOr<FactorState> DecoyState(
      Randomness& randomness) const override {
    State state;
    state.record.set_salt_seed(
        std::string(randomness.DrawSecret(kSeedBytes).ExposeSecret()));
    state.record.set_decoy(true);
    return state.Encode();
  }

 private:
  // The next hash of a state, which moves on to the seed after it.
  absl::StatusOr<PasswordHash> HashAnew(const Secret& password,
                                        State& state) const {
    ASSIGN_OR_RETURN(
        PasswordHash hash,
        PasswordHash::Make(password, argon2_, SaltOf(state.record)));
    std::string next = Derive(state.record.salt_seed(), kSeedTag);
    Wipe(*state.record.mutable_salt_seed());
    state.record.set_salt_seed(std::move(next));
    return hash;
  }

  static BegunEnrollment Begun(State state, const PasswordHash& hash) {
    state.record.set_hash(hash.text());
    BegunEnrollment begun;
    begun.state = state.Encode();
    begun.attributes[kHashAttribute] = std::string(hash.kind());
    return begun;
  }

  absl::StatusOr<Verdict> Judge(const Attempt& attempt) const {
    ASSIGN_OR_RETURN(State state, Decode(attempt.state));
    RETURN_IF_ERROR(CheckResponse(attempt.response, ""));
    ASSIGN_OR_RETURN(
        const Secret typed,
        NormalizePassword(attempt.response.password(), kResponseField));
    Verdict verdict;
    if (state.record.decoy()) {
      RETURN_IF_ERROR(
          PasswordHash::Make(typed, argon2_, SaltOf(state.record)).status());
      return verdict;
    }
    const absl::StatusOr<PasswordHash> stored =
        PasswordHash::Parse(state.record.hash());
    if (!stored.ok()) return Damaged();
    ASSIGN_OR_RETURN(verdict.accepted, stored->Fits(typed));
    if (!stored->IsWeakerThan(argon2_)) return verdict;
    // Also for a wrong one, or the time would tell of a right one that is
    // refused for another reason.
    ASSIGN_OR_RETURN(const PasswordHash better, HashAnew(typed, state));
    if (!verdict.accepted) return verdict;
    BegunEnrollment renewed = Begun(std::move(state), better);
    verdict.new_state = std::move(renewed.state);
    verdict.new_attributes = std::move(renewed.attributes);
    return verdict;
  }

  const Argon2Parameters argon2_;
  const size_t min_code_points_;
  const std::shared_ptr<const Blocklist> blocklist_;
  FactorDescriptor descriptor_;
};

absl::Status CheckRange(absl::string_view what, uint32_t value, uint32_t least,
                        uint32_t most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      what, " of passwords: want ", least, " to ", most, ", not ", value));
}

}  // namespace

absl::Status RegisterPassword(FactorRegistry::Builder& builder,
                              const PasswordOptions& options) {
  RETURN_IF_ERROR(
      CheckRange("memory_kib", options.memory_kib, 19'456, 262'144));
  RETURN_IF_ERROR(CheckRange("iterations", options.iterations, 2, 10));
  RETURN_IF_ERROR(
      CheckRange("min_code_points", options.min_code_points, 8, 64));
  return builder.Add(std::make_unique<PasswordFactor>(options));
}

}  // namespace cofactor::factors::password
