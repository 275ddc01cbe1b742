// An EchoService without TLS, for tests that drive other programs. Prints
// "ready on HOST:PORT", and ends with its standard input.

#include <iostream>
#include <limits>

#include "services/transport/test_server.h"

int main() {
  const cofactor::services::TestServer server;
  std::cout << "ready on " << server.address() << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  return 0;
}
