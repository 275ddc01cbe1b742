#ifndef COFACTOR_SERVICES_MESSENGER_HTTP_CLIENT_H_
#define COFACTOR_SERVICES_MESSENGER_HTTP_CLIENT_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/secret.h"

namespace cofactor::services {

struct HttpHeader {
  std::string name;
  Secret value;
};

// A POST. The address must hold no secret: others log addresses.
struct HttpRequest {
  std::string url;
  std::vector<HttpHeader> headers;
  Secret body;
  // By the client's clock: for the wait in the queue, the connection, the
  // request and the whole answer together.
  absl::Time deadline;
  // At most so much of it for the connection, TLS included.
  absl::Duration connect_timeout = absl::Seconds(3);
  // Over HTTP/2 (RFC 9113) and nothing else: https has to agree to it by ALPN,
  // http is spoken with prior knowledge, section 3.3. Else over HTTP/1.1.
  bool http2 = false;
};

// What is known of a request that has ended. Whether it may be repeated hangs
// on this alone, so in doubt it is kUnknown.
enum class HttpFate {
  // No byte of the request left: a repetition is safe. A server that did not
  // agree to HTTP/2 where that was wanted has got none.
  kNotSent,
  // The whole answer is here.
  kAnswered,
  // The server may have acted on it: the deadline passed, the connection broke,
  // or the answer was malformed or too long. Of HTTP/2 also a stream that was
  // reset and a GOAWAY, whatever the code: RFC 9113, section 8.7, lets
  // REFUSED_STREAM be repeated, but that rests on a server that is right.
  kUnknown,
};

struct HttpResult {
  HttpFate fate = HttpFate::kUnknown;
  // If answered: 100 to 999.
  int status = 0;
  // If answered. Secret, for gateways repeat in it what they were sent.
  Secret body;
  // If not answered: why, for operators. In fixed words, without the address.
  std::string reason;
};

// Sends POST requests over HTTP/1.1 or HTTP/2. Thread-safe.
//
// Threads of its own wait for the servers, and what they cannot take is refused
// at once, so that a slow server holds up nothing else. Each request has a
// connection of its own: one that was kept may be closed by the server at any
// time, which leaves it open whether a request on it was taken, and libcurl
// would send it again; so it would after a refused stream of HTTP/2, and is
// kept from it. Redirects are not followed, certificates are checked,
// and the environment (proxies, .netrc) changes nothing.
//
// libcurl copies headers into memory that it does not wipe.
class HttpClient {
 public:
  struct Options {
    // Requests under way at once.
    size_t threads = 16;
    // Requests that may wait for a thread.
    size_t max_waiting = 64;
    // Certificates of the authorities, in PEM; empty: those of the system.
    std::string ca_file;
  };

  // Of an answer, with its headers.
  static constexpr size_t kMaxAnswerBytes = 64 * 1024;

  using Done = absl::AnyInvocable<void(HttpResult) &&>;

  // clock: not owned; must outlive this. INTERNAL: libcurl cannot start.
  static absl::StatusOr<std::unique_ptr<HttpClient>> Create(
      const Clock& clock, const Options& options);

  // Waits for the requests under way, until their deadlines at most. Those that
  // wait, and those that still come, end as kNotSent.
  ~HttpClient();

  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Calls done once: on a thread of the client, which it must not hold up, or
  // before this returns if the request cannot be taken. A malformed request
  // ends as kNotSent: an address of another scheme than http and https or with
  // a password in it, or a header with control characters.
  void Post(HttpRequest request, Done done);

 private:
  class Library {
   public:
    Library();
    ~Library();
    bool ok() const { return ok_; }

   private:
    const bool ok_;
  };
  class Transfer;
  // A handle of libcurl. It keeps resolved names and sessions of TLS.
  struct FreeHandle {
    void operator()(void* handle) const;
  };
  using Handle = std::unique_ptr<void, FreeHandle>;

  HttpClient(const Clock& clock, const Options& options);

  HttpResult Perform(const HttpRequest& request);
  HttpResult PerformOn(void* handle, const HttpRequest& request);

  const Library library_;
  const Clock& clock_;
  const std::string ca_file_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  std::vector<Handle> idle_ ABSL_GUARDED_BY(mutex_);
  // Last, so that its threads end first and find the rest alive.
  ThreadPool threads_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_HTTP_CLIENT_H_
