#include "services/transport/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "services/transport/socket_address.h"

namespace cofactor::services {
namespace {

constexpr size_t kReservedFiles = 100;
constexpr size_t kMinDefaultConnections = 16;
constexpr size_t kMaxDefaultConnections = 20'000;
constexpr size_t kFilesPerConnection = 2;

// So many connections are taken before closed ones are looked for again.
constexpr int kAcceptsPerRound = 64;
// Out of descriptors, the bound of closed connections is kAcceptsPerRound per
// such pause.
constexpr int kRestMilliseconds = 50;
// Every other wait ends with an event. This is a bound, should one be lost.
constexpr int kWaitMilliseconds = 1'000;

absl::Status SystemError(absl::string_view what) {
  const int error = errno;
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  if (error == EMFILE || error == ENFILE || error == ENOMEM ||
      error == ENOBUFS) {
    return absl::ResourceExhaustedError(message);
  }
  return absl::UnavailableError(message);
}

bool OutOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS ||
         error == ENOMEM;
}

int OpenReserve() { return open("/dev/null", O_RDONLY | O_CLOEXEC); }

bool SetOption(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

}  // namespace

size_t DefaultMaxConnections() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kMinDefaultConnections;
  const size_t files =
      limit.rlim_cur == RLIM_INFINITY
          ? kMaxDefaultConnections * kFilesPerConnection + kReservedFiles
          : limit.rlim_cur;
  const size_t free_files = files - std::min(files, kReservedFiles);
  return std::clamp(free_files / kFilesPerConnection, kMinDefaultConnections,
                    kMaxDefaultConnections);
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Bind(
    const ListenerOptions& options) {
  if (options.max_connections == 0 || options.max_connections_per_peer == 0) {
    return absl::InvalidArgumentError(
        "a listener needs room for one connection at least");
  }
  ASSIGN_OR_RETURN(const SocketAddress address,
                   ParseSocketAddress(options.address));
  const int family = address.storage.ss_family;
  FileDescriptor socket(
      ::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) return SystemError("no socket to listen on");
  // A restart must not wait for old connections to leave TIME_WAIT. Two
  // listeners can not share a port by this option, as they could by
  // SO_REUSEPORT.
  if (!SetOption(socket.get(), SOL_SOCKET, SO_REUSEADDR, 1) ||
      (family == AF_INET6 &&
       !SetOption(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0))) {
    return SystemError("cannot set up the socket to listen on");
  }
  sockaddr_storage bound = {};
  socklen_t length = sizeof(bound);
  if (bind(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage),
           address.length) != 0 ||
      listen(socket.get(), SOMAXCONN) != 0 ||
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound), &length) !=
          0) {
    return SystemError(absl::StrCat(
        "cannot listen on ", options.address,
        " (is another server there? Stop it, or choose another port)"));
  }
  std::unique_ptr<Listener> listener(new Listener(options, std::move(socket)));
  listener->address_ = absl::StrCat(address.host, ":", PortOf(bound));
  RETURN_IF_ERROR(listener->Prepare());
  return listener;
}

Listener::Listener(const ListenerOptions& options, FileDescriptor socket)
    : max_connections_(options.max_connections),
      max_connections_per_peer_(options.max_connections_per_peer),
      socket_(std::move(socket)) {}

Listener::~Listener() { Stop(); }

absl::Status Listener::Prepare() {
  wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  reserve_.Reset(OpenReserve());
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!wake_.valid() || !reserve_.valid() || !epoll_.valid()) {
    return SystemError("no descriptor to listen with");
  }
  for (const int fd : {socket_.get(), wake_.get()}) {
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = fd;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return SystemError("cannot wait for connections");
    }
  }
  return absl::OkStatus();
}

void Listener::AddTo(grpc::ServerBuilder& builder,
                     std::shared_ptr<grpc::ServerCredentials> credentials) {
  acceptor_ = builder.experimental().AddExternalConnectionAcceptor(
      grpc::ServerBuilder::experimental_type::ExternalConnectionType::FROM_FD,
      std::move(credentials));
}

void Listener::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Listener::Stop() {
  if (thread_.joinable()) {
    stopping_.store(true);
    const uint64_t one = 1;
    // A full counter would have woken the thread just as well.
    [[maybe_unused]] const ssize_t written =
        write(wake_.get(), &one, sizeof(one));
    thread_.join();
  }
  for (const auto& [duplicate, peer] : connections_) close(duplicate);
  connections_.clear();
  per_peer_.clear();
  open_.store(0);
  // Callers that wait in the queue are told by a reset.
  socket_.Reset();
}

void Listener::Run() {
  std::array<epoll_event, 256> events;
  while (!stopping_.load()) {
    const int ready =
        epoll_wait(epoll_.get(), events.data(), events.size(),
                   resting_ ? kRestMilliseconds : kWaitMilliseconds);
    // What is closed makes room for what is accepted. It also keeps a
    // descriptor's number from being taken anew while its event is unread.
    bool waiting = resting_;
    for (int i = 0; i < ready; ++i) {
      const int fd = events[i].data.fd;
      if (fd == socket_.get()) {
        waiting = true;
      } else if (fd != wake_.get()) {
        Forget(fd);
      }
    }
    if (resting_) SetResting(false);
    if (waiting) Accept();
  }
}

void Listener::Accept() {
  for (int i = 0; i < kAcceptsPerRound; ++i) {
    sockaddr_storage address = {};
    socklen_t length = sizeof(address);
    FileDescriptor connection(accept4(socket_.get(),
                                      reinterpret_cast<sockaddr*>(&address),
                                      &length, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection.valid()) {
      Admit(std::move(connection), PeerOf(address));
    } else if (OutOfResources(errno)) {
      Shed();
      return;
    } else if (errno == EAGAIN) {
      return;
    }
    // Any other error is that of one connection, which is gone.
  }
}

void Listener::Admit(FileDescriptor connection, uint64_t peer) {
  const auto found = per_peer_.find(peer);
  const size_t of_peer = found == per_peer_.end() ? 0 : found->second;
  FileDescriptor duplicate;
  if (connections_.size() < max_connections_ &&
      of_peer < max_connections_per_peer_) {
    duplicate.Reset(fcntl(connection.get(), F_DUPFD_CLOEXEC, 0));
  }
  // No events but those that are always reported: EPOLLHUP, both directions are
  // shut down, and EPOLLERR, the connection is broken.
  epoll_event event = {};
  event.data.fd = duplicate.get();
  if (!duplicate.valid() ||
      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, duplicate.get(), &event) != 0) {
    ++refused_;
    return;
  }
  SetOption(connection.get(), IPPROTO_TCP, TCP_NODELAY, 1);
  ++per_peer_[peer];
  connections_[duplicate.Release()] = peer;
  ++open_;
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters
      parameters;
  parameters.listener_fd = socket_.get();
  parameters.fd = connection.Release();
  acceptor_->HandleNewConnection(&parameters);
}

void Listener::Shed() {
  reserve_.Reset();
  bool empty = false;
  for (int i = 0; i < kAcceptsPerRound && !empty; ++i) {
    const FileDescriptor connection(
        accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (connection.valid()) {
      ++refused_;
    } else if (errno == EAGAIN) {
      empty = true;
    } else if (OutOfResources(errno)) {
      break;
    }
  }
  // Another thread may have been faster: then the next round tries again.
  reserve_.Reset(OpenReserve());
  if (!empty) SetResting(true);
}

void Listener::SetResting(bool resting) {
  epoll_event event = {};
  if (!resting) event.events = EPOLLIN;
  event.data.fd = socket_.get();
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket_.get(), &event);
  resting_ = resting;
}

void Listener::Forget(int duplicate) {
  const auto connection = connections_.find(duplicate);
  if (connection == connections_.end()) return;
  const auto peer = per_peer_.find(connection->second);
  if (--peer->second == 0) per_peer_.erase(peer);
  connections_.erase(connection);
  // Closing alone does not take it out, as long as gRPC has the same socket.
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, duplicate, nullptr);
  close(duplicate);
  --open_;
}

}  // namespace cofactor::services
