#include "services/wake_up/push_endpoint.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxUrlBytes = 2048;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// The part, or "" if there is none.
std::string PartOf(CURLU* url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return "";
  std::string copy(text);
  curl_free(text);
  return copy;
}

bool IsLoopback(absl::string_view host) {
  return host == "127.0.0.1" || host == "[::1]" || host == "localhost";
}

}  // namespace

absl::StatusOr<PushEndpoint> ReadPushEndpoint(absl::string_view text,
                                              const EndpointPolicy& policy) {
  // What is no printable ASCII is read in one way here and in another there,
  // and so are backslashes.
  if (text.size() > kMaxUrlBytes ||
      !std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isgraph(static_cast<unsigned char>(c)) && c != '\\';
      })) {
    return absl::InvalidArgumentError("the endpoint is malformed");
  }
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  if (url == nullptr ||
      curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(),
                   CURLU_DISALLOW_USER) != CURLUE_OK) {
    return absl::InvalidArgumentError("the endpoint is malformed");
  }
  if (!PartOf(url.get(), CURLUPART_FRAGMENT).empty() ||
      !PartOf(url.get(), CURLUPART_ZONEID).empty()) {
    return absl::InvalidArgumentError("the endpoint is malformed");
  }
  const std::string scheme = PartOf(url.get(), CURLUPART_SCHEME);
  const std::string host =
      absl::AsciiStrToLower(PartOf(url.get(), CURLUPART_HOST));
  int port = 0;
  if (!absl::SimpleAtoi(PartOf(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT),
                        &port)) {
    return absl::InvalidArgumentError("the endpoint is malformed");
  }
  const bool is_loopback = policy.allow_loopback && IsLoopback(host);
  if (scheme != "https" && !(scheme == "http" && is_loopback)) {
    return absl::InvalidArgumentError("the endpoint is not https");
  }
  if (!is_loopback && !policy.hosts.Allows(host, port)) {
    return absl::InvalidArgumentError("the endpoint's host is not allowed");
  }
  PushEndpoint endpoint;
  endpoint.url = PartOf(url.get(), CURLUPART_URL);
  endpoint.origin = absl::StrCat(scheme, "://", host);
  const std::string written_port =
      PartOf(url.get(), CURLUPART_PORT, CURLU_NO_DEFAULT_PORT);
  if (!written_port.empty()) absl::StrAppend(&endpoint.origin, ":", port);
  return endpoint;
}

}  // namespace cofactor::services
