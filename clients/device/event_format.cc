#include "clients/device/event_format.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "clients/device/device_connection.h"
#include "clients/device/printable.h"
#include "nlohmann/json.hpp"

namespace cofactor::device {
namespace {

using ::cofactor::v1::AnswerChallengeResponse;
using ::cofactor::v1::ChallengeState;
using ::cofactor::v1::DeviceChallenge;

std::string NameOf(ChallengeState state) {
  const std::string name = cofactor::v1::ChallengeState_Name(state);
  // Of a later version of the server.
  if (name.empty()) return absl::StrCat("STATE_", static_cast<int>(state));
  return std::string(absl::StripPrefix(name, "CHALLENGE_STATE_"));
}

int64_t SecondsLeft(const DeviceChallenge& challenge, absl::Time now) {
  return absl::ToInt64Seconds(
      absl::Floor(ExpireTimeOf(challenge) - now, absl::Seconds(1)));
}

// Sorted, as a protobuf map is not.
std::map<std::string, std::string> FieldsOf(const DeviceChallenge& challenge) {
  return {challenge.details().fields().begin(),
          challenge.details().fields().end()};
}

bool IsRegistered(const v1::PushDevice& device) {
  return !device.has_registration();
}

std::string Line(absl::string_view key, absl::string_view value) {
  return absl::StrCat(key, ": ", Printable(value), "\n");
}

std::string LineUnlessEmpty(absl::string_view key, absl::string_view value) {
  return value.empty() ? "" : Line(key, value);
}

std::string WhoOf(absl::string_view issuer, absl::string_view account_name) {
  if (issuer.empty()) return Printable(account_name);
  if (account_name.empty()) return Printable(issuer);
  return absl::StrCat(Printable(issuer), ", ", Printable(account_name));
}

class TextFormat final : public EventFormat {
 public:
  std::string Challenge(absl::string_view device,
                        const DeviceChallenge& challenge,
                        absl::Time now) const override {
    const auto& details = challenge.details();
    std::string text = absl::StrCat(Line("challenge", challenge.challenge_id()),
                                    Line("device", device),
                                    Line("purpose", challenge.purpose()),
                                    LineUnlessEmpty("title", details.title()),
                                    LineUnlessEmpty("amount", details.amount()),
                                    LineUnlessEmpty("payee", details.payee()));
    for (const auto& [label, value] : FieldsOf(challenge)) {
      // In quotes, so that a label cannot look like one of ours.
      absl::StrAppend(&text, "field \"", Printable(label),
                      "\": ", Printable(value), "\n");
    }
    absl::StrAppend(&text, "attempts left: ", challenge.attempts_left(), "\n");
    const int64_t left = SecondsLeft(challenge, now);
    if (left >= 0) {
      absl::StrAppend(&text, "expires: in ", left, " s\n\n");
    } else {
      absl::StrAppend(&text, "expires: ", -left,
                      " s ago by the clock of this machine; the server may "
                      "see it otherwise\n\n");
    }
    return text;
  }

  std::string Ended(absl::string_view challenge_id,
                    ChallengeState state) const override {
    return absl::StrCat("ended: ", Printable(challenge_id), " ", NameOf(state),
                        "\n");
  }

  std::string Answered(absl::string_view challenge_id,
                       const AnswerChallengeResponse& response) const override {
    return absl::StrCat(
        response.accepted() ? "accepted: " : "not accepted: ",
        Printable(challenge_id), " ", NameOf(response.state()),
        response.accepted()
            ? std::string()
            : absl::StrCat(", attempts left: ", response.attempts_left()),
        "\n");
  }

  std::string NotAnswered(absl::string_view challenge_id,
                          const absl::Status& status) const override {
    return absl::StrCat("error: ", Printable(challenge_id),
                        challenge_id.empty() ? "" : ": ",
                        Printable(status.message()), "\n");
  }

  std::string Connected(absl::string_view device) const override {
    return Line("connected", device);
  }

  std::string Disconnected(absl::string_view device, const absl::Status& status,
                           absl::Duration retry_after) const override {
    return absl::StrCat("disconnected: ", Printable(device), ": ",
                        Printable(status.message()),
                        absl::StrFormat(", again in %.1f s\n",
                                        absl::ToDoubleSeconds(retry_after)));
  }

  std::string GivenUp(absl::string_view device,
                      const absl::Status& status) const override {
    return absl::StrCat("given up: ", Printable(device), ": ",
                        Printable(status.message()), "\n");
  }

  std::string Code(const v1::TotpAccount& account,
                   const TotpCode& code) const override {
    return absl::StrFormat("%-8s  %3d s  %s (%s)\n", code.code.ExposeSecret(),
                           code.seconds_left, Printable(account.name()),
                           WhoOf(account.issuer(), account.account_name()));
  }

  std::string PushDevice(const v1::PushDevice& device,
                         absl::string_view fingerprint) const override {
    return absl::StrCat(
        "push: ", Printable(device.name()), " (",
        WhoOf(device.issuer(), device.account_name()), ") at ",
        Printable(device.server()), ", key ", fingerprint,
        IsRegistered(device) ? "" : ", not known to be registered",
        device.next_private_key().empty() ? "" : ", rotation not finished",
        "\n");
  }

  std::string Account(const v1::TotpAccount& account) const override {
    return absl::StrCat("codes: ", Printable(account.name()), " (",
                        WhoOf(account.issuer(), account.account_name()), ") ",
                        account.digits(), " digits, ", account.period_seconds(),
                        " s\n");
  }
};

using Json = nlohmann::ordered_json;

std::string Text(absl::string_view text) { return std::string(text); }

class JsonFormat final : public EventFormat {
 public:
  std::string Challenge(absl::string_view device,
                        const DeviceChallenge& challenge,
                        absl::Time now) const override {
    Json json = {{"event", "challenge"},
                 {"device", Text(device)},
                 {"challenge_id", challenge.challenge_id()},
                 {"account_id", challenge.account_id()},
                 {"member_id", challenge.member_id()},
                 {"purpose", challenge.purpose()},
                 {"title", challenge.details().title()},
                 {"amount", challenge.details().amount()},
                 {"payee", challenge.details().payee()},
                 {"fields", Json::object()},
                 {"attempts_left", challenge.attempts_left()},
                 {"expire_time",
                  absl::FormatTime(absl::RFC3339_full, ExpireTimeOf(challenge),
                                   absl::UTCTimeZone())},
                 {"seconds_left", SecondsLeft(challenge, now)}};
    for (const auto& [label, value] : FieldsOf(challenge)) {
      json["fields"][label] = value;
    }
    return Dump(json);
  }

  std::string Ended(absl::string_view challenge_id,
                    ChallengeState state) const override {
    return Dump({{"event", "ended"},
                 {"challenge_id", Text(challenge_id)},
                 {"state", NameOf(state)}});
  }

  std::string Answered(absl::string_view challenge_id,
                       const AnswerChallengeResponse& response) const override {
    return Dump({{"event", "answered"},
                 {"challenge_id", Text(challenge_id)},
                 {"accepted", response.accepted()},
                 {"state", NameOf(response.state())},
                 {"attempts_left", response.attempts_left()}});
  }

  std::string NotAnswered(absl::string_view challenge_id,
                          const absl::Status& status) const override {
    Json json = {{"event", "error"}, {"challenge_id", Text(challenge_id)}};
    AddError(status, json);
    return Dump(json);
  }

  std::string Connected(absl::string_view device) const override {
    return Dump({{"event", "connected"}, {"device", Text(device)}});
  }

  std::string Disconnected(absl::string_view device, const absl::Status& status,
                           absl::Duration retry_after) const override {
    Json json = {{"event", "disconnected"},
                 {"device", Text(device)},
                 {"retry_after_seconds", absl::ToDoubleSeconds(retry_after)}};
    AddError(status, json);
    return Dump(json);
  }

  std::string GivenUp(absl::string_view device,
                      const absl::Status& status) const override {
    Json json = {{"event", "given_up"}, {"device", Text(device)}};
    AddError(status, json);
    return Dump(json);
  }

  std::string Code(const v1::TotpAccount& account,
                   const TotpCode& code) const override {
    return Dump({{"event", "code"},
                 {"name", account.name()},
                 {"issuer", account.issuer()},
                 {"account_name", account.account_name()},
                 {"code", Text(code.code.ExposeSecret())},
                 {"seconds_left", code.seconds_left}});
  }

  std::string PushDevice(const v1::PushDevice& device,
                         absl::string_view fingerprint) const override {
    return Dump({{"event", "push_device"},
                 {"name", device.name()},
                 {"server", device.server()},
                 {"account_id", device.account_id()},
                 {"member_id", device.member_id()},
                 {"enrollment_id", device.enrollment_id()},
                 {"issuer", device.issuer()},
                 {"account_name", device.account_name()},
                 {"device_name", device.device_name()},
                 {"platform", device.platform()},
                 {"key_fingerprint", Text(fingerprint)},
                 {"registered", IsRegistered(device)},
                 {"rotating", !device.next_private_key().empty()}});
  }

  std::string Account(const v1::TotpAccount& account) const override {
    return Dump({{"event", "totp_account"},
                 {"name", account.name()},
                 {"issuer", account.issuer()},
                 {"account_name", account.account_name()},
                 {"digits", account.digits()},
                 {"period_seconds", account.period_seconds()}});
  }

 private:
  static void AddError(const absl::Status& status, Json& json) {
    json["code"] = absl::StatusCodeToString(status.code());
    json["reason"] = ErrorReason(status);
    json["message"] = Text(status.message());
  }

  static std::string Dump(const Json& json) {
    return json.dump(-1, ' ', /*ensure_ascii=*/true,
                     Json::error_handler_t::replace) +
           "\n";
  }
};

}  // namespace

std::unique_ptr<EventFormat> MakeTextFormat() {
  return std::make_unique<TextFormat>();
}

std::unique_ptr<EventFormat> MakeJsonFormat() {
  return std::make_unique<JsonFormat>();
}

}  // namespace cofactor::device
