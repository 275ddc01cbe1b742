#ifndef COFACTOR_SERVICES_MESSENGER_DELIVERY_REPORTS_H_
#define COFACTOR_SERVICES_MESSENGER_DELIVERY_REPORTS_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "services/messenger/form_encoding.h"

namespace cofactor::services {

// What a gateway says of a text that it has taken.
enum class DeliveryState {
  // It waits at the gateway or in the network.
  kQueued,
  // The network has it.
  kSent,
  // The phone has it. The last word, as the two below.
  kDelivered,
  // It will not come.
  kFailed,
  // It was not delivered within its validity.
  kExpired,
};

// Reports may come twice, and in any order.
struct DeliveryReport {
  // Ours.
  std::string message_id;
  // The gateway's, or empty.
  std::string provider_id;
  DeliveryState state = DeliveryState::kQueued;
  // Why it failed, for operators: a code of the gateway, or empty.
  std::string reason;
};

// Of a query or of a form.
inline constexpr size_t kMaxReportBytes = 16 * 1024;

// Makes the addresses to which Kannel reports, and reads what comes there. The
// address of each message has a MAC in it, so that only who was told it can
// report on that message. Kannel fills in the status by itself, so the MAC does
// not cover that. Immutable and thread-safe.
class KannelReports {
 public:
  // key: ours, at least 16 bytes. base_url: as
  // "http://127.0.0.1:9464/sms/kannel", of letters, digits and -._~/:[] alone,
  // for Kannel takes percent signs for its own.
  // INVALID_ARGUMENT: one of them is none of that.
  static absl::StatusOr<KannelReports> Create(Secret key, std::string base_url);

  // "BASE?id=ID&mac=MAC&status=%d". message_id: 1 to 64 of A-Z a-z 0-9 _ -.
  std::string Url(absl::string_view message_id) const;

  // query: of the request, without the question mark.
  //   INVALID_ARGUMENT   it is malformed, or of an unknown status.
  //   PERMISSION_DENIED  the MAC is wrong.
  absl::StatusOr<DeliveryReport> Parse(absl::string_view query) const;

 private:
  KannelReports(Secret key, std::string base_url)
      : key_(std::move(key)), base_url_(std::move(base_url)) {}

  std::string MacOf(absl::string_view message_id) const;

  Secret key_;
  std::string base_url_;
};

// The same for the status callbacks of Twilio, which are signed. Immutable and
// thread-safe.
class TwilioReports {
 public:
  // auth_token: of the account, not empty. base_url: as Twilio is to call it,
  // "https://id.example.com/sms/twilio", whatever proxies make of it; of the
  // same characters as Kannel's. INVALID_ARGUMENT: one of them is none of that.
  static absl::StatusOr<TwilioReports> Create(Secret auth_token,
                                              std::string base_url);

  // "BASE?id=ID". message_id: 1 to 64 of A-Z a-z 0-9 _ -.
  std::string Url(absl::string_view message_id) const;

  // query: of the request, without the question mark. form: its body.
  // signature: its header X-Twilio-Signature.
  //   INVALID_ARGUMENT   it is malformed, or of an unknown status.
  //   PERMISSION_DENIED  the signature is wrong.
  absl::StatusOr<DeliveryReport> Parse(absl::string_view query,
                                       absl::string_view form,
                                       absl::string_view signature) const;

 private:
  TwilioReports(Secret auth_token, std::string base_url)
      : auth_token_(std::move(auth_token)), base_url_(std::move(base_url)) {}

  Secret auth_token_;
  std::string base_url_;
};

// What Twilio puts into X-Twilio-Signature for a form that it posts to an
// address: HMAC-SHA1 in Base64 over the address and, in the order of their
// names, the names and values of the fields.
std::string TwilioSignature(const Secret& auth_token, absl::string_view url,
                            FormFields fields);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_DELIVERY_REPORTS_H_
