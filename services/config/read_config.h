#ifndef COFACTOR_SERVICES_CONFIG_READ_CONFIG_H_
#define COFACTOR_SERVICES_CONFIG_READ_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cofactor/config/v1/server_config.pb.h"

namespace cofactor::services {

// Reads a configuration file, checks that every choice is made, makes its paths
// relative to the working folder, and fills in the defaults of messaging and
// passwords.
//   NOT_FOUND            there is no such file, or it cannot be read.
//   FAILED_PRECONDITION  it is no configuration: one line for each error, as
//                        "cofactor.textproto:3:5: storage.key_ring_file: ...".
absl::StatusOr<config::v1::ServerConfig> ReadConfig(const std::string& path);

// The same for a text; path names it in errors.
absl::StatusOr<config::v1::ServerConfig> ParseConfig(absl::string_view text,
                                                     const std::string& path);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CONFIG_READ_CONFIG_H_
