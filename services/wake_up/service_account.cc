#include "services/wake_up/service_account.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace cofactor::services {
namespace {

constexpr size_t kMaxFieldBytes = 256;

// Whether the text is of letters, digits and these, and not too long.
bool IsOf(absl::string_view text, absl::string_view others) {
  return text.size() <= kMaxFieldBytes &&
         std::all_of(text.begin(), text.end(), [others](char c) {
           return absl::ascii_isalnum(c) || absl::StrContains(others, c);
         });
}

// Without a user, query or fragment.
bool IsTokenUri(absl::string_view uri, bool allow_loopback) {
  if (!IsOf(uri, "-._~/:")) return false;
  if (absl::ConsumePrefix(&uri, "https://")) {
    return !uri.empty() && absl::ascii_isalnum(uri[0]);
  }
  return allow_loopback && absl::ConsumePrefix(&uri, "http://127.0.0.1") &&
         !uri.empty() && (uri[0] == ':' || uri[0] == '/');
}

// The text in a field, or "".
std::string Text(const nlohmann::json& json, const char* field) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_string()) return "";
  return found->get<std::string>();
}

absl::Status Malformed(absl::string_view field) {
  return absl::InvalidArgumentError(absl::StrCat(
      "the key of the service account has no or a malformed ", field));
}

}  // namespace

absl::StatusOr<ServiceAccount> ParseServiceAccount(const Secret& json,
                                                   bool allow_loopback) {
  const absl::string_view text = json.ExposeSecret();
  const nlohmann::json account =
      nlohmann::json::parse(text.begin(), text.end(), /*cb=*/nullptr,
                            /*allow_exceptions=*/false);
  if (!account.is_object() || Text(account, "type") != "service_account") {
    return absl::InvalidArgumentError(
        "want the JSON of a key of a service account, as Google's console "
        "makes it");
  }
  // It becomes a part of a path. Old ones have a domain: "example.com:name".
  const std::string project_id = Text(account, "project_id");
  if (project_id.empty() || !IsOf(project_id, "-.:") ||
      !absl::ascii_isalnum(project_id[0])) {
    return Malformed("project_id");
  }
  const std::string client_email = Text(account, "client_email");
  if (client_email.empty() || !IsOf(client_email, "-._+@:")) {
    return Malformed("client_email");
  }
  const std::string private_key_id = Text(account, "private_key_id");
  if (!IsOf(private_key_id, "-._")) return Malformed("private_key_id");
  const std::string token_uri = Text(account, "token_uri");
  if (!IsTokenUri(token_uri, allow_loopback)) {
    return Malformed("token_uri, which has to be https");
  }
  const Secret pem(Text(account, "private_key"));
  ASSIGN_OR_RETURN(JwsSigner signer,
                   JwsSigner::FromPem(JwsAlgorithm::kRs256, pem));
  return ServiceAccount{project_id, client_email, private_key_id, token_uri,
                        std::move(signer)};
}

}  // namespace cofactor::services
