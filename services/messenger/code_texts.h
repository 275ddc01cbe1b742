#ifndef COFACTOR_SERVICES_MESSENGER_CODE_TEXTS_H_
#define COFACTOR_SERVICES_MESSENGER_CODE_TEXTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/secret.h"
#include "factors/sms/phone_number.h"

namespace cofactor::services {

// Where the code goes in a template.
inline constexpr char kCodeMark[] = "{code}";

// Writes the texts that bring codes. Immutable and thread-safe.
class CodeTexts {
 public:
  struct Template {
    // "de-AT", or the language alone.
    std::string locale;
    // With kCodeMark once.
    std::string text;
  };

  // templates: at least one. webotp_host: that of the page which the code is
  // typed into, or empty.
  CodeTexts(std::vector<Template> templates, std::string webotp_host);

  // The first text whose locale names the region of the number, else the first
  // of all: nothing else is known of the person. With a host, a last line
  // follows that browsers read ("Origin-bound one-time codes delivered via
  // SMS", WICG).
  Secret Compose(absl::string_view e164, const Secret& code) const;

  // Locale of the text that Compose takes.
  const std::string& LocaleFor(absl::string_view e164) const {
    return ChooseFor(e164).locale;
  }

 private:
  const Template& ChooseFor(absl::string_view e164) const;

  const factors::sms::PhoneNumbers phone_numbers_;
  const std::vector<Template> templates_;
  const std::string webotp_host_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_CODE_TEXTS_H_
