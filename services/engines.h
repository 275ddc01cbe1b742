#ifndef COFACTOR_SERVICES_ENGINES_H_
#define COFACTOR_SERVICES_ENGINES_H_

#include <string>

#include "base/randomness.h"
#include "base/secret.h"
#include "factors/factor_registry.h"
#include "factors/sms/phone_number.h"
#include "services/engine/account_engine.h"
#include "services/engine/approval_engine.h"
#include "services/engine/audit_engine.h"
#include "services/engine/binding_guard.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/client_engine.h"
#include "services/engine/code_index.h"
#include "services/engine/decoys.h"
#include "services/engine/device_engine.h"
#include "services/engine/device_nonces.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/export_engine.h"
#include "services/engine/message_planner.h"
#include "services/engine/notices.h"
#include "services/engine/policy_engine.h"
#include "services/engine/receipt_engine.h"
#include "services/engine/recovery_engine.h"
#include "services/engine/send_limits.h"
#include "services/engine/send_limits_engine.h"
#include "services/engine/session_engine.h"
#include "services/engine/sessions.h"
#include "services/engine/sign_in_engine.h"
#include "services/engine/support_engine.h"
#include "services/engine/verification_engine.h"
#include "services/receipts/receipt_options.h"
#include "services/receipts/receipts.h"

namespace cofactor::services {

struct EngineOptions {
  // What messages may cost.
  SendPolicy send_policy;
  // Whether there is anybody to send them.
  bool sends_messages = false;
  // See DeviceService; empty: no Web Push is configured.
  std::string web_push_public_key;
  ReceiptOptions receipts;
};

// All that decides calls, composed. Each is thread-safe.
struct Engines {
  // decoy_secret: of LoadDecoySecret. registry, randomness: not owned; must
  // outlive this.
  Engines(const EngineOptions& options, const factors::FactorRegistry& registry,
          Secret decoy_secret, Randomness& randomness);

  // In the order of construction: each needs only what stands above it.
  CodeIndex code_index;
  const AccountEngine accounts{};
  const AuditEngine audit{};
  const ClientEngine clients;
  const ExportEngine exports;
  const PolicyEngine policies;
  const factors::sms::PhoneNumbers phone_numbers{};
  const SendLimits limits;
  const SendLimitsEngine send_limits;
  const MessagePlanner messages;
  const Notices notices;
  const Receipts receipts;
  const ReceiptEngine receipt_keys;
  const Sessions sessions;
  const SessionEngine session_calls;
  const BindingGuard guard;
  const EnrollmentEngine enrollments;
  const RecoveryEngine recoveries;
  const DeviceNonces device_nonces;
  const Decoys decoys;
  const ChallengeEngine challenges;
  const DeviceEngine devices;
  const VerificationEngine verifications;
  const SupportEngine support;
  const ApprovalEngine approvals;
  const SignInEngine sign_ins;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINES_H_
