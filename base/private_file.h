#ifndef COFACTOR_BASE_PRIVATE_FILE_H_
#define COFACTOR_BASE_PRIVATE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/secret.h"

namespace cofactor {

// Writes a file of mode 0600, whole or not at all, in place of the one that
// there may be, and has it on disk before it returns. UNAVAILABLE: the disk
// cannot take it; what there was stays.
absl::Status ReplacePrivateFile(const std::string& path, const Secret& text);

// Reads a secret that an operator put into a file, without the white space at
// its end, which editors leave. FAILED_PRECONDITION, with the path: it cannot
// be read, is empty or longer than 64 KiB, or others than its owner and his
// group may read it, or others than he write it.
absl::StatusOr<Secret> ReadSecretFile(const std::string& path);

}  // namespace cofactor

#endif  // COFACTOR_BASE_PRIVATE_FILE_H_
