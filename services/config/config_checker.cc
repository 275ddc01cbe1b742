#include "services/config/config_checker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::TextFormat;

constexpr absl::string_view kSchema =
    "proto/cofactor/config/v1/server_config.proto";

const FieldDescriptor* Find(const ConfigPart& part, absl::string_view field) {
  return part.message.GetDescriptor()->FindFieldByName(std::string(field));
}

std::string NameOf(const ConfigPart& part, absl::string_view field, int index) {
  return absl::StrCat(part.name.empty() ? "" : part.name + ".", field,
                      index < 0 ? "" : absl::StrCat("[", index, "]"));
}

}  // namespace

void ConfigErrors::AddError(int line, int column, const std::string& message) {
  lines_.push_back(absl::StrCat(path_, ":", std::max(line, 0) + 1, ":",
                                std::max(column, 0) + 1, ": ", message));
}

std::string ConfigErrors::Text() const { return absl::StrJoin(lines_, "\n"); }

void ConfigChecker::Complain(const ConfigPart& part, absl::string_view field,
                             absl::string_view what, int index) {
  const FieldDescriptor* descriptor = Find(part, field);
  TextFormat::ParseLocation location = part.location;
  if (descriptor != nullptr && descriptor->is_repeated() == (index >= 0) &&
      part.tree != nullptr) {
    // Of a list in brackets, protobuf knows only where it begins.
    TextFormat::ParseLocation own = part.tree->GetLocation(descriptor, index);
    if (own.line < 0 && index > 0) own = part.tree->GetLocation(descriptor, 0);
    if (own.line >= 0) location = own;
  }
  errors_.AddError(location.line, location.column,
                   absl::StrCat(NameOf(part, field, index), ": ", what));
}

bool ConfigChecker::Require(const ConfigPart& part, absl::string_view field) {
  const FieldDescriptor* descriptor = Find(part, field);
  const auto* reflection = part.message.GetReflection();
  const bool is_set = descriptor->is_repeated()
                          ? reflection->FieldSize(part.message, descriptor) > 0
                          : reflection->HasField(part.message, descriptor);
  if (!is_set) {
    Complain(part, field, absl::StrCat("is not set; see ", kSchema));
  }
  return is_set;
}

bool ConfigChecker::RequireOneOf(const ConfigPart& part,
                                 absl::string_view oneof) {
  const auto* descriptor =
      part.message.GetDescriptor()->FindOneofByName(std::string(oneof));
  if (part.message.GetReflection()->HasOneof(part.message, descriptor)) {
    return true;
  }
  std::vector<std::string> choices;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    choices.push_back(descriptor->field(i)->name());
  }
  Complain(part, oneof,
           absl::StrCat("is not chosen: set ", absl::StrJoin(choices, " or "),
                        "; see ", kSchema));
  return false;
}

ConfigPart ConfigChecker::Of(const ConfigPart& part, absl::string_view field,
                             int index) {
  const FieldDescriptor* descriptor = Find(part, field);
  const auto* reflection = part.message.GetReflection();
  const Message& message =
      index < 0
          ? reflection->GetMessage(part.message, descriptor)
          : reflection->GetRepeatedMessage(part.message, descriptor, index);
  ConfigPart inner{message, nullptr, part.location, NameOf(part, field, index)};
  if (part.tree != nullptr) {
    inner.tree = part.tree->GetTreeForNested(descriptor, index);
    inner.location = part.tree->GetLocation(descriptor, index);
  }
  return inner;
}

}  // namespace cofactor::services
