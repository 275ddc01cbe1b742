#include "factors/sms/phone_number.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "gtest/gtest.h"

namespace cofactor::factors::sms {
namespace {

class PhoneNumberTest : public testing::Test {
 protected:
  absl::StatusOr<PhoneNumber> Parse(absl::string_view number,
                                    absl::string_view region = "") const {
    return numbers_.Parse(
        number, region,
        {.number = "parameters.sms.number", .region = "parameters.sms.region"});
  }

  std::string E164(absl::string_view number,
                   absl::string_view region = "") const {
    const auto parsed = Parse(number, region);
    return parsed.ok() ? parsed->e164() : parsed.status().ToString();
  }

  // The description of the refusal, or "" if it is none of the number.
  std::string Refusal(absl::string_view number,
                      absl::string_view region = "") const {
    const auto parsed = Parse(number, region);
    if (parsed.ok()) return absl::StrCat("taken as ", parsed->e164());
    if (parsed.status().code() != absl::StatusCode::kInvalidArgument ||
        ErrorReason(parsed.status()) != "INVALID_FIELD") {
      return parsed.status().ToString();
    }
    absl::string_view message = parsed.status().message();
    return absl::ConsumePrefix(&message, "parameters.sms.number: ")
               ? std::string(message)
               : parsed.status().ToString();
  }

  const PhoneNumbers numbers_;
};

TEST_F(PhoneNumberTest, ReadsNationalFormsOfManyCountries) {
  const struct {
    const char* region;
    const char* national;
    const char* e164;
  } kNumbers[] = {
      {"DE", "0151 2345 6789", "+4915123456789"},
      {"DE", "(0151) 2345-6789", "+4915123456789"},
      {"DE", "0151/23456789", "+4915123456789"},
      {"DE", "0049 151 23456789", "+4915123456789"},
      {"DE", "+49 (0)151 23456789", "+4915123456789"},
      {"AT", "0664 123456", "+43664123456"},
      {"CH", "078 123 45 67", "+41781234567"},
      {"GB", "07400 123456", "+447400123456"},
      {"FR", "06.12.34.56.78", "+33612345678"},
      {"IT", "312 345 6789", "+393123456789"},
      // Italy keeps the zero.
      {"IT", "02 1234 5678", "+390212345678"},
      {"US", "(201) 555-0123", "+12015550123"},
      {"US", "1-201-555-0123", "+12015550123"},
      {"US", "011 49 151 23456789", "+4915123456789"},
      {"CA", "506-234-5678", "+15062345678"},
      {"JP", "090-1234-5678", "+819012345678"},
      {"IN", "081234 56789", "+918123456789"},
      {"BR", "(11) 96123-4567", "+5511961234567"},
      {"AR", "011 15-2345-6789", "+5491123456789"},
      {"MX", "222 123 4567", "+522221234567"},
      {"NG", "0802 123 4567", "+2348021234567"},
      {"KE", "0712 123456", "+254712123456"},
      {"AU", "0412 345 678", "+61412345678"},
      {"NL", "06 12345678", "+31612345678"},
      {"SE", "070-123 45 67", "+46701234567"},
      {"BD", "01812-345678", "+8801812345678"},
  };
  for (const auto& number : kNumbers) {
    EXPECT_EQ(E164(number.national, number.region), number.e164)
        << number.region << " " << number.national;
  }
}

TEST_F(PhoneNumberTest, ReadsE164WithoutARegionAndWithAnother) {
  EXPECT_EQ(E164("+4915123456789"), "+4915123456789");
  EXPECT_EQ(E164("+49 151 2345 6789", "US"), "+4915123456789");
  EXPECT_EQ(E164("tel:+49-151-23456789"), "+4915123456789");
  EXPECT_EQ(E164("  +4915123456789 "), "+4915123456789");
}

TEST_F(PhoneNumberTest, ReadsDigitsOfOtherScripts) {
  EXPECT_EQ(E164("＋４９１５１２３４５６７８９"), "+4915123456789");
  EXPECT_EQ(E164("０９０－１２３４－５６７８", "JP"), "+819012345678");
  EXPECT_EQ(E164("٠٧٤٠٠ ١٢٣٤٥٦", "GB"), "+447400123456");
  EXPECT_EQ(E164("०८१२३४५६७८९", "IN"), "+918123456789");
  EXPECT_EQ(E164("+49 151 2345‑6789"), "+4915123456789");
}

TEST_F(PhoneNumberTest, ReadsVanityNumbers) {
  EXPECT_EQ(E164("1-800-FLOWERS", "US"), "+18003569377");
  EXPECT_EQ(E164("+1 (650) 253-CAFE"), "+16502532233");
  // A letter or two are a slip of the finger, and must not be dropped.
  EXPECT_EQ(Refusal("0151 2345678O", "DE"), "give digits instead of letters");
  EXPECT_EQ(Refusal("0151 23456 7O8O", "DE"), "give digits instead of letters");
}

TEST_F(PhoneNumberTest, TellsCountryRegionMaskAndPrefix) {
  const auto german = Parse("0151 23456789", "DE");
  ASSERT_TRUE(german.ok()) << german.status();
  EXPECT_EQ(german->country_code(), 49);
  EXPECT_EQ(german->region(), "DE");
  EXPECT_EQ(german->masked(), "+49 ••• ••• •• 89");
  EXPECT_EQ(german->prefix(0), "+49");
  EXPECT_EQ(german->prefix(3), "+49151");
  EXPECT_EQ(german->prefix(11), "+4915123456789");
  EXPECT_EQ(german->prefix(1000), "+4915123456789");

  // Country code 1 is shared.
  EXPECT_EQ(Parse("+15062345678")->region(), "CA");
  EXPECT_EQ(Parse("+12015550123")->region(), "US");
  EXPECT_EQ(Parse("+12425551234")->region(), "BS");
  EXPECT_EQ(Parse("+870301234567")->region(), "001");
  EXPECT_EQ(Parse("+390212345678")->prefix(2), "+3902");
}

TEST_F(PhoneNumberTest, MasksNumbersOfAnyLengthAlike) {
  EXPECT_EQ(Parse("+29052345")->masked(), "+290 ••• ••• •• 45");
  EXPECT_EQ(Parse("+491512345678945")->masked(), "+49 ••• ••• •• 45");
}

TEST_F(PhoneNumberTest, AdmitsRangesThatAreNotKnownYet) {
  // No area code of North America is 999.
  const auto number = Parse("+19992345678");
  ASSERT_TRUE(number.ok()) << number.status();
  EXPECT_EQ(number->region(), "ZZ");
}

TEST_F(PhoneNumberTest, RefusesExtensions) {
  for (const std::string number :
       {"tel:+4915123456789;ext=22", "+4915123456789;ext=22",
        "+49 151 23456789 x22", "+49 151 23456789 ext. 22",
        "+49 151 23456789#22", "+4915123456789,22", "+4915123456789 extn 22",
        "tel:0151;phone-context=+49"}) {
    EXPECT_EQ(Refusal(number, "DE"),
              "leave out the extension and what follows it")
        << number;
  }
}

TEST_F(PhoneNumberTest, RefusesPremiumNumbers) {
  for (const std::string number :
       {"+499001234567", "+449012345678", "+19002345678", "+33891123456",
        "+39899123456", "+81990123456", "+611900123456", "+41900123456",
        "+979123456789"}) {
    EXPECT_EQ(Refusal(number),
              "premium numbers are refused, give a mobile number")
        << number;
  }
}

TEST_F(PhoneNumberTest, RefusesPremiumNumbersWithDigitsBehindTheirEnd) {
  for (const std::string number :
       {"+4990012345678", "+49900123456789", "+439001234567"}) {
    EXPECT_EQ(Refusal(number),
              "premium numbers are refused, give a mobile number")
        << number;
  }
}

TEST_F(PhoneNumberTest, RefusesSharedCostPagersAndPersonalNumbers) {
  for (const std::string number :
       {"+4918012345", "+33884012345", "+80812345678", "+61130012345",
        "+46771234567"}) {
    EXPECT_EQ(Refusal(number),
              "shared-cost numbers are refused, give a mobile number")
        << number;
  }
  for (const std::string number : {"+4916412345", "+447640123456"}) {
    EXPECT_EQ(Refusal(number), "pagers are refused, give a mobile number")
        << number;
  }
  for (const std::string number :
       {"+4970012345678", "+447012345678", "+878101234567890"}) {
    EXPECT_EQ(Refusal(number),
              "personal numbers that lead elsewhere are refused, give a mobile "
              "number")
        << number;
  }
}

TEST_F(PhoneNumberTest, RefusesNumbersOfAnImpossibleLength) {
  EXPECT_EQ(Refusal("+1201555012"), "the number is too short");
  EXPECT_EQ(Refusal("+120155501234"), "the number is too long");
  EXPECT_EQ(Refusal("+49151234567890123456"), "the number is too long");
  EXPECT_EQ(Refusal("+491"), "the number is too short");
  EXPECT_EQ(Refusal("0151", "DE"), "the number is too short");
  EXPECT_EQ(E164("+6834002"), "+6834002");
  EXPECT_EQ(Refusal("555-0123", "US"), "give the area code too");
}

TEST_F(PhoneNumberTest, RefusesUnknownCountryCodes) {
  EXPECT_EQ(Refusal("+9991234567"), "no country has this country code");
  EXPECT_EQ(Refusal("+0151234567"), "no country has this country code");
}

TEST_F(PhoneNumberTest, RefusesWhatIsNoNumber) {
  const std::string kMalformed =
      "give digits with spaces, dashes, dots, slashes and parentheses, as +49 "
      "151 12345678";
  std::vector<std::string> texts = {
      "mobile +4915123456789",
      "call me",
      "+4915123456789 or +4915123456780",
      "+49151+23456789",
      "++4915123456789",
      "+4915123456789?",
      "+49151\t23456789",
      "+49151\n23456789",
      "+49151\r\nX-Kannel-From: 1",
      "+49151%2023456789",
      "-4915123456789",
      "$4915123456789",
      "*31#+4915123456789",
      "\xE2\x80\xAA+4915123456789",  // A mark of the writing direction.
      "+49151\xE2\x80\x8B"
      "23456789",  // A space of no width.
      "+49151\xC0\xB1"
      "3456789",  // '1' in two bytes.
      "+49151234567\xFF",
      "+49151234567\xE2\x80",         // Cut.
      "+4915123456\xF4\x90\x80\x80",  // Past the end of Unicode.
  };
  texts.push_back(
      std::string("+49151\0"
                  "23456789",
                  15));
  for (const std::string& text : texts) {
    EXPECT_EQ(Refusal(text, "DE"), kMalformed) << text;
  }
  EXPECT_EQ(Refusal("", "DE"), "give a phone number");
  EXPECT_EQ(Refusal("   ", "DE"), "give a phone number");
  EXPECT_EQ(Refusal("+"), "give a phone number");
  EXPECT_EQ(Refusal("+()"), "give a phone number");
}

TEST_F(PhoneNumberTest, BoundsTheLength) {
  // 14 characters of a number, the rest spaces within it.
  EXPECT_EQ(E164("+49151" + std::string(50, ' ') + "23456789"),
            "+4915123456789");
  EXPECT_EQ(Refusal("+49151" + std::string(51, ' ') + "23456789"),
            "give at most 64 bytes");
  EXPECT_EQ(Refusal(std::string(1'000'000, '1')), "give at most 64 bytes");
}

TEST_F(PhoneNumberTest, WantsARegionOrAPlus) {
  EXPECT_EQ(Refusal("0151 23456789"),
            "start with a plus and the country code, or name the region");
}

TEST_F(PhoneNumberTest, RefusesARegionThatIsNone) {
  for (const std::string region : {"XX", "de", "DEU", "001", "ZZ", "D\nE"}) {
    const auto parsed = Parse("+4915123456789", region);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(parsed.status().message(),
              "parameters.sms.region: give a region by ISO 3166, as DE, or "
              "none with a number that starts with a plus");
  }
}

TEST_F(PhoneNumberTest, ErrorsHoldNothingOfTheNumber) {
  for (const std::string number : {"+499001234567", "+49151234567890123456",
                                   "+4915123456789 x22", "+9991234567"}) {
    const std::string error = Parse(number).status().ToString();
    EXPECT_FALSE(absl::StrContains(error, number.substr(1, 6))) << error;
    EXPECT_FALSE(absl::StrContains(error, "1234567")) << error;
  }
}

}  // namespace
}  // namespace cofactor::factors::sms
