#include "services/messenger/code_texts.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace cofactor::services {
namespace {

bool NamesRegion(absl::string_view locale, absl::string_view region) {
  const std::vector<absl::string_view> tags = absl::StrSplit(locale, '-');
  // The first one is the language, which may be the same two letters.
  for (size_t i = 1; i < tags.size(); ++i) {
    if (absl::EqualsIgnoreCase(tags[i], region)) return true;
  }
  return false;
}

}  // namespace

CodeTexts::CodeTexts(std::vector<Template> templates, std::string webotp_host)
    : templates_(std::move(templates)), webotp_host_(std::move(webotp_host)) {}

const CodeTexts::Template& CodeTexts::ChooseFor(absl::string_view e164) const {
  if (templates_.size() > 1) {
    const auto number = phone_numbers_.Parse(e164, "", {"number", "region"});
    for (const Template& text : templates_) {
      if (number.ok() && NamesRegion(text.locale, number->region())) {
        return text;
      }
    }
  }
  return templates_.front();
}

Secret CodeTexts::Compose(absl::string_view e164, const Secret& code) const {
  std::string text = absl::StrReplaceAll(ChooseFor(e164).text,
                                         {{kCodeMark, code.ExposeSecret()}});
  if (webotp_host_.empty()) return Secret(std::move(text));
  Secret whole(
      absl::StrCat(text, "\n@", webotp_host_, " #", code.ExposeSecret()));
  Wipe(text);
  return whole;
}

}  // namespace cofactor::services
