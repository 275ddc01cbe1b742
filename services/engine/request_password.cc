#include "services/engine/request_password.h"

#include <openssl/sha.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/secret.h"
#include "base/status_macros.h"
#include "factors/password/password_hash.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;

constexpr absl::string_view kPasswordField = "password";
constexpr absl::string_view kCurrentPasswordField = "current_password";

// Keeps the hash apart from those of enrollments. A change makes retries of
// calls from before it fail.
constexpr absl::string_view kSaltTag = "cofactor request salt 1";

bool IsPassword(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
         !field.is_repeated() &&
         (field.name() == kPasswordField ||
          field.name() == kCurrentPasswordField);
}

// Calls visit(message, field) for each password that is set.
template <typename AnyMessage, typename Visit>
void VisitPasswords(AnyMessage& message, const Visit& visit) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (IsPassword(*field)) {
      visit(message, *field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
               !field->is_repeated()) {
      if constexpr (std::is_const_v<AnyMessage>) {
        VisitPasswords(reflection.GetMessage(message, field), visit);
      } else {
        VisitPasswords(*reflection.MutableMessage(&message, field), visit);
      }
    }
  }
}

std::string Sha256(absl::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

std::string Sha256Of(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  std::string digest = Sha256(bytes);
  Wipe(bytes);  // The request may hold a code.
  return digest;
}

}  // namespace

bool HasPassword(const Message& request) {
  bool found = false;
  VisitPasswords(request, [&found](const Message&, const FieldDescriptor&) {
    found = true;
  });
  return found;
}

absl::StatusOr<std::string> DigestOf(const Message& request,
                                     absl::string_view client_id,
                                     absl::string_view request_id) {
  if (!HasPassword(request)) return Sha256Of(request);
  const std::unique_ptr<Message> open(request.New());
  open->CopyFrom(request);
  std::string passwords;
  VisitPasswords(*open, [&](Message& message, const FieldDescriptor& field) {
    std::string taken = message.GetReflection()->GetString(message, &field);
    absl::StrAppend(&passwords, taken.size(), " ", taken);
    Wipe(taken);
    message.GetReflection()->SetString(&message, &field, "");
  });
  const Secret secret{absl::string_view(passwords)};
  Wipe(passwords);
  const std::string salt =
      Sha256(absl::StrCat(kSaltTag, client_id, "/", request_id))
          .substr(0, factors::password::PasswordHash::kSaltBytes);
  // Not as configured: a retry has to give the same after a change.
  ASSIGN_OR_RETURN(const auto hash,
                   factors::password::PasswordHash::Make(
                       secret, factors::password::Argon2Parameters(), salt));
  return Sha256(absl::StrCat(Sha256Of(*open), hash.text()));
}

}  // namespace cofactor::services
