#ifndef COFACTOR_SERVICES_MESSENGER_FORM_ENCODING_H_
#define COFACTOR_SERVICES_MESSENGER_FORM_ENCODING_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cofactor::services {

// Names and values of a form or of a query, in their order.
using FormFields = std::vector<std::pair<std::string, std::string>>;

// Appends "name=value", with an ampersand before it if there is something
// already, as application/x-www-form-urlencoded.
void AppendFormField(absl::string_view name, absl::string_view value,
                     std::string& form);

// Reads application/x-www-form-urlencoded. INVALID_ARGUMENT: a broken escape,
// a name twice, or more than 64 fields.
absl::StatusOr<FormFields> ParseForm(absl::string_view form);

// The value of a name, or "" if there is none. The view ends with the fields.
absl::string_view FormValue(const FormFields& fields, absl::string_view name);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_FORM_ENCODING_H_
