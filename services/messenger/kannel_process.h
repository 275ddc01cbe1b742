#ifndef COFACTOR_SERVICES_MESSENGER_KANNEL_PROCESS_H_
#define COFACTOR_SERVICES_MESSENGER_KANNEL_PROCESS_H_

#include <sys/types.h>

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "services/transport/file_descriptor.h"

namespace cofactor::services {

// A child process whose standard error is read line by line, by a thread of its
// own so that the child never waits for a reader. Every wait ends after 20 s.
// Thread-compatible.
class WatchedProcess {
 public:
  // UNAVAILABLE: it cannot be started.
  static absl::StatusOr<std::unique_ptr<WatchedProcess>> Start(
      std::vector<std::string> command);

  // As Kill.
  ~WatchedProcess();

  WatchedProcess(const WatchedProcess&) = delete;
  WatchedProcess& operator=(const WatchedProcess&) = delete;

  // The next line that has the text in it, without its end; the lines before
  // are dropped. UNAVAILABLE: it ended before. DEADLINE_EXCEEDED: none came.
  absl::StatusOr<std::string> WaitForLine(absl::string_view text);

  // Kills it, if it still runs.
  void Kill();

 private:
  WatchedProcess(pid_t pid, int output);

  void ReadLines();

  pid_t pid_;
  const FileDescriptor output_;
  Mutex mutex_;
  CondVar changed_;
  std::deque<std::string> lines_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread reader_;
};

// Kannel as it is installed, with a phone network that prints what it gets: a
// bearerbox, an smsbox, and a fakesmsc, on free ports of loopback. For tests.
// Thread-compatible.
class KannelProcess {
 public:
  // What Kannel takes for the phone network.
  enum class Network {
    // Its own fakesmsc.
    kFake,
    // drive_smpp, which speaks SMPP 3.4 as operators do. It knows of no other
    // port for boxes than 13001: for tests in a network namespace of their own.
    kSmpp,
  };

  // Starts all three, in a folder that exists. UNAVAILABLE: one of them does
  // not start.
  static absl::StatusOr<std::unique_ptr<KannelProcess>> Start(
      const std::string& folder, Network network = Network::kFake);

  // Where sendsms is served, to the user "idsvc" with the password "s3cret".
  const std::string& sendsms_url() const { return sendsms_url_; }

  // The next text that reached the network, as "FROM +NUMBER text BODY"; of
  // kSmpp the body alone.
  absl::StatusOr<std::string> WaitForText();

  // Stops the network, and returns when the bearerbox has noticed.
  absl::Status StopNetwork();
  // Starts it again.
  absl::Status StartNetwork();
  // Kills the bearerbox, and returns when the smsbox has noticed and answers
  // nobody any more.
  absl::Status KillBearerbox();

 private:
  KannelProcess() = default;

  absl::Status StartOnce(const std::string& folder);
  absl::Status StartSmppNetwork();

  Network kind_ = Network::kFake;
  int network_port_ = 0;
  int send_port_ = 0;
  std::string sendsms_url_;
  std::unique_ptr<WatchedProcess> bearerbox_;
  std::unique_ptr<WatchedProcess> network_;
  std::unique_ptr<WatchedProcess> smsbox_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_KANNEL_PROCESS_H_
