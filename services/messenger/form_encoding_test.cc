#include "services/messenger/form_encoding.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

TEST(FormEncodingTest, EncodesAllButTheUnreserved) {
  std::string form;
  AppendFormField("To", "+4915123456789", form);
  AppendFormField("Body", "a b&c=d%é\n~*-._", form);
  EXPECT_EQ(form, "To=%2B4915123456789&Body=a+b%26c%3Dd%25%C3%A9%0A%7E*-._");
}

TEST(FormEncodingTest, ReadsWhatItWrote) {
  std::string bytes;
  for (int c = 0; c < 256; ++c) bytes.push_back(static_cast<char>(c));
  std::string form;
  AppendFormField(bytes, bytes, form);
  AppendFormField("b", "", form);
  const auto fields = ParseForm(form);
  ASSERT_TRUE(fields.ok()) << fields.status();
  EXPECT_EQ(*fields, (FormFields{{bytes, bytes}, {"b", ""}}));
  EXPECT_EQ(FormValue(*fields, bytes), bytes);
  EXPECT_EQ(FormValue(*fields, "none"), "");
}

TEST(FormEncodingTest, ReadsFieldsWithoutAValueAndWithTwoSigns) {
  EXPECT_EQ(*ParseForm(""), FormFields{});
  EXPECT_EQ(*ParseForm("a&b=c=d&%61b=%2b"),
            (FormFields{{"a", ""}, {"b", "c=d"}, {"ab", "+"}}));
}

TEST(FormEncodingTest, RefusesWhatOthersMayReadOtherwise) {
  for (const std::string form :
       {"a=%", "a=%4", "a=%4g", "%zz=1", "a=1&a=2", "a=1&%61=2", "&&"}) {
    EXPECT_EQ(ParseForm(form).status().code(),
              absl::StatusCode::kInvalidArgument)
        << form;
  }
  std::string many;
  for (int i = 0; i < 64; ++i) AppendFormField(absl::StrCat(i), "", many);
  EXPECT_TRUE(ParseForm(many).ok());
  EXPECT_FALSE(ParseForm(many + "&x").ok());
}

}  // namespace
}  // namespace cofactor::services
