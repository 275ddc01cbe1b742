#ifndef COFACTOR_SERVICES_TRANSPORT_TEST_SOCKET_H_
#define COFACTOR_SERVICES_TRANSPORT_TEST_SOCKET_H_

#include <string>

#include "absl/strings/string_view.h"
#include "services/transport/file_descriptor.h"

namespace cofactor::services {

// A TCP client that speaks no protocol. No call waits longer than 20 s.
// Thread-compatible.
class TestSocket {
 public:
  // Connects to "127.0.0.1:PORT", from an address of 127.0.0.0/8.
  explicit TestSocket(const std::string& address,
                      const std::string& source = "127.0.0.1");

  bool connected() const { return socket_.valid(); }

  bool Send(absl::string_view bytes);

  // What came, at least one byte, or "" at the end of the connection or if
  // nothing came in time.
  std::string Receive();

  // Reads on until the other side has closed. False if it has not in time.
  bool ReceivesEnd();

  // Closes with a FIN, or with a reset.
  void Close() { socket_.Reset(); }
  void Abort();

 private:
  FileDescriptor socket_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_TEST_SOCKET_H_
