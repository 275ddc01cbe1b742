#include "services/auth_service.h"

#include <utility>

#include "services/open_streams.h"

namespace cofactor::services {

grpc::ServerUnaryReactor* AuthService::ListFactors(
    grpc::CallbackServerContext* context, const v1::ListFactorsRequest* request,
    v1::ListFactorsResponse* response) {
  return chokepoint_.Read(context, request, response, enrollments_,
                          &EnrollmentEngine::ListFactors);
}

grpc::ServerUnaryReactor* AuthService::BeginEnrollment(
    grpc::CallbackServerContext* context,
    const v1::BeginEnrollmentRequest* request,
    v1::BeginEnrollmentResponse* response) {
  return chokepoint_.Mutate(context, request, response, enrollments_,
                            &EnrollmentEngine::BeginEnrollment);
}

grpc::ServerUnaryReactor* AuthService::ConfirmEnrollment(
    grpc::CallbackServerContext* context,
    const v1::ConfirmEnrollmentRequest* request,
    v1::ConfirmEnrollmentResponse* response) {
  return chokepoint_.Mutate(context, request, response, enrollments_,
                            &EnrollmentEngine::ConfirmEnrollment);
}

grpc::ServerUnaryReactor* AuthService::ResendEnrollment(
    grpc::CallbackServerContext* context,
    const v1::ResendEnrollmentRequest* request,
    v1::ResendEnrollmentResponse* response) {
  return chokepoint_.Mutate(context, request, response, enrollments_,
                            &EnrollmentEngine::ResendEnrollment);
}

grpc::ServerUnaryReactor* AuthService::GetEnrollment(
    grpc::CallbackServerContext* context,
    const v1::GetEnrollmentRequest* request,
    v1::GetEnrollmentResponse* response) {
  return chokepoint_.Read(context, request, response, enrollments_,
                          &EnrollmentEngine::GetEnrollment);
}

grpc::ServerUnaryReactor* AuthService::ListEnrollments(
    grpc::CallbackServerContext* context,
    const v1::ListEnrollmentsRequest* request,
    v1::ListEnrollmentsResponse* response) {
  return chokepoint_.Read(context, request, response, enrollments_,
                          &EnrollmentEngine::ListEnrollments);
}

grpc::ServerUnaryReactor* AuthService::UpdateEnrollment(
    grpc::CallbackServerContext* context,
    const v1::UpdateEnrollmentRequest* request,
    v1::UpdateEnrollmentResponse* response) {
  return chokepoint_.Mutate(context, request, response, enrollments_,
                            &EnrollmentEngine::UpdateEnrollment);
}

grpc::ServerUnaryReactor* AuthService::DeleteEnrollment(
    grpc::CallbackServerContext* context,
    const v1::DeleteEnrollmentRequest* request,
    v1::DeleteEnrollmentResponse* response) {
  return chokepoint_.Mutate(context, request, response, enrollments_,
                            &EnrollmentEngine::DeleteEnrollment);
}

grpc::ServerUnaryReactor* AuthService::UnlockEnrollment(
    grpc::CallbackServerContext* context,
    const v1::UnlockEnrollmentRequest* request,
    v1::UnlockEnrollmentResponse* response) {
  return chokepoint_.Mutate(context, request, response, support_,
                            &SupportEngine::UnlockEnrollment);
}

grpc::ServerUnaryReactor* AuthService::ListLocks(
    grpc::CallbackServerContext* context, const v1::ListLocksRequest* request,
    v1::ListLocksResponse* response) {
  return chokepoint_.Read(context, request, response, support_,
                          &SupportEngine::ListLocks);
}

grpc::ServerUnaryReactor* AuthService::Explain(
    grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
    v1::ExplainResponse* response) {
  return chokepoint_.Read(context, request, response, support_,
                          &SupportEngine::Explain);
}

grpc::ServerUnaryReactor* AuthService::CreateChallenge(
    grpc::CallbackServerContext* context,
    const v1::CreateChallengeRequest* request,
    v1::CreateChallengeResponse* response) {
  return chokepoint_.Mutate(context, request, response, challenges_,
                            &ChallengeEngine::CreateChallenge);
}

grpc::ServerUnaryReactor* AuthService::ResendChallenge(
    grpc::CallbackServerContext* context,
    const v1::ResendChallengeRequest* request,
    v1::ResendChallengeResponse* response) {
  return chokepoint_.Mutate(context, request, response, challenges_,
                            &ChallengeEngine::ResendChallenge);
}

grpc::ServerUnaryReactor* AuthService::GetChallenge(
    grpc::CallbackServerContext* context,
    const v1::GetChallengeRequest* request,
    v1::GetChallengeResponse* response) {
  return chokepoint_.Read(context, request, response, challenges_,
                          &ChallengeEngine::GetChallenge);
}

ChallengeWatch::Reactor* AuthService::WatchChallenge(
    grpc::CallbackServerContext* context,
    const v1::WatchChallengeRequest* request) {
  absl::StatusOr<Caller> caller = chokepoint_.Admit(*context, *request);
  if (!caller.ok()) {
    return RefuseStream<ChallengeWatch::Reactor>(caller.status());
  }
  return watch_.Open(*context, *std::move(caller), *request);
}

grpc::ServerUnaryReactor* AuthService::ListChallenges(
    grpc::CallbackServerContext* context,
    const v1::ListChallengesRequest* request,
    v1::ListChallengesResponse* response) {
  return chokepoint_.Read(context, request, response, challenges_,
                          &ChallengeEngine::ListChallenges);
}

grpc::ServerUnaryReactor* AuthService::CancelChallenge(
    grpc::CallbackServerContext* context,
    const v1::CancelChallengeRequest* request,
    v1::CancelChallengeResponse* response) {
  return chokepoint_.Mutate(context, request, response, challenges_,
                            &ChallengeEngine::CancelChallenge);
}

grpc::ServerUnaryReactor* AuthService::VerifyChallenge(
    grpc::CallbackServerContext* context,
    const v1::VerifyChallengeRequest* request,
    v1::VerifyChallengeResponse* response) {
  return chokepoint_.Mutate(context, request, response, challenges_,
                            &ChallengeEngine::VerifyChallenge);
}

grpc::ServerUnaryReactor* AuthService::Verify(
    grpc::CallbackServerContext* context, const v1::VerifyRequest* request,
    v1::VerifyResponse* response) {
  return chokepoint_.Mutate(context, request, response, verifications_,
                            &VerificationEngine::Verify);
}

}  // namespace cofactor::services
