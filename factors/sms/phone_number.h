#ifndef COFACTOR_FACTORS_SMS_PHONE_NUMBER_H_
#define COFACTOR_FACTORS_SMS_PHONE_NUMBER_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace i18n::phonenumbers {
class PhoneNumberUtil;
}  // namespace i18n::phonenumbers

namespace cofactor::factors::sms {

// A number that a text can be sent to, made by PhoneNumbers alone. It is
// personal data: only masked() may be shown or logged. Thread-compatible.
class PhoneNumber {
 public:
  // "+4915112345678": a plus, the country code and the national number.
  const std::string& e164() const { return e164_; }
  // 49.
  int country_code() const { return country_code_; }
  // "DE": the region by ISO 3166 that the number belongs to, "001" for a code
  // of no country, and "ZZ" if several countries share the code and the range
  // is in none that is known: it may be newer than the tables.
  const std::string& region() const { return region_; }

  // "+49 ••• ••• •• 78": the country code, the last two digits, and nothing of
  // how many there are between.
  std::string masked() const;

  // "+49151" for 3: the country code and so many digits after it, or all if
  // there are fewer. Numbers that are bought in blocks share a prefix.
  std::string prefix(size_t digits) const;

 private:
  friend class PhoneNumbers;

  PhoneNumber(std::string e164, int country_code, std::string region)
      : e164_(std::move(e164)),
        country_code_(country_code),
        region_(std::move(region)) {}

  std::string e164_;
  int country_code_;
  std::string region_;
};

// Reads phone numbers as people write them. Thread-safe; some 30,000 a second
// in all, for the library has one lock.
//
// Ranges that are newer than the tables of the library are let in if their
// length is possible. What costs extra, or is no phone, is refused.
class PhoneNumbers {
 public:
  // Where the two arguments of Parse stand in the request, for its errors.
  struct FieldNames {
    absl::string_view number;
    absl::string_view region;
  };

  static constexpr size_t kMaxBytes = 64;

  // Loads the tables, some milliseconds. To be called at the start.
  PhoneNumbers();

  // number: "+49 151 12345678", or as it is dialled in the region, as
  // "0151/12345678" or "1-800-FLOWERS"; full-width and other decimal digits are
  // fine. region: two capital letters as "DE", or empty for a number with a
  // plus. A plus in the number outdoes the region.
  //
  // INVALID_ARGUMENT, by InvalidField: the number is malformed, too long or too
  // short; has an extension; is a premium, shared-cost, pager or personal
  // number, also with digits behind its end, which networks ignore; or the
  // region is none. The text holds nothing of the number.
  absl::StatusOr<PhoneNumber> Parse(absl::string_view number,
                                    absl::string_view region,
                                    const FieldNames& fields) const;

 private:
  const i18n::phonenumbers::PhoneNumberUtil& util_;
};

}  // namespace cofactor::factors::sms

#endif  // COFACTOR_FACTORS_SMS_PHONE_NUMBER_H_
