#include "services/messenger/http_client.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace cofactor::services {
namespace {

HttpResult NotSent(absl::string_view reason) {
  return {.fate = HttpFate::kNotSent, .reason = std::string(reason)};
}

HttpResult Unknown(absl::string_view reason) {
  return {.fate = HttpFate::kUnknown, .reason = std::string(reason)};
}

// libcurl without signals avoids SIGPIPE, but says itself that it does not in
// every corner, and one would end the process. It goes to the thread that
// writes: this one.
void BlockSigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool HasControl(absl::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
  });
}

// Whether the address is one that may be asked; libcurl's own parser decides,
// for another might see another host in it.
bool IsAllowedUrl(const std::string& url) {
  if (HasControl(url)) return false;
  struct Free {
    void operator()(CURLU* parsed) const { curl_url_cleanup(parsed); }
  };
  const std::unique_ptr<CURLU, Free> parsed(curl_url());
  if (parsed == nullptr ||
      curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) {
    return false;
  }
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD}) {
    char* text = nullptr;
    if (curl_url_get(parsed.get(), part, &text, 0) == CURLUE_OK) {
      curl_free(text);
      return false;
    }
  }
  char* scheme = nullptr;
  if (curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK) {
    return false;
  }
  const bool is_allowed =
      std::strcmp(scheme, "http") == 0 || std::strcmp(scheme, "https") == 0;
  curl_free(scheme);
  return is_allowed;
}

bool IsHttps(const HttpRequest& request) {
  return absl::StartsWithIgnoreCase(request.url, "https:");
}

// The version of HTTP as libcurl takes it.
long VersionOf(const HttpRequest& request) {
  if (!request.http2) return CURL_HTTP_VERSION_1_1;
  // Over TLS it offers HTTP/1.1 too, whichever of these it is told.
  return IsHttps(request) ? CURL_HTTP_VERSION_2TLS
                          : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
}

// Whether the server has agreed to HTTP/2 in the handshake of TLS.
bool HasAgreedToHttp2(CURL* handle) {
  const curl_tlssessioninfo* session = nullptr;
  if (curl_easy_getinfo(handle, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK ||
      session == nullptr || session->backend != CURLSSLBACKEND_OPENSSL ||
      session->internals == nullptr) {
    return false;
  }
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(static_cast<const SSL*>(session->internals), &protocol,
                         &size);
  return size == 2 && std::memcmp(protocol, "h2", 2) == 0;
}

// The headers as libcurl takes them, wiped at the end.
class HeaderList {
 public:
  HeaderList() = default;
  ~HeaderList() {
    for (curl_slist* line = list_; line != nullptr; line = line->next) {
      OPENSSL_cleanse(line->data, std::strlen(line->data));
    }
    curl_slist_free_all(list_);
  }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;

  bool Add(absl::string_view name, absl::string_view value) {
    if (name.empty() || HasControl(name) || absl::StrContains(name, ':') ||
        HasControl(value)) {
      return false;
    }
    // An empty header would be left out but for the semicolon.
    std::string line = value.empty() ? absl::StrCat(name, ";")
                                     : absl::StrCat(name, ": ", value);
    curl_slist* const longer = curl_slist_append(list_, line.c_str());
    Wipe(line);
    if (longer == nullptr) return false;
    list_ = longer;
    return true;
  }
  // A header that libcurl would add by itself.
  bool LeaveOut(const char* name_and_colon) {
    curl_slist* const longer = curl_slist_append(list_, name_and_colon);
    if (longer == nullptr) return false;
    list_ = longer;
    return true;
  }

  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

}  // namespace

// What libcurl tells of a request while it runs.
class HttpClient::Transfer {
 public:
  explicit Transfer(const HttpRequest& request)
      : needs_agreement_(request.http2 && IsHttps(request)) {}
  ~Transfer() { Wipe(body_); }

  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void ListenTo(CURL* handle) {
    handle_ = handle;
    curl_easy_setopt(handle, CURLOPT_PREREQFUNCTION, &Transfer::BeforeRequest);
    curl_easy_setopt(handle, CURLOPT_PREREQDATA, this);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &Transfer::TakeHeader);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Transfer::TakeBody);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  }

  HttpResult Result(CURLcode code) {
    if (lacks_http2_) return NotSent("the server does not speak HTTP/2");
    if (!may_be_sent_) return NotSent(curl_easy_strerror(code));
    if (was_refused_) return Unknown("the server asked for a repetition");
    if (code != CURLE_OK) {
      return Unknown(received_ > kMaxAnswerBytes ? "the answer is too long"
                                                 : curl_easy_strerror(code));
    }
    long status = 0;
    curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
    // libcurl is content with a head that was cut.
    if (!has_head_ || status < 100 || status > 999) {
      return Unknown("the answer was cut");
    }
    return {.fate = HttpFate::kAnswered,
            .status = static_cast<int>(status),
            .body = Secret(std::exchange(body_, {}))};
  }

 private:
  // Called when the connection stands, TLS included, and nothing of the request
  // has been sent. A second call would be a repetition.
  static int BeforeRequest(void* self, char*, char*, int, int) {
    auto* transfer = static_cast<Transfer*>(self);
    if (transfer->may_be_sent_) {
      transfer->was_refused_ = true;
      return CURL_PREREQFUNC_ABORT;
    }
    if (transfer->needs_agreement_ && !HasAgreedToHttp2(transfer->handle_)) {
      transfer->lacks_http2_ = true;
      return CURL_PREREQFUNC_ABORT;
    }
    transfer->may_be_sent_ = true;
    return CURL_PREREQFUNC_OK;
  }

  // Called with a line, its end included.
  static size_t TakeHeader(char* bytes, size_t, size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    const absl::string_view line(bytes, size);
    // An empty line ends the head; after a 1xx, another head follows.
    if (absl::StartsWith(line, "HTTP/")) {
      transfer->has_head_ = false;
    } else if (line == "\r\n" || line == "\n") {
      transfer->has_head_ = true;
    }
    return transfer->Receive(size) ? size : 0;
  }

  static size_t TakeBody(char* bytes, size_t, size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    if (!transfer->Receive(size)) return 0;
    // Enough at once, for a string that grows leaves copies behind.
    transfer->body_.reserve(kMaxAnswerBytes);
    transfer->body_.append(bytes, size);
    return size;
  }

  bool Receive(size_t size) {
    received_ += size;
    return received_ <= kMaxAnswerBytes;
  }

  const bool needs_agreement_;
  CURL* handle_ = nullptr;
  bool lacks_http2_ = false;
  bool may_be_sent_ = false;
  bool was_refused_ = false;
  bool has_head_ = false;
  size_t received_ = 0;
  std::string body_;
};

HttpClient::Library::Library()
    : ok_(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {}
HttpClient::Library::~Library() {
  if (ok_) curl_global_cleanup();
}

absl::StatusOr<std::unique_ptr<HttpClient>> HttpClient::Create(
    const Clock& clock, const Options& options) {
  auto client = absl::WrapUnique(new HttpClient(clock, options));
  if (!client->library_.ok()) {
    return absl::InternalError("libcurl cannot start");
  }
  return client;
}

HttpClient::HttpClient(const Clock& clock, const Options& options)
    : clock_(clock),
      ca_file_(options.ca_file),
      threads_(options.threads, options.max_waiting) {}

HttpClient::~HttpClient() { stopping_ = true; }

void HttpClient::FreeHandle::operator()(void* handle) const {
  curl_easy_cleanup(handle);
}

void HttpClient::Post(HttpRequest request, Done done) {
  struct Pending {
    HttpRequest request;
    Done done;
  };
  // Shared, for a task that is not taken is not given back.
  auto pending =
      std::make_shared<Pending>(Pending{std::move(request), std::move(done)});
  const auto run = [this, pending] {
    std::move(pending->done)(Perform(pending->request));
  };
  if (stopping_ || !threads_.TrySchedule(run)) {
    std::move(pending->done)(
        NotSent(stopping_ ? "the server stops" : "too many requests wait"));
  }
}

HttpResult HttpClient::Perform(const HttpRequest& request) {
  BlockSigpipe();
  if (stopping_) return NotSent("the server stops");
  if (!IsAllowedUrl(request.url)) return NotSent("the address is malformed");
  Handle handle;
  {
    MutexLock lock(mutex_);
    if (!idle_.empty()) {
      handle = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (handle == nullptr) handle.reset(curl_easy_init());
  if (handle == nullptr) return NotSent("out of memory");
  HttpResult result = PerformOn(handle.get(), request);
  // Forgets all but resolved names and sessions of TLS: what it points to ends
  // with the request.
  curl_easy_reset(handle.get());
  MutexLock lock(mutex_);
  idle_.push_back(std::move(handle));
  return result;
}

HttpResult HttpClient::PerformOn(void* handle, const HttpRequest& request) {
  HeaderList headers;
  for (const HttpHeader& header : request.headers) {
    if (!headers.Add(header.name, header.value.ExposeSecret())) {
      return NotSent("a header is malformed");
    }
  }
  // Else libcurl would wait for a word of the server before a long body.
  if (!headers.LeaveOut("Expect:")) return NotSent("out of memory");
  const absl::Duration left =
      absl::Floor(request.deadline - clock_.Now(), absl::Milliseconds(1));
  // libcurl takes 0 for no deadline.
  if (left <= absl::ZeroDuration()) return NotSent("the deadline has passed");
  const auto milliseconds = [](absl::Duration duration) {
    return static_cast<long>(absl::ToInt64Milliseconds(
        std::clamp(duration, absl::Milliseconds(1), absl::Hours(1))));
  };

  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, VersionOf(request));
  curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, 1L);
  curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
  // Time-outs without signals, which would hit another thread.
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, milliseconds(left));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                   milliseconds(std::min(left, request.connect_timeout)));
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION,
                   static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!ca_file_.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, ca_file_.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  // Not copied.
  const absl::string_view body = request.body.ExposeSecret();
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(body.size()));
  Transfer transfer(request);
  transfer.ListenTo(handle);
  return transfer.Result(curl_easy_perform(handle));
}

}  // namespace cofactor::services
