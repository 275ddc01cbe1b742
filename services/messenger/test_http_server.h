#ifndef COFACTOR_SERVICES_MESSENGER_TEST_HTTP_SERVER_H_
#define COFACTOR_SERVICES_MESSENGER_TEST_HTTP_SERVER_H_

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "services/transport/file_descriptor.h"

namespace cofactor::services {

// A server on a free port of loopback that keeps requests as they came and does
// with each what it was told to, one after the other. No call waits longer than
// 20 s, and a client that is held longer ends the process. Thread-safe.
class TestHttpServer {
 public:
  enum class Act {
    // Reads the request and sends the bytes, then closes.
    kAnswer,
    // Reads the request, sends the bytes, keeps the connection open for another
    // request, and resets when that has come.
    kAnswerOnce,
    // Reads the request and waits until the client closes.
    kHold,
    // Reads the request and waits for Release, then sends the bytes.
    kHoldThenAnswer,
    // Reads the request and resets the connection.
    kReset,
    // Resets the connection when the head of the request is there.
    kResetAfterHead,
    // Resets the connection without reading.
    kResetAtOnce,
    // Takes nothing for a request and waits until the client closes.
    kHoldHandshake,
    // Reads a request of HTTP/2 over plain TCP, frame by frame, and sends the
    // bytes, then closes.
    kAnswerHttp2,
    // The same, but waits until the client closes.
    kAnswerHttp2AndHold,
  };
  struct Step {
    Act act = Act::kAnswer;
    std::string bytes;
  };

  TestHttpServer();
  ~TestHttpServer();

  TestHttpServer(const TestHttpServer&) = delete;
  TestHttpServer& operator=(const TestHttpServer&) = delete;

  int port() const { return port_; }
  // "http://127.0.0.1:PORT".
  const std::string& url() const { return url_; }

  // A frame of HTTP/2, RFC 9113, section 4.1. payload: at most 16,384 bytes.
  static std::string Http2Frame(int type, int flags, int stream,
                                absl::string_view payload);
  // A header in HPACK, neither indexed nor compressed. Both at most 126 bytes.
  static std::string Http2Header(absl::string_view name,
                                 absl::string_view value);

  // Adds what is to be done with the next connection. Without a step, a
  // connection is reset at once.
  void Then(Step step);

  // "HTTP/1.1 202 ..." with the length of the body.
  static Step Answer(int status, absl::string_view body);

  // Lets the connection go on that is held, or that will be.
  void Release();

  // Waits until there were so many requests, and returns all of them so far.
  std::vector<std::string> WaitForRequests(size_t count);
  std::vector<std::string> requests() { return WaitForRequests(0); }
  // Connections that were taken so far, with a request or without.
  int connections();

 private:
  void Serve();
  void ServeOne(FileDescriptor connection, const Step& step);

  FileDescriptor listener_;
  int port_ = 0;
  std::string url_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<Step> steps_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  int connections_ ABSL_GUARDED_BY(mutex_) = 0;
  int releases_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_TEST_HTTP_SERVER_H_
