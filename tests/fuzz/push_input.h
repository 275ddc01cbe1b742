#ifndef COFACTOR_TESTS_FUZZ_PUSH_INPUT_H_
#define COFACTOR_TESTS_FUZZ_PUSH_INPUT_H_

#include "absl/strings/string_view.h"

namespace cofactor {

// Gives bytes that a stranger made to whatever reads them for push, and ends
// the process if something holds that must not: an answer that no device signed
// is genuine, a response that was let pass is malformed, what is written is not
// read back. The first byte says to what they are given.
void TryPushInput(absl::string_view input);

}  // namespace cofactor

#endif  // COFACTOR_TESTS_FUZZ_PUSH_INPUT_H_
