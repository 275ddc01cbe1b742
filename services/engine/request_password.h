#ifndef COFACTOR_SERVICES_ENGINE_REQUEST_PASSWORD_H_
#define COFACTOR_SERVICES_ENGINE_REQUEST_PASSWORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace cofactor::services {

// A password in a request is what a field "password" or "current_password"
// holds that is text, however deep it lies.

// Whether a request brings a password.
bool HasPassword(const google::protobuf::Message& request);

// What a request is recognised by when it comes again, 32 bytes: SHA-256 over
// it. A password goes in as a slow hash alone, for what is kept of a call must
// not be a quicker way to guess it than what is kept of the enrollment. So a
// request with a password takes tens of milliseconds.
//
// client_id, request_id: make the salt. UNAVAILABLE: no memory for the hash.
absl::StatusOr<std::string> DigestOf(const google::protobuf::Message& request,
                                     absl::string_view client_id,
                                     absl::string_view request_id);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_ENGINE_REQUEST_PASSWORD_H_
