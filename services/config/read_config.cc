#include "services/config/read_config.h"

#include <fstream>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/text_format.h"
#include "services/config/check_messaging.h"
#include "services/config/check_passwords.h"
#include "services/config/check_push.h"
#include "services/config/check_receipts.h"
#include "services/config/config_checker.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::TextFormat;

constexpr uint32_t kMaxThreads = 256;
constexpr absl::Duration kShortestRetention = absl::Hours(1);
// Far from the end of time, so that no expire time overflows.
constexpr absl::Duration kLongestRetention = absl::Hours(24 * 365 * 100);

void CheckListener(ConfigChecker& check, const ConfigPart& part,
                   const config::v1::Listener& listener) {
  check.Require(part, "address");
  check.RequireOneOf(part, "security");
  if (listener.has_tls()) {
    const ConfigPart tls = ConfigChecker::Of(part, "tls");
    check.Require(tls, "folder");
    check.Require(tls, "client_certificates");
  }
}

void CheckAudit(ConfigChecker& check, const ConfigPart& part,
                const config::v1::Audit& audit) {
  if (!check.Require(part, "retention")) return;
  const absl::Duration retention = absl::Seconds(audit.retention().seconds()) +
                                   absl::Nanoseconds(audit.retention().nanos());
  if (retention < kShortestRetention || retention > kLongestRetention) {
    check.Complain(part, "retention", "want 3600 s to 100 years");
  }
}

void CheckConfig(ConfigChecker& check, const ConfigPart& root,
                 const config::v1::ServerConfig& config) {
  check.Require(root, "mode");
  check.Require(root, "admin_key_file");
  if (config.threads() > kMaxThreads) {
    check.Complain(root, "threads", "want 1 to 256");
  }
  if (check.Require(root, "storage")) {
    const ConfigPart storage = ConfigChecker::Of(root, "storage");
    check.Require(storage, "key_ring_file");
    if (check.RequireOneOf(storage, "engine")) {
      check.Require(ConfigChecker::Of(storage, "rocksdb"), "folder");
    }
  }
  check.Require(root, "listeners");
  for (int i = 0; i < config.listeners_size(); ++i) {
    CheckListener(check, ConfigChecker::Of(root, "listeners", i),
                  config.listeners(i));
  }
  if (check.Require(root, "audit")) {
    CheckAudit(check, ConfigChecker::Of(root, "audit"), config.audit());
  }
  if (check.Require(root, "monitoring")) {
    check.RequireOneOf(ConfigChecker::Of(root, "monitoring"), "endpoint");
  }
  if (check.Require(root, "logging")) {
    check.Require(ConfigChecker::Of(root, "logging"), "calls");
  }
  if (check.Require(root, "messaging")) {
    CheckMessaging(check, ConfigChecker::Of(root, "messaging"),
                   config.messaging(), config.mode());
  }
  if (config.has_push()) {
    CheckPush(check, ConfigChecker::Of(root, "push"), config.push(),
              config.mode());
  }
  if (config.has_passwords()) {
    CheckPasswords(check, ConfigChecker::Of(root, "passwords"),
                   config.passwords());
  }
  if (config.has_receipts()) {
    CheckReceipts(check, ConfigChecker::Of(root, "receipts"),
                  config.receipts());
  }
}

void MakeAbsolute(const std::string& folder, std::string& path) {
  if (!path.empty() && !absl::StartsWith(path, "/")) {
    path = absl::StrCat(folder, path);
  }
}

void MakeAbsolute(const std::string& folder, config::v1::Sms& sms) {
  MakeAbsolute(folder, *sms.mutable_report_key_file());
  for (config::v1::Gateway& gateway : *sms.mutable_gateways()) {
    if (gateway.has_kannel()) {
      MakeAbsolute(folder, *gateway.mutable_kannel()->mutable_password_file());
    } else if (gateway.has_twilio()) {
      MakeAbsolute(folder,
                   *gateway.mutable_twilio()->mutable_auth_token_file());
    } else if (gateway.has_webhook()) {
      MakeAbsolute(folder, *gateway.mutable_webhook()->mutable_secret_file());
    }
  }
}

void MakeAbsolute(const std::string& folder, config::v1::Push& push) {
  if (push.has_web_push()) {
    MakeAbsolute(folder, *push.mutable_web_push()->mutable_vapid_key_file());
  }
  if (push.has_fcm()) {
    MakeAbsolute(folder, *push.mutable_fcm()->mutable_service_account_file());
  }
  if (push.has_apns()) {
    MakeAbsolute(folder, *push.mutable_apns()->mutable_key_file());
  }
}

}  // namespace

absl::StatusOr<config::v1::ServerConfig> ParseConfig(absl::string_view text,
                                                     const std::string& path) {
  ConfigErrors errors(path);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&tree);
  config::v1::ServerConfig config;
  if (parser.ParseFromString(std::string(text), &config)) {
    ConfigChecker checker(errors);
    CheckConfig(checker, {config, &tree, {0, 0}, ""}, config);
  }
  if (!errors.empty()) return absl::FailedPreconditionError(errors.Text());

  const std::string folder = path.substr(0, path.rfind('/') + 1);
  config::v1::Storage& storage = *config.mutable_storage();
  MakeAbsolute(folder, *storage.mutable_rocksdb()->mutable_folder());
  MakeAbsolute(folder, *storage.mutable_key_ring_file());
  MakeAbsolute(folder, *storage.mutable_backup_folder());
  MakeAbsolute(folder, *config.mutable_admin_key_file());
  for (config::v1::Listener& listener : *config.mutable_listeners()) {
    if (listener.has_tls()) {
      MakeAbsolute(folder, *listener.mutable_tls()->mutable_folder());
    }
  }
  if (config.messaging().has_sms()) {
    config::v1::Sms& sms = *config.mutable_messaging()->mutable_sms();
    MakeAbsolute(folder, sms);
    FillInDefaults(sms);
  }
  if (config.has_push()) MakeAbsolute(folder, *config.mutable_push());
  config::v1::PasswordPolicy& passwords = *config.mutable_passwords();
  MakeAbsolute(folder, *passwords.mutable_blocklist_file());
  FillInDefaults(passwords);
  return config;
}

absl::StatusOr<config::v1::ServerConfig> ReadConfig(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(
        absl::StrCat("cannot read the configuration file ", path,
                     ": see docs/operations.md for one to begin with"));
  }
  return ParseConfig(text.str(), path);
}

}  // namespace cofactor::services
