#include "tests/doubles/engine_harness.h"

#include <cstdlib>
#include <iostream>

#include "factors/standard_factors.h"
#include "services/engine/keys.h"
#include "storage/log.h"

namespace cofactor {
namespace {

constexpr uint64_t kFirstSeed = 1;
constexpr char kIssuer[] = "https://id.example";
constexpr char kWebPushKey[] = "web push key";

// In the middle of a time step of 30 s.
absl::Time Start() {
  return absl::FromUnixSeconds(1'700'000'010) + absl::Seconds(15);
}

// A harness that cannot set up its scene has nothing to test.
template <typename T>
T Must(absl::StatusOr<T> value) {
  if (!value.ok()) {
    std::cerr << "test set-up failed: " << value.status() << std::endl;
    std::abort();
  }
  return *std::move(value);
}

services::SendPolicy Policy() {
  services::SendPolicy policy;
  policy.allowed_regions = {"DE", "US"};
  return policy;
}

factors::FactorRegistry StandardFactors() {
  factors::FactorRegistry::Builder builder;
  const absl::Status status = factors::RegisterStandardFactors(builder);
  if (!status.ok()) std::abort();
  return std::move(builder).Build();
}

}  // namespace

EngineHarness::EngineHarness() : EngineHarness(kFirstSeed) {}

EngineHarness::EngineHarness(uint64_t seed)
    : EngineHarness(StandardFactors(), seed) {}

EngineHarness::EngineHarness(factors::FactorRegistry registry)
    : EngineHarness(std::move(registry), kFirstSeed) {}

EngineHarness::EngineHarness(factors::FactorRegistry registry, uint64_t seed)
    : EngineHarness(std::move(registry), seed, Policy()) {}

EngineHarness::EngineHarness(factors::FactorRegistry registry,
                             services::SendPolicy policy)
    : EngineHarness(std::move(registry), kFirstSeed, std::move(policy)) {}

EngineHarness::EngineHarness(factors::FactorRegistry registry, uint64_t seed,
                             services::SendPolicy policy)
    : clock_(Start()),
      randomness_(seed),
      store_(clock_),
      registry_(std::move(registry)),
      code_index_(1'000'000, randomness_),
      send_limits_(std::move(policy), randomness_),
      messages_(&send_limits_, phone_numbers_, randomness_),
      notices_(registry_, messages_),
      receipts_(kIssuer, randomness_),
      sessions_(receipts_, randomness_),
      guard_(registry_, sessions_),
      enrollments_(registry_, messages_, randomness_, &guard_, &notices_),
      decoys_(randomness_.DrawSecret(32), randomness_),
      challenges_(registry_, decoys_, messages_, randomness_, &notices_),
      device_nonces_(
          services::DeviceNonces::KeyFrom(Secret(std::string(32, 's'))),
          randomness_),
      devices_(enrollments_, challenges_, device_nonces_, kWebPushKey),
      verifications_(registry_, code_index_, decoys_, &notices_),
      clients_(randomness_),
      exports_(registry_, randomness_),
      support_(registry_, code_index_),
      recoveries_(guard_, notices_, randomness_),
      audit_log_(randomness_, absl::Hours(24 * 400)),
      pool_(4, 1'000),
      runner_(store_, pool_, clock_, audit_log_, nullptr, &mailbox_) {}

void EngineHarness::CreateMember(const std::string& account_id,
                                 const std::string& member_id) {
  v1::GetAccountRequest get;
  get.set_account_id(account_id);
  if (!Call(&services::AccountEngine::GetAccount, get).ok()) {
    v1::CreateAccountRequest create;
    create.mutable_account()->set_account_id(account_id);
    Must(Call(&services::AccountEngine::CreateAccount, create));
  }
  v1::CreateMemberRequest create;
  create.mutable_member()->set_account_id(account_id);
  create.mutable_member()->set_member_id(member_id);
  Must(Call(&services::AccountEngine::CreateMember, create));
}

EngineHarness::Enrolled EngineHarness::EnrollTotp(const std::string& account_id,
                                                  const std::string& member_id,
                                                  const std::string& secret) {
  v1::TotpParameters parameters;
  parameters.set_secret(secret);
  return EnrollTotp(account_id, member_id, parameters);
}

EngineHarness::Enrolled EngineHarness::EnrollTotp(
    const std::string& account_id, const std::string& member_id,
    const v1::TotpParameters& parameters) {
  v1::BeginEnrollmentRequest begin;
  begin.set_account_id(account_id);
  begin.set_member_id(member_id);
  begin.set_factor_type("totp");
  *begin.mutable_parameters()->mutable_totp() = parameters;
  const auto begun =
      Must(Call(&services::EnrollmentEngine::BeginEnrollment, begin));
  Enrolled enrolled{begun.enrollment().enrollment_id(),
                    TotpAuthenticator::FromActivation(begun.activation().totp(),
                                                      parameters.digits())};
  v1::ConfirmEnrollmentRequest confirm;
  confirm.set_account_id(account_id);
  confirm.set_member_id(member_id);
  confirm.set_enrollment_id(enrolled.enrollment_id);
  confirm.mutable_response()->set_code(
      enrolled.authenticator.CodeAt(now(), -1));
  const auto confirmed =
      Must(Call(&services::EnrollmentEngine::ConfirmEnrollment, confirm));
  if (!confirmed.verified()) std::abort();
  return enrolled;
}

void EngineHarness::SuspendMember(const std::string& account_id,
                                  const std::string& member_id) {
  v1::UpdateMemberRequest request;
  request.mutable_member()->set_account_id(account_id);
  request.mutable_member()->set_member_id(member_id);
  request.mutable_member()->set_state(v1::MEMBER_STATE_SUSPENDED);
  request.mutable_update_mask()->add_paths("state");
  Must(Call(&services::AccountEngine::UpdateMember, request));
}

void EngineHarness::DeleteEnrollment(const std::string& account_id,
                                     const std::string& member_id,
                                     const std::string& enrollment_id) {
  v1::DeleteEnrollmentRequest request;
  request.set_account_id(account_id);
  request.set_member_id(member_id);
  request.set_enrollment_id(enrollment_id);
  Must(Call(&services::EnrollmentEngine::DeleteEnrollment, request));
}

void EngineHarness::ActAs(std::initializer_list<v1::Scope> scopes) {
  auto permissions = std::make_shared<services::Permissions>();
  permissions->client_id = "tester";
  for (const v1::Scope scope : scopes) permissions->scopes.Add(scope);
  caller_ = {std::move(permissions), "", ""};
}

void EngineHarness::Mailbox::Send(
    std::vector<services::PlannedMessage> messages) {
  MutexLock lock(mutex_);
  for (services::PlannedMessage& message : messages) {
    messages_.push_back(std::move(message));
  }
}

std::vector<services::PlannedMessage> EngineHarness::Mailbox::Take() {
  MutexLock lock(mutex_);
  return std::exchange(messages_, {});
}

std::vector<services::PlannedMessage> EngineHarness::TakeMessages() {
  return mailbox_.Take();
}

std::vector<record::v1::AuditRecord> EngineHarness::AuditEvents() {
  std::vector<record::v1::AuditRecord> events;
  for (const storage::Entry& entry :
       RawRecords(storage::LogPrefix(services::kAuditLog))) {
    events.push_back(Must(services::DecodeEvent(entry)).record);
  }
  return events;
}

std::vector<storage::Entry> EngineHarness::RawRecords(
    const std::string& prefix) {
  return Must(store_.GetSnapshot()->Scan(prefix, "", 100'000));
}

absl::StatusOr<v1::VerifyResponse> EngineHarness::Verify(
    const std::string& account_id, const std::string& member_id,
    const std::string& code) {
  v1::VerifyRequest request;
  request.set_account_id(account_id);
  request.set_member_id(member_id);
  request.set_code(code);
  return Call(&services::VerificationEngine::Verify, request);
}

v1::Enrollment EngineHarness::GetEnrollment(const std::string& account_id,
                                            const std::string& member_id,
                                            const std::string& enrollment_id) {
  v1::GetEnrollmentRequest request;
  request.set_account_id(account_id);
  request.set_member_id(member_id);
  request.set_enrollment_id(enrollment_id);
  return Must(Call(&services::EnrollmentEngine::GetEnrollment, request))
      .enrollment();
}

}  // namespace cofactor
