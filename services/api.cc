#include "services/api.h"

namespace cofactor::services {

const std::vector<std::string>& Api::GuardedServices() {
  static const auto* services = new std::vector<std::string>{
      "cofactor.v1.AccountService",  "cofactor.v1.AdminService",
      "cofactor.v1.ApprovalService", "cofactor.v1.AuditService",
      "cofactor.v1.AuthService",     "cofactor.v1.DeviceService",
      "cofactor.v1.PolicyService",   "cofactor.v1.ReceiptService",
      "cofactor.v1.RecoveryService", "cofactor.v1.SessionService",
      "cofactor.v1.SignInService",   "cofactor.dev.v1.DevService"};
  return *services;
}

Api::Api(const Engines& engines, const ApiParts& parts)
    : accounts_(parts.chokepoint, engines.accounts),
      admin_(parts.chokepoint, engines.clients, engines.exports,
             parts.directory, parts.store, parts.keeper, engines.send_limits),
      approvals_(parts.chokepoint, engines.approvals),
      audit_(parts.chokepoint, engines.audit, parts.audit_tail),
      auth_(parts.chokepoint, engines.enrollments, engines.challenges,
            engines.verifications, engines.support, parts.watch),
      devices_(parts.chokepoint, engines.devices, parts.channels),
      policies_(parts.chokepoint, engines.policies),
      receipts_(parts.chokepoint, engines.receipt_keys),
      recoveries_(parts.chokepoint, engines.recoveries),
      sessions_(parts.chokepoint, engines.session_calls),
      sign_ins_(parts.chokepoint, engines.sign_ins),
      dev_(parts.chokepoint, parts.clock, parts.outbox) {}

void Api::RegisterOn(grpc::ServerBuilder& builder, bool dev) {
  builder.RegisterService(&accounts_);
  builder.RegisterService(&admin_);
  builder.RegisterService(&approvals_);
  builder.RegisterService(&audit_);
  builder.RegisterService(&auth_);
  builder.RegisterService(&devices_);
  builder.RegisterService(&policies_);
  builder.RegisterService(&receipts_);
  builder.RegisterService(&recoveries_);
  builder.RegisterService(&sessions_);
  builder.RegisterService(&sign_ins_);
  if (dev) builder.RegisterService(&dev_);
}

}  // namespace cofactor::services
