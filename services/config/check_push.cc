#include "services/config/check_push.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "services/wake_up/allowed_hosts.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxSubjectBytes = 256;
// Of Apple.
constexpr size_t kAppleIdBytes = 10;

bool IsLoopback(absl::string_view host) {
  return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

// A scheme, a host and perhaps a port: gRPC has no use for more.
bool IsDeviceServer(absl::string_view url) {
  const bool is_plain = absl::ConsumePrefix(&url, "http://");
  if (!is_plain && !absl::ConsumePrefix(&url, "https://")) return false;
  // What may be named as a host to call is a host.
  if (url.empty() || url[0] == '.' ||
      !AllowedHosts::Create({std::string(url)}).ok()) {
    return false;
  }
  return !is_plain || url == "[::1]" ||
         IsLoopback(url.substr(0, url.rfind(':')));
}

bool IsSubject(absl::string_view subject) {
  if (subject.size() > kMaxSubjectBytes ||
      !std::all_of(subject.begin(), subject.end(), absl::ascii_isgraph)) {
    return false;
  }
  if (absl::ConsumePrefix(&subject, "mailto:")) {
    const size_t at = subject.find('@');
    return at != absl::string_view::npos && at > 0 && at + 1 < subject.size();
  }
  return absl::ConsumePrefix(&subject, "https://") && !subject.empty() &&
         subject[0] != '/';
}

void CheckWebPush(ConfigChecker& check, const ConfigPart& part,
                  const config::v1::WebPush& web_push, config::v1::Mode mode) {
  check.Require(part, "vapid_key_file");
  if (check.Require(part, "subject") && !IsSubject(web_push.subject())) {
    check.Complain(part, "subject",
                   "want mailto:... or https://..., as "
                   "mailto:operator@example.com");
  }
  if (!web_push.allow_loopback()) check.Require(part, "allowed_hosts");
  for (int i = 0; i < web_push.allowed_hosts_size(); ++i) {
    const absl::Status status =
        AllowedHosts::Create({web_push.allowed_hosts(i)}).status();
    if (!status.ok()) {
      check.Complain(part, "allowed_hosts", status.message(), i);
    }
  }
  if (web_push.allow_loopback() && mode != config::v1::MODE_DEV) {
    check.Complain(part, "allow_loopback",
                   "lets devices choose what is called on this machine: only "
                   "in MODE_DEV");
  }
}

void CheckAppleId(ConfigChecker& check, const ConfigPart& part,
                  absl::string_view field, absl::string_view id) {
  if (check.Require(part, field) &&
      (id.size() != kAppleIdBytes ||
       !std::all_of(id.begin(), id.end(), absl::ascii_isalnum))) {
    check.Complain(part, field, "want 10 letters and digits");
  }
}

void CheckApns(ConfigChecker& check, const ConfigPart& part,
               const config::v1::Apns& apns) {
  check.Require(part, "key_file");
  CheckAppleId(check, part, "key_id", apns.key_id());
  CheckAppleId(check, part, "team_id", apns.team_id());
  // It goes into a header.
  if (check.Require(part, "topic") &&
      !std::all_of(apns.topic().begin(), apns.topic().end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
               c == '-';
      })) {
    check.Complain(part, "topic",
                   "want a bundle id of letters, digits, dots and hyphens, as "
                   "com.example.app");
  }
}

}  // namespace

void CheckPush(ConfigChecker& check, const ConfigPart& part,
               const config::v1::Push& push, config::v1::Mode mode) {
  if (check.Require(part, "device_server") &&
      !IsDeviceServer(push.device_server())) {
    check.Complain(part, "device_server",
                   "want https:// and a host in lower case, with :PORT unless "
                   "that is 443, and no more, as https://id.example.com; "
                   "http:// only to 127.0.0.1, [::1] or localhost");
  }
  if (push.has_web_push()) {
    CheckWebPush(check, ConfigChecker::Of(part, "web_push"), push.web_push(),
                 mode);
  }
  if (push.has_fcm()) {
    check.Require(ConfigChecker::Of(part, "fcm"), "service_account_file");
  }
  if (push.has_apns()) {
    CheckApns(check, ConfigChecker::Of(part, "apns"), push.apns());
  }
}

}  // namespace cofactor::services
