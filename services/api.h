#ifndef COFACTOR_SERVICES_API_H_
#define COFACTOR_SERVICES_API_H_

#include <string>
#include <vector>

#include "grpcpp/server_builder.h"
#include "services/account_service.h"
#include "services/admin_service.h"
#include "services/approval_service.h"
#include "services/audit_service.h"
#include "services/auth_service.h"
#include "services/dev_service.h"
#include "services/device_service.h"
#include "services/engines.h"
#include "services/policy_service.h"
#include "services/receipt_service.h"
#include "services/recovery_service.h"
#include "services/session_service.h"
#include "services/sign_in_service.h"

namespace cofactor::services {

// What the services are made of beside the engines. Borrowed.
struct ApiParts {
  Chokepoint& chokepoint;
  ClientDirectory& directory;
  storage::Store& store;
  // Null if there is nothing to keep.
  StoreKeeper* keeper;
  AuditTail& audit_tail;
  ChallengeWatch& watch;
  DeviceChannels& channels;
  OffsetClock& clock;
  // Null if there is none.
  const OutboxGateway* outbox;
};

// All gRPC services of the server. Thread-safe.
class Api {
 public:
  // Names of all services that are guarded: everything but health and
  // reflection, which are open to all.
  static const std::vector<std::string>& GuardedServices();

  // engines: not owned. It and all parts must outlive this.
  Api(const Engines& engines, const ApiParts& parts);

  // dev: DevService too.
  void RegisterOn(grpc::ServerBuilder& builder, bool dev);

 private:
  AccountService accounts_;
  AdminService admin_;
  ApprovalService approvals_;
  AuditService audit_;
  AuthService auth_;
  DeviceService devices_;
  PolicyService policies_;
  ReceiptService receipts_;
  RecoveryService recoveries_;
  SessionService sessions_;
  SignInService sign_ins_;
  DevService dev_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_API_H_
