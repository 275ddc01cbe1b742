#include "services/config/check_messaging.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace cofactor::services {
namespace {

constexpr char kCode[] = "{code}";
constexpr size_t kMaxNameBytes = 32;
constexpr size_t kMaxTextBytes = 500;
constexpr size_t kMaxHostBytes = 253;
constexpr size_t kMaxLabelBytes = 63;
// RFC 5646, section 4.4.1.
constexpr size_t kMaxLocaleBytes = 35;

bool IsLowerOrDigit(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c);
}

bool IsGatewayName(absl::string_view name) {
  return name.size() <= kMaxNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return IsLowerOrDigit(c) || c == '-' || c == '_';
         });
}

bool IsRegion(absl::string_view region) {
  return region.size() == 2 && absl::ascii_isupper(region[0]) &&
         absl::ascii_isupper(region[1]);
}

bool IsLocale(absl::string_view locale) {
  if (locale.size() > kMaxLocaleBytes || !absl::ascii_isalpha(locale[0])) {
    return false;
  }
  const std::vector<absl::string_view> tags = absl::StrSplit(locale, '-');
  return std::all_of(tags.begin(), tags.end(), [](absl::string_view tag) {
    return !tag.empty() && tag.size() <= 8 &&
           std::all_of(tag.begin(), tag.end(), absl::ascii_isalnum);
  });
}

// A name as browsers write it: in lower case, without a port.
bool IsHost(absl::string_view host) {
  if (host.size() > kMaxHostBytes) return false;
  const std::vector<absl::string_view> labels = absl::StrSplit(host, '.');
  return std::all_of(labels.begin(), labels.end(), [](absl::string_view label) {
    return !label.empty() && label.size() <= kMaxLabelBytes &&
           label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(),
                       [](char c) { return IsLowerOrDigit(c) || c == '-'; });
  });
}

// http or https, a host, and no user, query or fragment, which would be logged
// or might hold a secret.
bool IsUrl(absl::string_view url) {
  if (!absl::ConsumePrefix(&url, "https://") &&
      !absl::ConsumePrefix(&url, "http://")) {
    return false;
  }
  return !url.empty() && url[0] != '/' && url[0] != ':' &&
         std::all_of(url.begin(), url.end(), [](char c) {
           return absl::ascii_isalnum(c) || absl::StrContains("-._~/:[]%", c);
         });
}

bool IsAddress(absl::string_view address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  return colon != absl::string_view::npos && colon > 0 &&
         absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= 0 &&
         port <= 65535;
}

void RequireUrl(ConfigChecker& check, const ConfigPart& part,
                absl::string_view field, const std::string& url) {
  if (check.Require(part, field) && !IsUrl(url)) {
    check.Complain(part, field,
                   "want http:// or https:// and a host, without user, query "
                   "and fragment");
  }
}

void CheckKind(ConfigChecker& check, const ConfigPart& part,
               const config::v1::Gateway& gateway, config::v1::Mode mode) {
  switch (gateway.kind_case()) {
    case config::v1::Gateway::kKannel: {
      const ConfigPart kannel = ConfigChecker::Of(part, "kannel");
      RequireUrl(check, kannel, "url", gateway.kannel().url());
      check.Require(kannel, "username");
      check.Require(kannel, "password_file");
      break;
    }
    case config::v1::Gateway::kTwilio: {
      const ConfigPart twilio = ConfigChecker::Of(part, "twilio");
      const std::string& base_url = gateway.twilio().base_url();
      if (!base_url.empty()) RequireUrl(check, twilio, "base_url", base_url);
      if (absl::EndsWith(base_url, "/")) {
        check.Complain(twilio, "base_url", "want no slash at the end");
      }
      check.Require(twilio, "account_sid");
      check.Require(twilio, "auth_token_file");
      check.RequireOneOf(twilio, "origin");
      break;
    }
    case config::v1::Gateway::kWebhook: {
      const ConfigPart webhook = ConfigChecker::Of(part, "webhook");
      RequireUrl(check, webhook, "url", gateway.webhook().url());
      check.Require(webhook, "secret_file");
      break;
    }
    case config::v1::Gateway::kOutbox:
      if (mode != config::v1::MODE_DEV) {
        check.Complain(part, "outbox",
                       "sends nothing and shows codes: only in MODE_DEV");
      }
      break;
    case config::v1::Gateway::KIND_NOT_SET:
      check.RequireOneOf(part, "kind");
      break;
  }
}

void CheckGateways(ConfigChecker& check, const ConfigPart& part,
                   const config::v1::Sms& sms, config::v1::Mode mode) {
  check.Require(part, "gateways");
  std::set<std::string> names;
  for (int i = 0; i < sms.gateways_size(); ++i) {
    const config::v1::Gateway& gateway = sms.gateways(i);
    const ConfigPart inner = ConfigChecker::Of(part, "gateways", i);
    if (check.Require(inner, "name")) {
      if (!IsGatewayName(gateway.name())) {
        check.Complain(inner, "name", "want 1 to 32 of a-z 0-9 - _");
      } else if (!names.insert(gateway.name()).second) {
        check.Complain(inner, "name", "another gateway has this name");
      }
    }
    CheckKind(check, inner, gateway, mode);
  }
}

void CheckRegions(ConfigChecker& check, const ConfigPart& part,
                  const config::v1::Sms& sms) {
  check.Require(part, "allowed_regions");
  for (int i = 0; i < sms.allowed_regions_size(); ++i) {
    if (!IsRegion(sms.allowed_regions(i))) {
      check.Complain(part, "allowed_regions",
                     "want two capital letters (ISO 3166), as DE", i);
    }
  }
}

void CheckTexts(ConfigChecker& check, const ConfigPart& part,
                const config::v1::Sms& sms) {
  std::set<std::string> locales;
  for (int i = 0; i < sms.texts_size(); ++i) {
    const config::v1::MessageText& text = sms.texts(i);
    const ConfigPart inner = ConfigChecker::Of(part, "texts", i);
    if (check.Require(inner, "locale")) {
      if (!IsLocale(text.locale())) {
        check.Complain(inner, "locale", "want a language as de or de-AT");
      } else if (!locales.insert(absl::AsciiStrToLower(text.locale())).second) {
        check.Complain(inner, "locale", "another text has this locale");
      }
    }
    if (!check.Require(inner, "text")) continue;
    const size_t found = text.text().find(kCode);
    if (found == std::string::npos ||
        text.text().find(kCode, found + 1) != std::string::npos) {
      check.Complain(inner, "text", "want {code} in it once");
    } else if (text.text().size() > kMaxTextBytes) {
      check.Complain(inner, "text", "want at most 500 bytes");
    }
  }
}

void CheckReports(ConfigChecker& check, const ConfigPart& part,
                  const config::v1::Sms& sms) {
  if (sms.report_address().empty()) {
    if (!sms.report_url_base().empty()) {
      check.Complain(part, "report_url_base", "needs report_address");
    }
    return;
  }
  if (!IsAddress(sms.report_address())) {
    check.Complain(part, "report_address", "want HOST:PORT, as 127.0.0.1:9465");
  }
  const std::string& base = sms.report_url_base();
  // Kannel takes percent signs for its own.
  if (!base.empty() && (!IsUrl(base) || absl::StrContains(base, "%") ||
                        absl::EndsWith(base, "/"))) {
    check.Complain(part, "report_url_base",
                   "want http:// or https:// and a host, without a slash at "
                   "the end, percent signs, user, query and fragment");
  }
  const bool has_kannel =
      std::any_of(sms.gateways().begin(), sms.gateways().end(),
                  [](const auto& gateway) { return gateway.has_kannel(); });
  if (has_kannel) check.Require(part, "report_key_file");
}

}  // namespace

void CheckMessaging(ConfigChecker& check, const ConfigPart& part,
                    const config::v1::Messaging& messaging,
                    config::v1::Mode mode) {
  if (!check.RequireOneOf(part, "channel") || !messaging.has_sms()) return;
  const config::v1::Sms& sms = messaging.sms();
  const ConfigPart inner = ConfigChecker::Of(part, "sms");
  CheckGateways(check, inner, sms, mode);
  CheckRegions(check, inner, sms);
  CheckTexts(check, inner, sms);
  CheckReports(check, inner, sms);
  if (sms.code_digits() != 0 &&
      (sms.code_digits() < 4 || sms.code_digits() > 10)) {
    check.Complain(inner, "code_digits", "want 4 to 10");
  }
  if (!sms.webotp_host().empty() && !IsHost(sms.webotp_host())) {
    check.Complain(inner, "webotp_host",
                   "want a host in lower case, as login.example.com");
  }
  if (sms.budgets().least_conversion_percent() > 100) {
    check.Complain(ConfigChecker::Of(inner, "budgets"),
                   "least_conversion_percent", "want 1 to 100");
  }
}

void FillInDefaults(config::v1::Sms& sms) {
  if (sms.code_digits() == 0) sms.set_code_digits(6);
  if (sms.texts().empty()) {
    config::v1::MessageText& text = *sms.add_texts();
    text.set_locale("en");
    text.set_text("Your code is {code}. Do not share it with anybody.");
  }
  for (config::v1::Gateway& gateway : *sms.mutable_gateways()) {
    if (gateway.has_twilio() && gateway.twilio().base_url().empty()) {
      gateway.mutable_twilio()->set_base_url("https://api.twilio.com");
    }
  }
  config::v1::SendBudgets& budgets = *sms.mutable_budgets();
  const auto or_default = [](uint32_t number, uint32_t fallback) {
    return number == 0 ? fallback : number;
  };
  budgets.set_number_per_10_minutes(
      or_default(budgets.number_per_10_minutes(), 5));
  budgets.set_number_per_day(or_default(budgets.number_per_day(), 10));
  budgets.set_prefix_per_hour(or_default(budgets.prefix_per_hour(), 20));
  budgets.set_prefix_per_day(or_default(budgets.prefix_per_day(), 60));
  budgets.set_client_per_hour(or_default(budgets.client_per_hour(), 5'000));
  budgets.set_account_per_hour(or_default(budgets.account_per_hour(), 200));
  budgets.set_account_per_day(or_default(budgets.account_per_day(), 1'000));
  budgets.set_all_per_hour(or_default(budgets.all_per_hour(), 2'000));
  budgets.set_all_per_day(or_default(budgets.all_per_day(), 20'000));
  budgets.set_least_conversion_percent(
      or_default(budgets.least_conversion_percent(), 20));
  budgets.set_conversion_sends(or_default(budgets.conversion_sends(), 100));
}

}  // namespace cofactor::services
