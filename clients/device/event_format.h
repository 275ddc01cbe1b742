#ifndef COFACTOR_CLIENTS_DEVICE_EVENT_FORMAT_H_
#define COFACTOR_CLIENTS_DEVICE_EVENT_FORMAT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "clients/device/totp_codes.h"
#include "cofactor/device/v1/vault.pb.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/device.pb.h"
#include "cofactor/v1/device_service.pb.h"

namespace cofactor::device {

// How what happens is written to the standard output, each as whole lines. The
// words in front of colons, and the names in JSON, are for programs to rely on.
// All text of others is escaped. Thread-safe.
class EventFormat {
 public:
  virtual ~EventFormat() = default;

  // All that a device shows of a challenge, which is all that it signs.
  virtual std::string Challenge(absl::string_view device,
                                const cofactor::v1::DeviceChallenge& challenge,
                                absl::Time now) const = 0;
  virtual std::string Ended(absl::string_view challenge_id,
                            cofactor::v1::ChallengeState state) const = 0;
  // What became of an answer.
  virtual std::string Answered(
      absl::string_view challenge_id,
      const cofactor::v1::AnswerChallengeResponse& response) const = 0;
  // An answer that was not judged. challenge_id: may be empty.
  virtual std::string NotAnswered(absl::string_view challenge_id,
                                  const absl::Status& status) const = 0;
  virtual std::string Connected(absl::string_view device) const = 0;
  virtual std::string Disconnected(absl::string_view device,
                                   const absl::Status& status,
                                   absl::Duration retry_after) const = 0;
  virtual std::string GivenUp(absl::string_view device,
                              const absl::Status& status) const = 0;
  virtual std::string Code(const v1::TotpAccount& account,
                           const TotpCode& code) const = 0;
  // fingerprint: of the key.
  virtual std::string PushDevice(const v1::PushDevice& device,
                                 absl::string_view fingerprint) const = 0;
  virtual std::string Account(const v1::TotpAccount& account) const = 0;
};

// For people: a challenge is a line each of "challenge", "device", "purpose",
// "title", "amount", "payee", "field", "attempts left" and "expires", and an
// empty line.
std::unique_ptr<EventFormat> MakeTextFormat();

// For programs: one object a line, in ASCII, with a member "event".
std::unique_ptr<EventFormat> MakeJsonFormat();

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_EVENT_FORMAT_H_
