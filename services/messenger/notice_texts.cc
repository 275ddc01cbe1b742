#include "services/messenger/notice_texts.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cofactor::services {
namespace {

bool IsGerman(absl::string_view locale) {
  return absl::EqualsIgnoreCase(locale.substr(0, locale.find('-')), "de");
}

absl::string_view EnglishFor(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kRecoveryCodeUsed:
      return "a recovery code of yours was used.";
    case NoticeKind::kRecoveryStarted:
      return "your team has started to give you a new way to sign in.";
    case NoticeKind::kFactorAdded:
      return "a way to sign in as you was added.";
    case NoticeKind::kFactorRemoved:
      return "a way to sign in as you was removed.";
  }
  return "your ways to sign in have changed.";
}

absl::string_view GermanFor(NoticeKind kind) {
  switch (kind) {
    case NoticeKind::kRecoveryCodeUsed:
      return "einer Ihrer Notfallcodes wurde benutzt.";
    case NoticeKind::kRecoveryStarted:
      return "Ihr Team richtet Ihnen einen neuen Zugang ein.";
    case NoticeKind::kFactorAdded:
      return "eine Anmeldemethode wurde hinzugefügt.";
    case NoticeKind::kFactorRemoved:
      return "eine Anmeldemethode wurde entfernt.";
  }
  return "Ihre Anmeldemethoden wurden geändert.";
}

}  // namespace

std::string NoticeText(NoticeKind kind, absl::string_view locale,
                       absl::string_view account_id) {
  return IsGerman(locale)
             ? absl::StrCat(account_id, ": ", GermanFor(kind),
                            " Waren Sie das nicht? Sagen Sie es sofort der "
                            "Leitung des Kontos.")
             : absl::StrCat(account_id, ": ", EnglishFor(kind),
                            " Not expected? Tell an owner of the account at "
                            "once.");
}

}  // namespace cofactor::services
