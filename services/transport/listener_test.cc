#include "services/transport/listener.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "services/transport/socket_address.h"
#include "services/transport/test_rpc.h"
#include "services/transport/test_server.h"
#include "services/transport/test_socket.h"

namespace cofactor::services {
namespace {

// A bound of open files for the life of an object.
class FileLimit {
 public:
  explicit FileLimit(rlim_t files) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit limit = {files, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  ~FileLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_ = {};
};

size_t OpenFiles() {
  DIR* const folder = opendir("/proc/self/fd");
  size_t files = 0;
  while (folder != nullptr && readdir(folder) != nullptr) ++files;
  if (folder != nullptr) closedir(folder);
  return files;
}

// Another process that connects and stays silent, so that its sockets do not
// use up the descriptors of this one. Made before there are any threads that
// hold locks: it makes system calls alone.
class Swarm {
 public:
  Swarm() {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends_), 0);
    child_ = fork();
    if (child_ == 0) {
      close(ends_[0]);
      Run(ends_[1]);
      _exit(0);
    }
    close(ends_[1]);
    const timeval timeout = {60, 0};
    setsockopt(ends_[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  }
  ~Swarm() {
    close(ends_[0]);
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }

  // Makes so many connections, and returns how many were made, once one of them
  // has been closed by the other side.
  int Connect(const std::string& address) {
    const absl::StatusOr<SocketAddress> parsed = ParseSocketAddress(address);
    if (!parsed.ok()) return -1;
    EXPECT_EQ(send(ends_[0], &parsed->storage, sizeof(sockaddr_in), 0),
              static_cast<ssize_t>(sizeof(sockaddr_in)));
    int connected = -1;
    recv(ends_[0], &connected, sizeof(connected), MSG_WAITALL);
    return connected;
  }

  // Closes all connections.
  void Close() {
    close(ends_[0]);
    EXPECT_EQ(waitpid(child_, nullptr, 0), child_);
    ends_[0] = -1;
  }

  static constexpr int kConnections = 1'000;

 private:
  static void Run(int parent) {
    rlimit limit = {};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    sockaddr_in to = {};
    if (recv(parent, &to, sizeof(to), MSG_WAITALL) != sizeof(to)) return;
    static pollfd sockets[kConnections];
    int connected = 0;
    for (pollfd& one : sockets) {
      one = {socket(AF_INET, SOCK_STREAM, 0), POLLRDHUP, 0};
      if (connect(one.fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0) {
        ++connected;
      }
    }
    poll(sockets, kConnections, 30'000);
    if (send(parent, &connected, sizeof(connected), MSG_NOSIGNAL) < 0) return;
    // Until the parent closes its end.
    char byte = 0;
    recv(parent, &byte, 1, 0);
  }

  int ends_[2] = {-1, -1};
  pid_t child_ = -1;
};

TEST(ListenerTest, ServesAfterItRanOutOfDescriptors) {
  Swarm swarm;
  const FileLimit files(256);
  // No bound, so that nothing but the want of descriptors is met.
  TestServer server({20'000, 20'000});
  const auto old_channel = server.PlainChannel();
  ASSERT_TRUE(CallEcho(old_channel).ok());
  const size_t files_before = OpenFiles();

  ASSERT_EQ(swarm.Connect(server.address()), Swarm::kConnections);
  EXPECT_GT(server.listener().refused_connections(), 0u);
  EXPECT_GT(server.listener().open_connections(), 50u);
  // Who was there is served all the while.
  EXPECT_TRUE(CallEcho(old_channel).ok());

  swarm.Close();
  EXPECT_TRUE(server.Eventually(
      old_channel, [&] { return server.listener().open_connections() == 1; }));
  const grpc::Status served = CallEcho(server.PlainChannel());
  EXPECT_TRUE(served.ok()) << served.error_message();
  // gRPC closes its side later than the listener.
  EXPECT_TRUE(server.Eventually(
      old_channel, [&] { return OpenFiles() <= files_before + 4; }));
}

TEST(ListenerTest, ServesUpToTheBoundOfTheDescriptors) {
  Swarm swarm;
  const FileLimit files(256);
  const size_t bound = DefaultMaxConnections();
  TestServer server({bound, bound});
  const auto old_channel = server.PlainChannel();
  ASSERT_TRUE(CallEcho(old_channel).ok());

  ASSERT_EQ(swarm.Connect(server.address()), Swarm::kConnections);
  EXPECT_TRUE(server.Eventually(
      old_channel,
      [&] {
        return server.listener().open_connections() == bound &&
               server.listener().refused_connections() ==
                   Swarm::kConnections + 1 - bound;
      }))
      << server.listener().open_connections() << " open, "
      << server.listener().refused_connections() << " refused";
  // The reserve for the rest of the process is there.
  const FileDescriptor other(dup(STDERR_FILENO));
  EXPECT_TRUE(other.valid());

  swarm.Close();
  EXPECT_TRUE(server.Eventually(
      old_channel, [&] { return server.listener().open_connections() == 1; }));
  EXPECT_TRUE(CallEcho(server.PlainChannel()).ok());
}

TEST(ListenerTest, ClosesWhatComesWhileOthersHoldAllDescriptors) {
  Swarm swarms[2];
  const FileLimit files(256);
  TestServer server({20'000, 20'000});
  const auto old_channel = server.PlainChannel();
  ASSERT_TRUE(CallEcho(old_channel).ok());
  uint64_t refused = 0;
  // The second time as well.
  for (Swarm& swarm : swarms) {
    std::vector<FileDescriptor> others;
    do {
      others.emplace_back(dup(STDERR_FILENO));
    } while (others.back().valid());
    ASSERT_EQ(swarm.Connect(server.address()), Swarm::kConnections);
    refused += Swarm::kConnections;
    EXPECT_TRUE(server.Eventually(old_channel, [&] {
      return server.listener().refused_connections() == refused;
    })) << server.listener().refused_connections();
    EXPECT_EQ(server.listener().open_connections(), 1u);
  }
  const grpc::Status served = CallEcho(server.PlainChannel());
  EXPECT_TRUE(served.ok()) << served.error_message();
}

TEST(ListenerTest, ClosesWhatIsAboveTheBoundOfAll) {
  TestServer server({3, 1'000});
  std::vector<TestSocket> served;
  for (const char* source : {"127.0.0.1", "127.0.0.2", "127.0.0.3"}) {
    served.emplace_back(server.address(), source);
    // The first frame of HTTP/2.
    EXPECT_NE(served.back().Receive(), "");
  }
  TestSocket refused(server.address(), "127.0.0.4");
  EXPECT_TRUE(refused.connected());
  EXPECT_EQ(refused.Receive(), "");
  EXPECT_EQ(server.listener().open_connections(), 3u);
  EXPECT_EQ(server.listener().refused_connections(), 1u);
}

TEST(ListenerTest, ClosesWhatIsAboveTheBoundOfAPeer) {
  TestServer server({1'000, 2});
  TestSocket first(server.address());
  TestSocket second(server.address());
  EXPECT_NE(first.Receive(), "");
  EXPECT_NE(second.Receive(), "");
  TestSocket third(server.address());
  EXPECT_EQ(third.Receive(), "");
  TestSocket other_peer(server.address(), "127.0.0.2");
  EXPECT_NE(other_peer.Receive(), "");
  EXPECT_EQ(server.listener().refused_connections(), 1u);

  // Its place is free again once one is closed.
  first.Close();
  bool served = false;
  for (int i = 0; i < 1'000 && !served; ++i) {
    served = !TestSocket(server.address()).Receive().empty();
  }
  EXPECT_TRUE(served);
}

class CloseOrderTest : public testing::Test {
 protected:
  CloseOrderTest() {
    EXPECT_TRUE(CallEcho(channel_).ok());
    EXPECT_NE(client_.Receive(), "");
    EXPECT_EQ(server_.listener().open_connections(), 2u);
  }

  bool IsForgotten() {
    return server_.Eventually(channel_, [this] {
      return server_.listener().open_connections() == 1;
    });
  }

  TestServer server_;
  const std::shared_ptr<grpc::Channel> channel_ = server_.PlainChannel();
  TestSocket client_{server_.address()};
};

TEST_F(CloseOrderTest, ForgetsAConnectionThatThePeerCloses) {
  client_.Close();
  EXPECT_TRUE(IsForgotten());
}

TEST_F(CloseOrderTest, ForgetsAConnectionThatThePeerResets) {
  client_.Abort();
  EXPECT_TRUE(IsForgotten());
}

TEST_F(CloseOrderTest, ForgetsAConnectionThatTheServerCloses) {
  ASSERT_TRUE(client_.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  // The listener's duplicate does not hold the FIN back.
  EXPECT_TRUE(client_.ReceivesEnd());
  EXPECT_TRUE(IsForgotten());
}

TEST(ListenerTest, TwoCannotTakeOnePort) {
  ListenerOptions options;
  options.address = "127.0.0.1:0";
  const auto first = Listener::Bind(options);
  ASSERT_TRUE(first.ok()) << first.status();
  options.address = (*first)->address();
  const auto second = Listener::Bind(options);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find(options.address),
            absl::string_view::npos)
      << second.status();
}

TEST(ListenerTest, RefusesWhatItCannotListenOn) {
  ListenerOptions options;
  options.address = "nowhere";
  EXPECT_EQ(Listener::Bind(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  // Of TEST-NET-1, which no machine has.
  options.address = "192.0.2.1:0";
  EXPECT_EQ(Listener::Bind(options).status().code(),
            absl::StatusCode::kUnavailable);
  options.address = "127.0.0.1:0";
  options.max_connections = 0;
  EXPECT_EQ(Listener::Bind(options).status().code(),
            absl::StatusCode::kInvalidArgument);
  options.max_connections = 1;
  options.max_connections_per_peer = 0;
  EXPECT_EQ(Listener::Bind(options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(ListenerTest, KeepsTheNameOfTheHost) {
  ListenerOptions options;
  options.address = "localhost:0";
  const auto listener = Listener::Bind(options);
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ((*listener)->address().rfind("localhost:", 0), 0u);
  EXPECT_NE((*listener)->address(), "localhost:0");
}

TEST(ListenerTest, ServesWhoCameBeforeItsStart) {
  TestServer server({}, nullptr, /*start=*/false);
  TestSocket early(server.address());
  ASSERT_TRUE(early.connected());
  server.listener().Start();
  EXPECT_NE(early.Receive(), "");
}

TEST(ListenerTest, StopsAcceptingAndLeavesConnectionsAlone) {
  TestServer server;
  const auto channel = server.PlainChannel();
  ASSERT_TRUE(CallEcho(channel).ok());
  server.listener().Stop();
  server.listener().Stop();
  EXPECT_FALSE(TestSocket(server.address()).connected());
  EXPECT_TRUE(CallEcho(channel).ok());
  EXPECT_EQ(server.listener().open_connections(), 0u);
}

TEST(ListenerTest, TheDefaultBoundFollowsTheLimitOfFiles) {
  {
    const FileLimit files(256);
    EXPECT_EQ(DefaultMaxConnections(), 78u);
  }
  {
    const FileLimit files(1'024);
    EXPECT_EQ(DefaultMaxConnections(), 462u);
  }
  const FileLimit files(64);
  EXPECT_EQ(DefaultMaxConnections(), 16u);
}

}  // namespace
}  // namespace cofactor::services
