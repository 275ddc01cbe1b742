#ifndef COFACTOR_SERVICES_MESSENGER_SMS_TEXT_H_
#define COFACTOR_SERVICES_MESSENGER_SMS_TEXT_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace cofactor::services {

enum class SmsCoding {
  // The default alphabet of GSM (3GPP TS 23.038): 160 characters in one text.
  kGsm7,
  // UTF-16: 70 in one text.
  kUcs2,
};

struct SmsText {
  SmsCoding coding = SmsCoding::kUcs2;
  // Texts that are paid for.
  size_t segments = 0;
};

// How a text in UTF-8 goes over the air: in the alphabet of GSM if it has all
// of its characters. What is no UTF-8 counts as characters that it lacks.
SmsText MeasureSms(absl::string_view text);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_SMS_TEXT_H_
