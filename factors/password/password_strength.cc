#include "factors/password/password_strength.h"

#include <openssl/sha.h>
#include <zxcvbn.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/errors.h"
#include "factors/password/password_text.h"

namespace cofactor::factors::password {
namespace {

// The logarithm of 10^8 to the base of 2.
constexpr double kLeastBits = 26.6;

// A part of an id that is shorter says nothing.
constexpr size_t kMinContextBytes = 3;

uint64_t HashOf(const Secret& folded) {
  const absl::string_view bytes = folded.ExposeSecret();
  uint8_t hash[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), hash);
  uint64_t start = 0;
  std::memcpy(&start, hash, sizeof(start));
  return start;
}

// Ids and their parts, as "ada" and "example" of "ada@example.com", in lower
// case, as zxcvbn wants them.
std::vector<std::string> WordsOf(
    const std::vector<absl::string_view>& context) {
  std::vector<std::string> words;
  for (const absl::string_view id : context) {
    const std::string lower = absl::AsciiStrToLower(id);
    words.push_back(lower);
    std::string part;
    for (const char c : lower + " ") {
      if (absl::ascii_isalpha(c)) {
        part.push_back(c);
        continue;
      }
      if (part.size() >= kMinContextBytes) words.push_back(part);
      part.clear();
    }
  }
  return words;
}

absl::string_view WhatIsEasy(int type) {
  if ((type & MULTIPLE_MATCH) != 0) return "it repeats itself";
  switch (type) {
    case DICTIONARY_MATCH:
    case DICT_LEET_MATCH:
      return "it is close to a word, a name or a password that many use";
    case USER_MATCH:
    case USER_LEET_MATCH:
      return "it is close to the name of the account or the member";
    case REPEATS_MATCH:
      return "it is one character again and again";
    case SEQUENCE_MATCH:
      return "it is a sequence, as abc or 6543";
    case SPATIAL_MATCH:
      return "it is a row of keys of the keyboard";
    case DATE_MATCH:
    case YEAR_MATCH:
      return "it is close to a date or a year";
    default:
      return "it is short for what it is made of";
  }
}

}  // namespace

absl::StatusOr<Blocklist> Blocklist::Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Blocklist list;
  std::string line;
  size_t number = 0;
  while (file && std::getline(file, line)) {
    ++number;
    absl::string_view entry = line;
    absl::ConsumeSuffix(&entry, "\r");
    if (entry.empty()) continue;
    const Secret folded = FoldCase(entry);
    if (folded.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the blocklist ", path, ", line ", number, ": is not valid UTF-8"));
    }
    list.hashes_.push_back(HashOf(folded));
  }
  if (!file.eof()) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot read the blocklist ", path));
  }
  std::sort(list.hashes_.begin(), list.hashes_.end());
  list.hashes_.shrink_to_fit();
  return list;
}

bool Blocklist::Contains(absl::string_view password) const {
  return std::binary_search(hashes_.begin(), hashes_.end(),
                            HashOf(FoldCase(password)));
}

absl::Status CheckStrength(const Secret& password, const Blocklist& blocklist,
                           const std::vector<absl::string_view>& context,
                           absl::string_view field) {
  if (blocklist.Contains(password.ExposeSecret())) {
    return InvalidField(field,
                        "is on the list of passwords that nobody may choose "
                        "here: choose another");
  }
  const std::vector<std::string> words = WordsOf(context);
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  pointers.push_back(nullptr);
  // With a NUL behind it.
  std::string text(password.ExposeSecret());
  ZxcMatch_t* matches = nullptr;
  const double bits = ZxcvbnMatch(text.c_str(), pointers.data(), &matches);
  const std::unique_ptr<ZxcMatch_t, decltype(&ZxcvbnFreeInfo)> owner(
      matches, &ZxcvbnFreeInfo);
  Wipe(text);
  if (bits >= kLeastBits) return absl::OkStatus();
  // What most of it is.
  const ZxcMatch_t* longest = matches;
  for (const ZxcMatch_t* match = matches; match != nullptr;
       match = match->Next) {
    const bool says_more =
        match->Type != BRUTE_MATCH &&
        (longest->Type == BRUTE_MATCH || match->Length > longest->Length);
    if (says_more) longest = match;
  }
  return InvalidField(
      field,
      absl::StrCat("is too easy to guess: ",
                   WhatIsEasy(longest == nullptr ? BRUTE_MATCH : longest->Type),
                   "; take some more words that have nothing to do with each "
                   "other"));
}

}  // namespace cofactor::factors::password
