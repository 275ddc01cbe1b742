#ifndef COFACTOR_SERVICES_MESSENGER_NOTICE_TEXTS_H_
#define COFACTOR_SERVICES_MESSENGER_NOTICE_TEXTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "services/engine/message_sender.h"

namespace cofactor::services {

// What a notice says: what happened to which account, and what to do if it was
// somebody else. No secret, no link, and nothing of what a caller wrote but the
// id of the account.
//
// locale: as "de-AT"; the language counts. "en" and "de" are known, and any
// other gets "en".
std::string NoticeText(NoticeKind kind, absl::string_view locale,
                       absl::string_view account_id);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_NOTICE_TEXTS_H_
