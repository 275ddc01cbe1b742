#include "tools/benchmark/workloads.h"

#include "absl/strings/str_cat.h"
#include "cofactor/v1/auth_service.pb.h"
#include "grpc/health/v1/health.pb.h"

namespace cofactor::benchmark {
namespace {

// Near the golden ratio of 1e9, so that the members of neighbouring calls lie
// far apart, and prime to every power of ten.
constexpr uint64_t kStride = 618'033'989;

absl::Status Malformed() {
  return absl::InternalError("an answer that cannot be parsed");
}

absl::Status NotVerified(v1::VerificationReason reason) {
  return absl::InternalError(
      absl::StrCat("not verified: ", v1::VerificationReason_Name(reason)));
}

}  // namespace

grpc::ByteBuffer HealthWorkload::MakeRequest(uint64_t call) {
  return Serialize(grpc::health::v1::HealthCheckRequest());
}

absl::Status HealthWorkload::Check(uint64_t call, grpc::ByteBuffer& answer) {
  grpc::health::v1::HealthCheckResponse health;
  if (!Parse(answer, health)) return Malformed();
  if (health.status() != grpc::health::v1::HealthCheckResponse::SERVING) {
    return absl::InternalError("the server does not serve");
  }
  return absl::OkStatus();
}

uint64_t VerifyWorkload::MemberOf(uint64_t call) const {
  return call % population_.members * (kStride % population_.members) %
         population_.members;
}

grpc::ByteBuffer VerifyWorkload::MakeRequest(uint64_t call) {
  // Until a member's next turn there are two moves, so that one that is still
  // on its way does no harm.
  if (call % (population_.members / 2) == 0) clock_.StartMove(1);
  const uint64_t member = MemberOf(call);
  v1::VerifyRequest request;
  request.set_account_id(population_.AccountId(member));
  request.set_member_id(population_.MemberId(member));
  const Secret code = population_.CodeOf(member, clock_.Step());
  request.set_code(std::string(code.ExposeSecret()));
  return Serialize(request);
}

absl::Status VerifyWorkload::Check(uint64_t call, grpc::ByteBuffer& answer) {
  v1::VerifyResponse response;
  if (!Parse(answer, response)) return Malformed();
  return CheckVerified(response, population_, MemberOf(call));
}

grpc::ByteBuffer BeginWorkload::MakeRequest(uint64_t call) {
  v1::BeginEnrollmentRequest request;
  request.set_account_id(population_.AccountId(call));
  request.set_member_id(population_.MemberId(call));
  request.set_factor_type("totp");
  request.set_label("work phone");
  request.mutable_parameters()->mutable_totp()->set_secret(
      population_.SeedOf(call));
  return Serialize(request);
}

absl::Status BeginWorkload::Check(uint64_t call, grpc::ByteBuffer& answer) {
  v1::BeginEnrollmentResponse response;
  if (!Parse(answer, response)) return Malformed();
  if (response.activation().totp().qr_png().empty()) {
    return absl::InternalError("a begun enrollment without its QR code");
  }
  enrollment_ids_[call] = response.enrollment().enrollment_id();
  return absl::OkStatus();
}

grpc::ByteBuffer ConfirmWorkload::MakeRequest(uint64_t call) {
  v1::ConfirmEnrollmentRequest request;
  request.set_account_id(population_.AccountId(call));
  request.set_member_id(population_.MemberId(call));
  request.set_enrollment_id(begun_.enrollment_ids()[call]);
  const Secret code = population_.CodeOf(call, clock_.Step());
  request.mutable_response()->set_code(std::string(code.ExposeSecret()));
  return Serialize(request);
}

absl::Status ConfirmWorkload::Check(uint64_t call, grpc::ByteBuffer& answer) {
  v1::ConfirmEnrollmentResponse response;
  if (!Parse(answer, response)) return Malformed();
  if (!response.verified()) return NotVerified(response.reason());
  return absl::OkStatus();
}

absl::Status CheckVerified(const v1::VerifyResponse& answer,
                           const Population& population, uint64_t member) {
  if (!answer.verified()) return NotVerified(answer.reason());
  if (answer.account_id() != population.AccountId(member) ||
      answer.member_id() != population.MemberId(member)) {
    return absl::InternalError("verified, but as somebody else");
  }
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
