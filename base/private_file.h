#ifndef COFACTOR_BASE_PRIVATE_FILE_H_
#define COFACTOR_BASE_PRIVATE_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "base/secret.h"

namespace cofactor {

// Writes a file of mode 0600, whole or not at all, in place of the one that
// there may be, and has it on disk before it returns. UNAVAILABLE: the disk
// cannot take it; what there was stays.
absl::Status ReplacePrivateFile(const std::string& path, const Secret& text);

}  // namespace cofactor

#endif  // COFACTOR_BASE_PRIVATE_FILE_H_
