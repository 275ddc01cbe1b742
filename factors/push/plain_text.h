#ifndef COFACTOR_FACTORS_PUSH_PLAIN_TEXT_H_
#define COFACTOR_FACTORS_PUSH_PLAIN_TEXT_H_

#include "absl/strings/string_view.h"

namespace cofactor::factors::push {

// Whether a text is UTF-8 that shows as it is: without control characters (C0,
// C1 and DEL), ends of lines and paragraphs, and what turns the direction of
// writing, so that it cannot be made to look like another.
bool IsPlainText(absl::string_view text);

}  // namespace cofactor::factors::push

#endif  // COFACTOR_FACTORS_PUSH_PLAIN_TEXT_H_
