#include "services/messenger/make_messenger.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/private_file.h"
#include "base/status_macros.h"
#include "services/messenger/failover.h"
#include "services/messenger/kannel_gateway.h"
#include "services/messenger/reporting_gateway.h"
#include "services/messenger/twilio_gateway.h"
#include "services/messenger/webhook_gateway.h"

namespace cofactor::services {
namespace {

constexpr size_t kOutboxCapacity = 1'000;
constexpr size_t kMinKeyBytes = 32;

absl::StatusOr<Secret> ReadKeyFile(const std::string& path) {
  ASSIGN_OR_RETURN(Secret key, ReadSecretFile(path));
  if (key.size() < kMinKeyBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": want at least ", kMinKeyBytes,
                     " random characters, as of `openssl rand -hex 32`"));
  }
  return key;
}

// Makes one gateway after the other.
class Maker {
 public:
  Maker(const config::v1::Sms& sms, const Clock& clock, MessengerParts& parts)
      : sms_(sms), clock_(clock), parts_(parts) {}

  absl::StatusOr<std::unique_ptr<SmsGateway>> Make(
      const config::v1::Gateway& gateway) {
    switch (gateway.kind_case()) {
      case config::v1::Gateway::kKannel:
        return MakeKannel(gateway.name(), gateway.kannel());
      case config::v1::Gateway::kTwilio:
        return MakeTwilio(gateway.name(), gateway.twilio());
      case config::v1::Gateway::kWebhook:
        return MakeWebhook(gateway.name(), gateway.webhook());
      case config::v1::Gateway::kOutbox: {
        auto outbox = std::make_unique<OutboxGateway>(clock_, gateway.name(),
                                                      kOutboxCapacity);
        parts_.outbox = outbox.get();
        return outbox;
      }
      case config::v1::Gateway::KIND_NOT_SET:
        break;
    }
    return absl::InvalidArgumentError("the gateway is of no kind");
  }

  ReportServer::Readers TakeReaders() { return std::move(readers_); }

 private:
  absl::StatusOr<std::unique_ptr<SmsGateway>> MakeKannel(
      const std::string& name, const config::v1::KannelGateway& kannel) {
    ASSIGN_OR_RETURN(Secret password, ReadSecretFile(kannel.password_file()));
    auto gateway = std::make_unique<KannelGateway>(
        clock_, *parts_.http,
        KannelGateway::Options{.name = name,
                               .url = kannel.url(),
                               .username = kannel.username(),
                               .password = std::move(password),
                               .sender = kannel.sender()});
    if (parts_.report_server == nullptr) return gateway;
    ASSIGN_OR_RETURN(Secret key, ReadKeyFile(sms_.report_key_file()));
    ASSIGN_OR_RETURN(KannelReports reports,
                     KannelReports::Create(key.Clone(), ReportUrl(name)));
    readers_.kannel.emplace(name, std::move(reports));
    ASSIGN_OR_RETURN(KannelReports writer,
                     KannelReports::Create(std::move(key), ReportUrl(name)));
    return Reporting(std::move(gateway), std::move(writer));
  }

  absl::StatusOr<std::unique_ptr<SmsGateway>> MakeTwilio(
      const std::string& name, const config::v1::TwilioGateway& twilio) {
    ASSIGN_OR_RETURN(Secret token, ReadSecretFile(twilio.auth_token_file()));
    auto gateway = std::make_unique<TwilioGateway>(
        clock_, *parts_.http,
        TwilioGateway::Options{
            .name = name,
            .base_url = twilio.base_url(),
            .account_sid = twilio.account_sid(),
            .password = token.Clone(),
            .from = twilio.sender(),
            .messaging_service_sid = twilio.messaging_service_sid()});
    if (parts_.report_server == nullptr) return gateway;
    ASSIGN_OR_RETURN(TwilioReports reports,
                     TwilioReports::Create(token.Clone(), ReportUrl(name)));
    readers_.twilio.emplace(name, std::move(reports));
    ASSIGN_OR_RETURN(TwilioReports writer,
                     TwilioReports::Create(std::move(token), ReportUrl(name)));
    return Reporting(std::move(gateway), std::move(writer));
  }

  absl::StatusOr<std::unique_ptr<SmsGateway>> MakeWebhook(
      const std::string& name, const config::v1::WebhookGateway& webhook) {
    ASSIGN_OR_RETURN(Secret key, ReadKeyFile(webhook.secret_file()));
    return std::make_unique<WebhookGateway>(
        clock_, *parts_.http,
        WebhookGateway::Options{
            .name = name, .url = webhook.url(), .key = std::move(key)});
  }

  template <typename Reports>
  static std::unique_ptr<SmsGateway> Reporting(
      std::unique_ptr<SmsGateway> gateway, Reports reports) {
    // Shared, as functions have to be copyable.
    auto shared = std::make_shared<const Reports>(std::move(reports));
    return std::make_unique<ReportingGateway>(
        std::move(gateway), [shared](absl::string_view message_id) {
          return shared->Url(message_id);
        });
  }

  // Where the gateway of that name is to report.
  std::string ReportUrl(absl::string_view name) const {
    const std::string base =
        sms_.report_url_base().empty()
            ? absl::StrCat("http://", parts_.report_server->address())
            : sms_.report_url_base();
    return absl::StrCat(base, ReportServer::PathOf(name));
  }

  const config::v1::Sms& sms_;
  const Clock& clock_;
  MessengerParts& parts_;
  ReportServer::Readers readers_;
};

CodeTexts TextsOf(const config::v1::Sms& sms) {
  std::vector<CodeTexts::Template> texts;
  for (const config::v1::MessageText& text : sms.texts()) {
    texts.push_back({text.locale(), text.text()});
  }
  return {std::move(texts), sms.webotp_host()};
}

}  // namespace

absl::StatusOr<MessengerParts> MakeMessenger(const config::v1::Sms& sms,
                                             const Clock& clock,
                                             Messenger::Report report,
                                             ReportServer::Take take) {
  const Messenger::Options options;
  MessengerParts parts;
  ASSIGN_OR_RETURN(parts.http, HttpClient::Create(
                                   clock, {.threads = options.max_under_way}));
  if (!sms.report_address().empty()) {
    ASSIGN_OR_RETURN(
        parts.report_server,
        ReportServer::Start(sms.report_address(), std::move(take)));
  }
  Maker maker(sms, clock, parts);
  std::vector<std::unique_ptr<SmsGateway>> gateways;
  for (const config::v1::Gateway& gateway : sms.gateways()) {
    ASSIGN_OR_RETURN(gateways.emplace_back(), maker.Make(gateway));
  }
  // As many at one gateway as there are in all: what one gateway can take is
  // not refused because another one is broken.
  parts.messenger = std::make_unique<Messenger>(
      clock, options, TextsOf(sms),
      std::make_unique<Failover>(
          clock, Failover::Options{.max_under_way = options.max_under_way},
          std::move(gateways)),
      std::move(report));
  if (parts.report_server != nullptr) {
    parts.report_server->ReadBy(maker.TakeReaders());
  }
  return parts;
}

}  // namespace cofactor::services
