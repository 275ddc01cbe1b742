#ifndef COFACTOR_SERVICES_MESSENGER_REPORTING_GATEWAY_H_
#define COFACTOR_SERVICES_MESSENGER_REPORTING_GATEWAY_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "services/messenger/gateway.h"

namespace cofactor::services {

// Tells another gateway where to report on each text: the address proves which
// gateway a report comes from, so each has its own. Thread-safe.
class ReportingGateway final : public SmsGateway {
 public:
  // Makes the address for a message id.
  using UrlOf = std::function<std::string(absl::string_view)>;

  ReportingGateway(std::unique_ptr<SmsGateway> gateway, UrlOf url_of)
      : gateway_(std::move(gateway)), url_of_(std::move(url_of)) {}

  const std::string& name() const override { return gateway_->name(); }

  void Send(const SmsMessage& message, Done done) override {
    SmsMessage with_url = message.Clone();
    with_url.delivery_report_url = url_of_(message.message_id);
    gateway_->Send(with_url, std::move(done));
  }

 private:
  const std::unique_ptr<SmsGateway> gateway_;
  const UrlOf url_of_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_REPORTING_GATEWAY_H_
