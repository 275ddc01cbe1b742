#include "services/messenger/report_server.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "cofactor/v1/delivery.pb.h"

namespace cofactor::services {
namespace {

constexpr char kPrefix[] = "/sms/";
// Of a request without its body: the query of a report, and what proxies add.
constexpr size_t kMaxHeadBytes = kMaxReportBytes;
constexpr int kThreads = 4;

HttpAnswer NotAllowed(absl::string_view allow) {
  return {.code = 405,
          .reason = "Method Not Allowed",
          .body = "another method\n",
          .more_headers = allow};
}

HttpAnswer Busy() {
  return {.code = 503,
          .reason = "Service Unavailable",
          .body = "later\n",
          .more_headers = "Retry-After: 5\r\n"};
}

HttpAnswer Refusal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kPermissionDenied:
      return {.code = 403, .reason = "Forbidden", .body = "not proved\n"};
    case absl::StatusCode::kResourceExhausted:
      return {.code = 413, .reason = "Payload Too Large", .body = "too long\n"};
    default:
      return {.code = 400, .reason = "Bad Request", .body = "malformed\n"};
  }
}

v1::DeliveryState StateOf(DeliveryState state) {
  switch (state) {
    case DeliveryState::kQueued:
      return v1::DELIVERY_STATE_QUEUED;
    case DeliveryState::kSent:
      return v1::DELIVERY_STATE_SENT;
    case DeliveryState::kDelivered:
      return v1::DELIVERY_STATE_DELIVERED;
    case DeliveryState::kFailed:
      return v1::DELIVERY_STATE_FAILED;
    case DeliveryState::kExpired:
      return v1::DELIVERY_STATE_EXPIRED;
  }
  return v1::DELIVERY_STATE_UNSPECIFIED;
}

absl::StatusOr<DeliveryReport> ReadTwilio(const TwilioReports& reports,
                                          const HttpCall& call) {
  ASSIGN_OR_RETURN(const std::string form, call.ReadBody(kMaxReportBytes));
  return reports.Parse(call.query(), form, call.Header("X-Twilio-Signature"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ReportServer>> ReportServer::Start(
    absl::string_view address, Take take) {
  std::unique_ptr<ReportServer> server(new ReportServer(std::move(take)));
  ASSIGN_OR_RETURN(
      server->http_,
      HttpServer::Start({.address = std::string(address),
                         .purpose = "report",
                         .threads = kThreads,
                         .max_head_bytes = kMaxHeadBytes},
                        [server = server.get()](const HttpCall& call) {
                          return server->Answer(call);
                        }));
  return server;
}

void ReportServer::ReadBy(Readers readers) {
  auto constant = std::make_unique<const Readers>(std::move(readers));
  MutexLock lock(mutex_);
  if (readers_ == nullptr) readers_ = std::move(constant);
}

std::string ReportServer::PathOf(absl::string_view gateway) {
  return absl::StrCat(kPrefix, gateway);
}

HttpAnswer ReportServer::Answer(const HttpCall& call) {
  const Readers* readers = nullptr;
  {
    MutexLock lock(mutex_);
    readers = readers_.get();
  }
  if (readers == nullptr) return Busy();
  absl::string_view gateway = call.path();
  if (absl::ConsumePrefix(&gateway, kPrefix)) {
    if (const auto kannel = readers->kannel.find(gateway);
        kannel != readers->kannel.end()) {
      if (call.method() != "GET") return NotAllowed("Allow: GET\r\n");
      return Deliver(gateway, kannel->second.Parse(call.query()));
    }
    if (const auto twilio = readers->twilio.find(gateway);
        twilio != readers->twilio.end()) {
      if (call.method() != "POST") return NotAllowed("Allow: POST\r\n");
      return Deliver(gateway, ReadTwilio(twilio->second, call));
    }
  }
  return {.code = 404, .reason = "Not Found", .body = "not found\n"};
}

HttpAnswer ReportServer::Deliver(
    absl::string_view gateway,
    const absl::StatusOr<DeliveryReport>& report) const {
  if (!report.ok()) return Refusal(report.status());
  record::v1::DeliveryReport record;
  record.set_message_id(report->message_id);
  record.set_state(StateOf(report->state));
  record.set_reason(report->reason);
  record.set_gateway(std::string(gateway));
  if (!take_(std::move(record))) return Busy();
  return {.code = 204, .reason = "No Content"};
}

}  // namespace cofactor::services
