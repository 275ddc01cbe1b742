#ifndef COFACTOR_SERVICES_MESSENGER_TEST_HTTP2_FRONT_H_
#define COFACTOR_SERVICES_MESSENGER_TEST_HTTP2_FRONT_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "services/transport/file_descriptor.h"
#include "services/transport/test_certificates.h"

namespace cofactor::services {

// A real server of HTTP/2, nghttpx, on a free port of loopback before a server
// of HTTP/1.1 that keeps what comes. It passes on every header but those that
// belong to the connection, with its name capitalized, and answers 502 where
// the server behind it resets. It keeps connections to that, so answers have
// to say "Connection: close". Ends the process if it cannot start.
// Thread-compatible.
class TestHttp2Front {
 public:
  // In clear text, for clients with prior knowledge.
  explicit TestHttp2Front(int backend_port);
  // Over TLS. Its files are written to the folder of the test. options: more of
  // them for nghttpx.
  TestHttp2Front(int backend_port, const TestIdentity& identity,
                 const std::vector<std::string>& options = {});
  ~TestHttp2Front();

  TestHttp2Front(const TestHttp2Front&) = delete;
  TestHttp2Front& operator=(const TestHttp2Front&) = delete;

  // "http://127.0.0.1:PORT", or with https.
  const std::string& url() const { return url_; }

 private:
  // identity_path: of the files, without .key and .crt; or "".
  void Start(int backend_port, const std::string& identity_path,
             const std::vector<std::string>& options);

  FileDescriptor listener_;
  std::string url_;
  pid_t pid_ = 0;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_TEST_HTTP2_FRONT_H_
