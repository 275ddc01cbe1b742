#include "factors/sms/phone_number.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "phonenumbers/logger.h"
#include "phonenumbers/phonenumberutil.h"

namespace cofactor::factors::sms {
namespace {

using Parsed = ::i18n::phonenumbers::PhoneNumber;
using Util = ::i18n::phonenumbers::PhoneNumberUtil;

// The library would write to standard output, and numbers are personal data.
class NullLogger final : public ::i18n::phonenumbers::Logger {
 public:
  void WriteMessage(const std::string&) override {}
};

const Util& LoadUtil() {
  // One for the process, as the library has it. The logger is set once alone,
  // for that is not thread-safe.
  static const Util* const util = [] {
    Util* const loaded = Util::GetInstance();
    loaded->SetLogger(new NullLogger);  // Taken over.
    return loaded;
  }();
  return *util;
}

// The shortest mobile numbers are those of Niue, as "+6834002".
constexpr size_t kMinE164Bytes = 8;

// Takes one character of UTF-8 off the text, or returns nothing if it is none.
std::optional<uint32_t> TakeCharacter(absl::string_view& text) {
  const auto first = static_cast<uint8_t>(text[0]);
  size_t size = 1;
  uint32_t character = first;
  if (first >= 0xF0 && first <= 0xF4) {
    size = 4;
    character = first & 0x07;
  } else if (first >= 0xE0) {
    size = 3;
    character = first & 0x0F;
  } else if (first >= 0xC2) {
    size = 2;
    character = first & 0x1F;
  } else if (first >= 0x80) {
    return std::nullopt;
  }
  if (first > 0xF4 || text.size() < size) return std::nullopt;
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xC0) != 0x80) return std::nullopt;
    character = character << 6 | (next & 0x3F);
  }
  text.remove_prefix(size);
  return character;
}

// First digits of the decimal digits that keyboards of phones give.
constexpr uint32_t kZeros[] = {
    '0',     // ASCII.
    0x0660,  // Arabic-Indic.
    0x06F0,  // Eastern Arabic-Indic.
    0x0966,  // Devanagari.
    0x09E6,  // Bengali.
    0x0E50,  // Thai.
    0xFF10,  // Full-width.
};

bool IsDigit(uint32_t c) {
  return std::any_of(std::begin(kZeros), std::end(kZeros),
                     [c](uint32_t zero) { return zero <= c && c < zero + 10; });
}

bool IsPlus(uint32_t c) { return c == '+' || c == 0xFF0B; }

bool IsPunctuation(uint32_t c) {
  constexpr absl::string_view kAscii = " ()-./";
  if (c < 0x80) return absl::StrContains(kAscii, static_cast<char>(c));
  return c == 0x00A0 || c == 0x202F || c == 0x3000 ||  // Spaces.
         (c >= 0x2010 && c <= 0x2015) || c == 0x2212 ||
         c == 0x30FC ||  // Dashes.
         c == 0xFF08 || c == 0xFF09 || (c >= 0xFF0D && c <= 0xFF0F);
}

struct Shape {
  // Why it is no number at all, or empty.
  absl::string_view complaint;
  bool has_letters = false;
  bool has_plus = false;
};

// The library looks for a number in any text and drops what is around it. So
// that nobody gets a text that was meant for another number, all of the text
// has to be one.
Shape ShapeOf(absl::string_view number) {
  Shape shape;
  const Shape malformed{
      .complaint =
          "give digits with spaces, dashes, dots, slashes and "
          "parentheses, as +49 151 12345678"};
  bool is_first = true;
  while (!number.empty()) {
    const std::optional<uint32_t> c = TakeCharacter(number);
    if (!c.has_value()) return malformed;
    if (*c == ';' || *c == '#' || *c == ',' || *c == '~') {
      return {.complaint = "leave out the extension and what follows it"};
    }
    const bool is_letter = *c < 0x80 && absl::ascii_isalpha(*c);
    // A plus has its meaning at the start alone.
    if (is_first ? !IsDigit(*c) && !IsPlus(*c) && *c != '(' && *c != 0xFF08
                 : !IsDigit(*c) && !IsPunctuation(*c) && !is_letter) {
      return malformed;
    }
    shape.has_letters |= is_letter;
    shape.has_plus |= IsPlus(*c);
    is_first = false;
  }
  return shape;
}

// Whom a text would cost more than a text, or who is no phone; else empty.
absl::string_view RefusedType(Util::PhoneNumberType type) {
  switch (type) {
    case Util::PREMIUM_RATE:
      return "premium numbers are refused, give a mobile number";
    case Util::SHARED_COST:
      return "shared-cost numbers are refused, give a mobile number";
    case Util::PAGER:
      return "pagers are refused, give a mobile number";
    case Util::PERSONAL_NUMBER:
      return "personal numbers that lead elsewhere are refused, give a mobile "
             "number";
    default:
      return "";
  }
}

absl::string_view RefusedType(const Util& util, Parsed number) {
  Util::PhoneNumberType type = util.GetNumberType(number);
  // The network stops reading where the number ends: one that is premium but
  // for digits behind it is premium.
  while (type == Util::UNKNOWN && number.national_number() >= 1000) {
    number.set_national_number(number.national_number() / 10);
    type = util.GetNumberType(number);
  }
  // Universal personal telecommunications, which the library takes for VoIP.
  if (number.country_code() == 878) type = Util::PERSONAL_NUMBER;
  return RefusedType(type);
}

}  // namespace

std::string PhoneNumber::masked() const {
  return absl::StrCat("+", country_code_, " ••• ••• •• ",
                      absl::string_view(e164_).substr(e164_.size() - 2));
}

std::string PhoneNumber::prefix(size_t digits) const {
  const size_t before = absl::StrCat("+", country_code_).size();
  return e164_.substr(0, before + std::min(digits, e164_.size()));
}

PhoneNumbers::PhoneNumbers() : util_(LoadUtil()) {}

absl::StatusOr<PhoneNumber> PhoneNumbers::Parse(
    absl::string_view number, absl::string_view region,
    const FieldNames& fields) const {
  if (!region.empty() &&
      util_.GetCountryCodeForRegion(std::string(region)) == 0) {
    return InvalidField(fields.region,
                        "give a region by ISO 3166, as DE, or none with a "
                        "number that starts with a plus");
  }
  if (number.size() > kMaxBytes) {
    return InvalidField(fields.number,
                        absl::StrCat("give at most ", kMaxBytes, " bytes"));
  }
  absl::string_view bare = absl::StripAsciiWhitespace(number);
  if (bare.empty()) return InvalidField(fields.number, "give a phone number");
  // RFC 3966; its parameters are refused below.
  absl::ConsumePrefix(&bare, "tel:");
  const Shape shape = ShapeOf(bare);
  if (!shape.complaint.empty()) {
    return InvalidField(fields.number, shape.complaint);
  }
  if (!shape.has_plus && region.empty()) {
    return InvalidField(fields.number,
                        "start with a plus and the country code, or name the "
                        "region");
  }

  const std::string text(bare);
  Parsed parsed;
  switch (
      util_.Parse(text, region.empty() ? "ZZ" : std::string(region), &parsed)) {
    case Util::NO_PARSING_ERROR:
      break;
    case Util::INVALID_COUNTRY_CODE_ERROR:
      return InvalidField(fields.number, "no country has this country code");
    case Util::TOO_SHORT_AFTER_IDD:
    case Util::TOO_SHORT_NSN:
      return InvalidField(fields.number, "the number is too short");
    case Util::TOO_LONG_NSN:
      return InvalidField(fields.number, "the number is too long");
    default:
      return InvalidField(fields.number, "give a phone number");
  }
  if (parsed.has_extension()) {
    return InvalidField(fields.number,
                        "leave out the extension and what follows it");
  }
  // Else the library would have dropped the letters.
  if (shape.has_letters && !util_.IsAlphaNumber(text)) {
    return InvalidField(fields.number, "give digits instead of letters");
  }
  switch (util_.IsPossibleNumberWithReason(parsed)) {
    case Util::IS_POSSIBLE:
      break;
    case Util::IS_POSSIBLE_LOCAL_ONLY:
      return InvalidField(fields.number, "give the area code too");
    case Util::TOO_SHORT:
      return InvalidField(fields.number, "the number is too short");
    case Util::TOO_LONG:
      return InvalidField(fields.number, "the number is too long");
    default:
      return InvalidField(fields.number,
                          "no number of this country has so many digits");
  }
  const absl::string_view refused = RefusedType(util_, parsed);
  if (!refused.empty()) return InvalidField(fields.number, refused);

  std::string e164;
  util_.Format(parsed, Util::E164, &e164);
  // In countries without fixed lengths the tables let service numbers pass.
  if (e164.size() < kMinE164Bytes) {
    return InvalidField(fields.number, "the number is too short");
  }
  std::string owner;
  util_.GetRegionCodeForNumber(parsed, &owner);
  return PhoneNumber(std::move(e164), parsed.country_code(), std::move(owner));
}

}  // namespace cofactor::factors::sms
