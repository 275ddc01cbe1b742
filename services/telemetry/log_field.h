#ifndef COFACTOR_SERVICES_TELEMETRY_LOG_FIELD_H_
#define COFACTOR_SERVICES_TELEMETRY_LOG_FIELD_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "base/secret.h"

namespace cofactor::services {

// The name of an event or of a field: a literal of lower-case letters, digits
// and underscores. It is checked when it is compiled, so that nothing that
// comes from outside can be a name.
class LogName {
 public:
  template <size_t kSize>
  consteval LogName(const char (&name)[kSize])  // Implicit, for lists.
      : text_(name, kSize - 1) {
    if (text_.empty() || text_ == "time" || text_ == "level" ||
        text_ == "event") {
      NameIsEmptyOrReserved();
    }
    for (const char c : text_) {
      if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') {
        NameHasAnotherCharacter();
      }
    }
  }

  constexpr absl::string_view text() const { return text_; }

 private:
  // No constant expressions: to call one does not compile.
  static void NameIsEmptyOrReserved();
  static void NameHasAnotherCharacter();

  absl::string_view text_;
};

// A name with a value. It borrows the text: to be made in the call that logs
// it.
class LogField {
 public:
  using Value = std::variant<absl::string_view, int64_t, uint64_t, bool>;

  LogField(LogName name, absl::string_view value)
      : name_(name), value_(value) {}
  LogField(LogName name, const std::string& value)
      : LogField(name, absl::string_view(value)) {}
  // value: not null.
  LogField(LogName name, const char* value)
      : LogField(name, absl::string_view(value)) {}
  LogField(LogName name, std::same_as<bool> auto value)
      : name_(name), value_(value) {}
  LogField(LogName name, std::signed_integral auto value)
      : name_(name), value_(int64_t{value}) {}
  LogField(LogName name, std::unsigned_integral auto value) requires(
      !std::same_as<decltype(value), bool>)
      : name_(name), value_(uint64_t{value}) {}

  // A secret has no place in a log.
  LogField(LogName name, const Secret& value) = delete;
  // Else a pointer to anything.
  template <typename T>
  LogField(LogName name, T* value) = delete;

  LogName name() const { return name_; }
  const Value& value() const { return value_; }

 private:
  LogName name_;
  Value value_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TELEMETRY_LOG_FIELD_H_
