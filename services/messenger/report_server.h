#ifndef COFACTOR_SERVICES_MESSENGER_REPORT_SERVER_H_
#define COFACTOR_SERVICES_MESSENGER_REPORT_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "cofactor/record/v1/record.pb.h"
#include "services/messenger/delivery_reports.h"
#include "services/telemetry/http_server.h"

namespace cofactor::services {

// Takes what gateways report over HTTP, at "/sms/NAME" for each: GET from
// Kannel, POST from Twilio. It answers
//
//   204  the report was taken
//   400  it is malformed
//   403  it does not prove where it comes from
//   404  there is no such gateway
//   405  the gateway uses another method
//   413  it is too long
//   503  too much waits: to be repeated
//
// It knows nothing of its callers but what they prove: see HttpServer.
// Thread-safe.
class ReportServer {
 public:
  // Must not wait. Returns false, and does not keep the report, if too much
  // waits already.
  using Take = std::function<bool(record::v1::DeliveryReport)>;

  // By the names of gateways.
  struct Readers {
    std::map<std::string, KannelReports, std::less<>> kannel;
    std::map<std::string, TwilioReports, std::less<>> twilio;
  };

  // As HttpServer::Start. Answers 503 until it can read.
  static absl::StatusOr<std::unique_ptr<ReportServer>> Start(
      absl::string_view address, Take take);

  // From then on it takes reports. Once.
  void ReadBy(Readers readers);

  const std::string& address() const { return http_->address(); }

  // "/sms/NAME".
  static std::string PathOf(absl::string_view gateway);

 private:
  explicit ReportServer(Take take) : take_(std::move(take)) {}

  HttpAnswer Answer(const HttpCall& call);
  HttpAnswer Deliver(absl::string_view gateway,
                     const absl::StatusOr<DeliveryReport>& report) const;

  const Take take_;
  Mutex mutex_;
  // Constant once it is set.
  std::unique_ptr<const Readers> readers_ ABSL_GUARDED_BY(mutex_);
  // Last, so that its threads end first.
  std::unique_ptr<HttpServer> http_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_REPORT_SERVER_H_
