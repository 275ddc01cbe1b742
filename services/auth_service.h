#ifndef COFACTOR_SERVICES_AUTH_SERVICE_H_
#define COFACTOR_SERVICES_AUTH_SERVICE_H_

#include "cofactor/v1/auth_service.grpc.pb.h"
#include "services/challenge_watch.h"
#include "services/chokepoint.h"
#include "services/engine/challenge_engine.h"
#include "services/engine/enrollment_engine.h"
#include "services/engine/support_engine.h"
#include "services/engine/verification_engine.h"

namespace cofactor::services {

// Takes the RPCs of cofactor.v1.AuthService to the engine. Thread-safe.
class AuthService final : public v1::AuthService::CallbackService {
 public:
  // None is owned; all must outlive this.
  AuthService(Chokepoint& chokepoint, const EnrollmentEngine& enrollments,
              const ChallengeEngine& challenges,
              const VerificationEngine& verifications,
              const SupportEngine& support, ChallengeWatch& watch)
      : chokepoint_(chokepoint),
        enrollments_(enrollments),
        challenges_(challenges),
        verifications_(verifications),
        support_(support),
        watch_(watch) {}

  grpc::ServerUnaryReactor* ListFactors(
      grpc::CallbackServerContext* context,
      const v1::ListFactorsRequest* request,
      v1::ListFactorsResponse* response) override;
  grpc::ServerUnaryReactor* BeginEnrollment(
      grpc::CallbackServerContext* context,
      const v1::BeginEnrollmentRequest* request,
      v1::BeginEnrollmentResponse* response) override;
  grpc::ServerUnaryReactor* ConfirmEnrollment(
      grpc::CallbackServerContext* context,
      const v1::ConfirmEnrollmentRequest* request,
      v1::ConfirmEnrollmentResponse* response) override;
  grpc::ServerUnaryReactor* ResendEnrollment(
      grpc::CallbackServerContext* context,
      const v1::ResendEnrollmentRequest* request,
      v1::ResendEnrollmentResponse* response) override;
  grpc::ServerUnaryReactor* GetEnrollment(
      grpc::CallbackServerContext* context,
      const v1::GetEnrollmentRequest* request,
      v1::GetEnrollmentResponse* response) override;
  grpc::ServerUnaryReactor* ListEnrollments(
      grpc::CallbackServerContext* context,
      const v1::ListEnrollmentsRequest* request,
      v1::ListEnrollmentsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateEnrollment(
      grpc::CallbackServerContext* context,
      const v1::UpdateEnrollmentRequest* request,
      v1::UpdateEnrollmentResponse* response) override;
  grpc::ServerUnaryReactor* DeleteEnrollment(
      grpc::CallbackServerContext* context,
      const v1::DeleteEnrollmentRequest* request,
      v1::DeleteEnrollmentResponse* response) override;
  grpc::ServerUnaryReactor* UnlockEnrollment(
      grpc::CallbackServerContext* context,
      const v1::UnlockEnrollmentRequest* request,
      v1::UnlockEnrollmentResponse* response) override;
  grpc::ServerUnaryReactor* ListLocks(grpc::CallbackServerContext* context,
                                      const v1::ListLocksRequest* request,
                                      v1::ListLocksResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;
  grpc::ServerUnaryReactor* CreateChallenge(
      grpc::CallbackServerContext* context,
      const v1::CreateChallengeRequest* request,
      v1::CreateChallengeResponse* response) override;
  grpc::ServerUnaryReactor* ResendChallenge(
      grpc::CallbackServerContext* context,
      const v1::ResendChallengeRequest* request,
      v1::ResendChallengeResponse* response) override;
  grpc::ServerUnaryReactor* GetChallenge(
      grpc::CallbackServerContext* context,
      const v1::GetChallengeRequest* request,
      v1::GetChallengeResponse* response) override;
  ChallengeWatch::Reactor* WatchChallenge(
      grpc::CallbackServerContext* context,
      const v1::WatchChallengeRequest* request) override;
  grpc::ServerUnaryReactor* ListChallenges(
      grpc::CallbackServerContext* context,
      const v1::ListChallengesRequest* request,
      v1::ListChallengesResponse* response) override;
  grpc::ServerUnaryReactor* CancelChallenge(
      grpc::CallbackServerContext* context,
      const v1::CancelChallengeRequest* request,
      v1::CancelChallengeResponse* response) override;
  grpc::ServerUnaryReactor* VerifyChallenge(
      grpc::CallbackServerContext* context,
      const v1::VerifyChallengeRequest* request,
      v1::VerifyChallengeResponse* response) override;
  grpc::ServerUnaryReactor* Verify(grpc::CallbackServerContext* context,
                                   const v1::VerifyRequest* request,
                                   v1::VerifyResponse* response) override;

 private:
  Chokepoint& chokepoint_;
  const EnrollmentEngine& enrollments_;
  const ChallengeEngine& challenges_;
  const VerificationEngine& verifications_;
  const SupportEngine& support_;
  ChallengeWatch& watch_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_AUTH_SERVICE_H_
