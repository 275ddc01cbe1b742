#ifndef COFACTOR_SERVICES_TRANSPORT_FILE_DESCRIPTOR_H_
#define COFACTOR_SERVICES_TRANSPORT_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace cofactor::services {

// Owns a file descriptor, or none. Thread-compatible.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  // fd: taken over. A negative one means none.
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.Release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  ~FileDescriptor() { Reset(); }

  bool valid() const { return fd_ >= 0; }
  int get() const { return fd_; }

  // Gives the descriptor to the caller, who has to close it.
  int Release() { return std::exchange(fd_, -1); }

  // Closes the descriptor, and owns another one.
  void Reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_TRANSPORT_FILE_DESCRIPTOR_H_
