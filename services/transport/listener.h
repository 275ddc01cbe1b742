#ifndef COFACTOR_SERVICES_TRANSPORT_LISTENER_H_
#define COFACTOR_SERVICES_TRANSPORT_LISTENER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "services/transport/file_descriptor.h"

namespace cofactor::services {

// How many connections this process can serve under its RLIMIT_NOFILE: each
// costs two descriptors, and 100 are left for the store and all else. At least
// 16 and at most 20,000.
size_t DefaultMaxConnections();

struct ListenerOptions {
  // HOST:PORT, where HOST is an IPv4 address, an IPv6 address in brackets, or
  // localhost. Port 0 takes a free one. [::] takes IPv4 as well.
  std::string address;
  // Connections that are open at once, in all and of one peer. What comes above
  // is closed at once. A peer is an IPv4 address or a /64 of IPv6: behind a
  // proxy, all callers are one peer.
  size_t max_connections = DefaultMaxConnections();
  size_t max_connections_per_peer = 256;
};

// Accepts TCP connections and hands them to a gRPC server.
//
// gRPC's own listener stops for good once accept() has run out of descriptors,
// and it takes connections until that happens. This one bounds them, and when
// other parts of the process use up the descriptors, it closes what comes and
// recovers by itself.
//
// gRPC does not tell when it has closed a connection, so that the listener
// keeps a duplicate of every socket: gRPC shuts a socket down before it closes
// it, and that shows in the duplicate. A shutdown sends the FIN also while a
// duplicate is open. So a connection costs two descriptors.
//
// Thread-compatible, but for the counters, which any thread may read.
//
// In this order: Bind, AddTo, BuildAndStart, Start; Stop, then Shutdown of the
// gRPC server, which forgets to close connections that come after it.
class Listener {
 public:
  // Takes the port: connections wait in the kernel's queue until Start.
  //   INVALID_ARGUMENT    the address is malformed, or a bound is 0.
  //   UNAVAILABLE         the port is taken, or the address is not ours.
  //   RESOURCE_EXHAUSTED  the process has no descriptor left.
  static absl::StatusOr<std::unique_ptr<Listener>> Bind(
      const ListenerOptions& options);

  // As Stop.
  ~Listener();

  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // HOST:PORT with the host as it was given and the port that was taken.
  const std::string& address() const { return address_; }

  // Makes the server take connections from here. Once, before BuildAndStart.
  void AddTo(grpc::ServerBuilder& builder,
             std::shared_ptr<grpc::ServerCredentials> credentials);

  // Begins to accept. REQUIRES: AddTo, and that server is started. Once.
  void Start();

  // Closes the port and ends the thread. Connections that the server has stay,
  // and are not counted any more. Idempotent.
  void Stop();

  // Connections that the server has. It may lag behind by what the thread has
  // not seen yet.
  size_t open_connections() const { return open_.load(); }
  // Connections that were closed at once, for a bound or for want of
  // descriptors, since the start.
  uint64_t refused_connections() const { return refused_.load(); }

 private:
  Listener(const ListenerOptions& options, FileDescriptor socket);

  absl::Status Prepare();
  void Run();
  // Takes what waits in the kernel's queue.
  void Accept();
  void Admit(FileDescriptor connection, uint64_t peer);
  // Closes what waits in the queue, where no descriptor is left to serve it.
  void Shed();
  // Looks away from the queue until another event or the end of a pause: what
  // can neither be served nor be closed would wake the thread without end.
  void SetResting(bool resting);
  void Forget(int duplicate);

  const size_t max_connections_;
  const size_t max_connections_per_peer_;
  std::string address_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_;

  FileDescriptor socket_;
  FileDescriptor wake_;
  // Given up for a moment to accept and close what cannot be served: a queue
  // that nobody empties would keep its callers waiting for their deadlines.
  FileDescriptor reserve_;
  FileDescriptor epoll_;

  // Of the thread alone: the duplicates with their peers, and the number of
  // connections of each peer.
  absl::flat_hash_map<int, uint64_t> connections_;
  absl::flat_hash_map<uint64_t, size_t> per_peer_;
  bool resting_ = false;

  std::atomic<bool> stopping_{false};
  std::atomic<size_t> open_{0};
  std::atomic<uint64_t> refused_{0};
  std::thread thread_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_LISTENER_H_
