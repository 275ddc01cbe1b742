// For libFuzzer: tools/fuzz push_answer_fuzz.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"
#include "tests/fuzz/push_input.h"

// As the server has it: bad UTF-8 is an error of the caller, no line in a log.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cofactor::TryPushInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
