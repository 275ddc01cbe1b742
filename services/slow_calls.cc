#include "services/slow_calls.h"

#include <string>

#include "factors/factor.h"
#include "google/protobuf/descriptor.h"
#include "services/engine/request_password.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::FieldDescriptor;

constexpr char kFactorTypeField[] = "factor_type";

}  // namespace

bool SlowCalls::Takes(const google::protobuf::Message& request) const {
  const FieldDescriptor* field =
      request.GetDescriptor()->FindFieldByName(kFactorTypeField);
  if (field != nullptr &&
      field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
      !field->is_repeated()) {
    const std::string type = request.GetReflection()->GetString(request, field);
    const factors::Factor* factor = registry_.Find(type);
    if (factor != nullptr && factor->descriptor().slow) return true;
  }
  return HasPassword(request);
}

}  // namespace cofactor::services
