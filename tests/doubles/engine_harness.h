#ifndef COFACTOR_TESTS_DOUBLES_ENGINE_HARNESS_H_
#define COFACTOR_TESTS_DOUBLES_ENGINE_HARNESS_H_

#include <cstdint>
#include <future>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "factors/factor_registry.h"
#include "factors/sms/phone_number.h"
#include "services/engine/account_engine.h"
#include "services/engine/audit_engine.h"
#include "services/engine/audit_log.h"
#include "services/engine/binding_guard.h"
#include "services/engine/caller.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/client_engine.h"
#include "services/engine/code_index.h"
#include "services/engine/decoys.h"
#include "services/engine/delivery_engine.h"
#include "services/engine/device_engine.h"
#include "services/engine/device_nonces.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/export_engine.h"
#include "services/engine/message_planner.h"
#include "services/engine/message_sender.h"
#include "services/engine/mutation_runner.h"
#include "services/engine/notices.h"
#include "services/engine/recovery_engine.h"
#include "services/engine/send_limits.h"
#include "services/engine/sessions.h"
#include "services/engine/support_engine.h"
#include "services/engine/verification_engine.h"
#include "services/receipts/receipts.h"
#include "storage/memory/memory_store.h"
#include "tests/doubles/totp_authenticator.h"

namespace cofactor {

// The whole server without RPCs: engine, store in memory, standing clock, known
// randomness. Calls wait for their answers and may come from several threads.
class EngineHarness {
 public:
  // With the standard factors.
  EngineHarness();
  explicit EngineHarness(factors::FactorRegistry registry);
  // With the standard factors. Servers of one test with different seeds draw
  // different ids and keys.
  explicit EngineHarness(uint64_t seed);
  EngineHarness(factors::FactorRegistry registry, uint64_t seed);
  // With limits on messages of its own; by default those of a server that sends
  // to DE and US.
  EngineHarness(factors::FactorRegistry registry, services::SendPolicy policy);

  // One call of the engine that has the method, as
  // Call(&AccountEngine::GetMember, request).
  template <typename Engine, typename Request, typename Response>
  absl::StatusOr<Response> Call(absl::Status (Engine::*method)(services::Plan&,
                                                               const Request&,
                                                               Response&) const,
                                const Request& request) {
    return Call(Get<Engine>(), method, request);
  }

  // The same of an engine that the test brings.
  template <typename Engine, typename Request, typename Response>
  absl::StatusOr<Response> Call(const Engine& engine,
                                absl::Status (Engine::*method)(services::Plan&,
                                                               const Request&,
                                                               Response&) const,
                                const Request& request) {
    std::string request_id;
    if constexpr (requires { request.request_id(); }) {
      request_id = request.request_id();
    }
    Response response;
    std::promise<absl::Status> result;
    runner_.Run(
        caller_, request, request_id, response,
        [&](services::Plan& plan) {
          return (engine.*method)(plan, request, response);
        },
        [&result](absl::Status status) { result.set_value(status); });
    absl::Status status = result.get_future().get();
    if (!status.ok()) return status;
    return response;
  }

  // Creates the account, if need be, and the member. Ends the test on failure.
  void CreateMember(const std::string& account_id,
                    const std::string& member_id);

  // Begins and confirms a TOTP enrollment with the code of the step before, so
  // that the present one is still good. Ends the test on failure.
  struct Enrolled {
    std::string enrollment_id;
    TotpAuthenticator authenticator;
  };
  Enrolled EnrollTotp(const std::string& account_id,
                      const std::string& member_id,
                      const std::string& secret = "");
  Enrolled EnrollTotp(const std::string& account_id,
                      const std::string& member_id,
                      const v1::TotpParameters& parameters);

  // Ends the test on failure, as what follows.
  void SuspendMember(const std::string& account_id,
                     const std::string& member_id);
  void DeleteEnrollment(const std::string& account_id,
                        const std::string& member_id,
                        const std::string& enrollment_id);

  absl::StatusOr<v1::VerifyResponse> Verify(const std::string& account_id,
                                            const std::string& member_id,
                                            const std::string& code);

  v1::Enrollment GetEnrollment(const std::string& account_id,
                               const std::string& member_id,
                               const std::string& enrollment_id);

  // Who makes the calls from now on. At first the server itself, who may do
  // everything. Not while others call.
  void ActAs(services::Caller caller) { caller_ = std::move(caller); }
  // Makes the calls from now on as a client with these scopes alone.
  void ActAs(std::initializer_list<v1::Scope> scopes);

  // The messages that were sent since the last call of this.
  std::vector<services::PlannedMessage> TakeMessages();

  // All events of the audit log, in its order.
  std::vector<record::v1::AuditRecord> AuditEvents();
  // All that the store holds under a prefix, as it is kept.
  std::vector<storage::Entry> RawRecords(const std::string& prefix = "");

  const services::Decoys& decoys() const { return decoys_; }
  const services::DeviceEngine& devices() const { return devices_; }
  // Receipts need keys, which a test that wants some has to make
  // (services/receipts/receipt_keys.h).
  const services::Sessions& sessions() const { return sessions_; }
  const factors::FactorRegistry& registry() const { return registry_; }
  const services::ChallengeEngine& challenges() const { return challenges_; }
  const services::EnrollmentEngine& enrollments() const { return enrollments_; }
  const services::VerificationEngine& verifications() const {
    return verifications_;
  }
  ManualClock& clock() { return clock_; }
  storage::Store& store() { return store_; }
  absl::Time now() const { return clock_.Now(); }

 private:
  EngineHarness(factors::FactorRegistry registry, uint64_t seed,
                services::SendPolicy policy);

  // Keeps what is sent.
  class Mailbox final : public services::MessageSender {
   public:
    void Send(std::vector<services::PlannedMessage> messages) override;
    std::vector<services::PlannedMessage> Take();

   private:
    Mutex mutex_;
    std::vector<services::PlannedMessage> messages_ ABSL_GUARDED_BY(mutex_);
  };

  template <typename Engine>
  const Engine& Get() const {
    if constexpr (std::is_same_v<Engine, services::AccountEngine>) {
      return accounts_;
    } else if constexpr (std::is_same_v<Engine, services::EnrollmentEngine>) {
      return enrollments_;
    } else if constexpr (std::is_same_v<Engine, services::ChallengeEngine>) {
      return challenges_;
    } else if constexpr (std::is_same_v<Engine, services::DeliveryEngine>) {
      return deliveries_;
    } else if constexpr (std::is_same_v<Engine, services::DeviceEngine>) {
      return devices_;
    } else if constexpr (std::is_same_v<Engine, services::ClientEngine>) {
      return clients_;
    } else if constexpr (std::is_same_v<Engine, services::ExportEngine>) {
      return exports_;
    } else if constexpr (std::is_same_v<Engine, services::SupportEngine>) {
      return support_;
    } else if constexpr (std::is_same_v<Engine, services::AuditEngine>) {
      return audit_;
    } else if constexpr (std::is_same_v<Engine, services::RecoveryEngine>) {
      return recoveries_;
    } else {
      return verifications_;
    }
  }

  ManualClock clock_;
  SeededRandomness randomness_;
  storage::MemoryStore store_;
  factors::FactorRegistry registry_;
  services::CodeIndex code_index_;
  services::AccountEngine accounts_;
  const factors::sms::PhoneNumbers phone_numbers_;
  services::SendLimits send_limits_;
  services::MessagePlanner messages_;
  services::Notices notices_;
  services::Receipts receipts_;
  services::Sessions sessions_;
  services::BindingGuard guard_;
  services::EnrollmentEngine enrollments_;
  services::Decoys decoys_;
  services::ChallengeEngine challenges_;
  services::DeliveryEngine deliveries_;
  services::DeviceNonces device_nonces_;
  services::DeviceEngine devices_;
  services::VerificationEngine verifications_;
  services::ClientEngine clients_;
  services::ExportEngine exports_;
  services::SupportEngine support_;
  services::AuditEngine audit_;
  services::RecoveryEngine recoveries_;
  services::Caller caller_ = services::Caller::Server();
  services::AuditLog audit_log_;
  ThreadPool pool_;
  Mailbox mailbox_;
  services::MutationRunner runner_;
};

}  // namespace cofactor

#endif  // COFACTOR_TESTS_DOUBLES_ENGINE_HARNESS_H_
