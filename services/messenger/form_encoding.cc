#include "services/messenger/form_encoding.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxFields = 64;

void AppendEncoded(absl::string_view text, std::string& form) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' ||
        c == '*') {
      form.push_back(c);
    } else if (c == ' ') {
      form.push_back('+');
    } else {
      const auto byte = static_cast<unsigned char>(c);
      form.push_back('%');
      form.push_back(kHex[byte >> 4]);
      form.push_back(kHex[byte & 15]);
    }
  }
}

absl::StatusOr<std::string> Decode(absl::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else if (i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
               absl::ascii_isxdigit(text[i + 2])) {
      decoded.append(absl::HexStringToBytes(text.substr(i + 1, 2)));
      i += 2;
    } else {
      return absl::InvalidArgumentError("the form has a broken escape");
    }
  }
  return decoded;
}

}  // namespace

void AppendFormField(absl::string_view name, absl::string_view value,
                     std::string& form) {
  if (!form.empty()) form.push_back('&');
  AppendEncoded(name, form);
  form.push_back('=');
  AppendEncoded(value, form);
}

absl::StatusOr<FormFields> ParseForm(absl::string_view form) {
  FormFields fields;
  if (form.empty()) return fields;
  for (const absl::string_view field : absl::StrSplit(form, '&')) {
    if (fields.size() == kMaxFields) {
      return absl::InvalidArgumentError("the form has too many fields");
    }
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(field, absl::MaxSplits('=', 1));
    ASSIGN_OR_RETURN(std::string name, Decode(parts.first));
    ASSIGN_OR_RETURN(std::string value, Decode(parts.second));
    for (const auto& other : fields) {
      // Which of the two counts, others may see otherwise.
      if (other.first == name) {
        return absl::InvalidArgumentError("the form has a field twice");
      }
    }
    fields.emplace_back(std::move(name), std::move(value));
  }
  return fields;
}

absl::string_view FormValue(const FormFields& fields, absl::string_view name) {
  for (const auto& field : fields) {
    if (field.first == name) return field.second;
  }
  return "";
}

}  // namespace cofactor::services
