#include "services/engine/send_limits_fixture.h"

#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"

namespace cofactor::services {
namespace {

constexpr uint32_t kUnlimited = std::numeric_limits<uint32_t>::max();

Destination To(const v1::ListSendLimitsRequest& request) {
  return MakeDestination(request.phone_number(), request.region());
}

}  // namespace

SendPolicy StandardPolicy() {
  SendPolicy policy;
  policy.allowed_regions = {"DE"};
  return policy;
}

SendPolicy OpenPolicy() {
  SendPolicy policy = StandardPolicy();
  for (uint32_t SendPolicy::*budget :
       {&SendPolicy::number_per_10_minutes, &SendPolicy::number_per_day,
        &SendPolicy::prefix_per_hour, &SendPolicy::prefix_per_day,
        &SendPolicy::client_per_hour, &SendPolicy::account_per_hour,
        &SendPolicy::account_per_day, &SendPolicy::all_per_hour,
        &SendPolicy::all_per_day}) {
    policy.*budget = kUnlimited;
  }
  policy.breaker.sends = 0;
  return policy;
}

std::string Number(int prefix, int number) {
  return absl::StrFormat("+49151%04d%04d", prefix, number);
}

Sender::Sender(SendPolicy policy, uint64_t seed)
    : randomness_(seed), limits_(std::move(policy), randomness_) {}

absl::Status Sender::Send(Plan& plan, const v1::ListSendLimitsRequest& request,
                          v1::ListSendLimitsResponse&) const {
  return limits_.Reserve(plan, To(request), request.account_id());
}

absl::Status Sender::Notify(Plan& plan,
                            const v1::ListSendLimitsRequest& request,
                            v1::ListSendLimitsResponse&) const {
  return limits_.Reserve(plan, To(request), request.account_id(),
                         MessageUse::kNotice);
}

absl::Status Sender::Verify(Plan& plan,
                            const v1::ListSendLimitsRequest& request,
                            v1::ListSendLimitsResponse&) const {
  return limits_.CountVerified(plan, To(request));
}

v1::ListSendLimitsRequest SendLimitsFixture::RequestFor(
    const std::string& number, const std::string& account_id) {
  v1::ListSendLimitsRequest request;
  request.set_phone_number(number);
  request.set_region("DE");
  request.set_account_id(account_id);
  return request;
}

absl::Status SendLimitsFixture::Notify(const Sender& sender,
                                       const std::string& number) {
  return harness_.Call(sender, &Sender::Notify, RequestFor(number, "acme"))
      .status();
}

absl::Status SendLimitsFixture::Send(const Sender& sender,
                                     const std::string& number,
                                     const std::string& account_id) {
  return harness_.Call(sender, &Sender::Send, RequestFor(number, account_id))
      .status();
}

void SendLimitsFixture::Verify(const Sender& sender,
                               const std::string& number) {
  const absl::Status status =
      harness_.Call(sender, &Sender::Verify, RequestFor(number, "acme"))
          .status();
  EXPECT_TRUE(status.ok()) << status;
}

std::vector<v1::SendLimit> SendLimitsFixture::List(
    const Sender& sender, const v1::ListSendLimitsRequest& request) {
  const SendLimitsEngine engine(sender.limits(), phone_numbers_);
  const auto response =
      harness_.Call(engine, &SendLimitsEngine::ListSendLimits, request);
  EXPECT_TRUE(response.ok()) << response.status();
  if (!response.ok()) return {};
  return {response->limits().begin(), response->limits().end()};
}

absl::StatusOr<v1::ResetSendLimitResponse> SendLimitsFixture::Reset(
    const Sender& sender, const v1::ResetSendLimitRequest& request) {
  const SendLimitsEngine engine(sender.limits(), phone_numbers_);
  return harness_.Call(engine, &SendLimitsEngine::ResetSendLimit, request);
}

void SendLimitsFixture::ActAsClient(
    const std::string& client_id, const std::vector<std::string>& account_ids) {
  auto permissions = std::make_shared<Permissions>();
  permissions->client_id = client_id;
  permissions->scopes = ScopeSet::All();
  permissions->account_ids = {account_ids.begin(), account_ids.end()};
  harness_.ActAs({std::move(permissions), "", ""});
}

}  // namespace cofactor::services
