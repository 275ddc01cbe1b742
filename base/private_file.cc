#include "base/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace cofactor {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

// A descriptor that is closed at the end.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool ok() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  bool Sync() { return fsync(descriptor_) == 0; }
  bool Write(absl::string_view text) {
    while (!text.empty()) {
      const ssize_t written = write(descriptor_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      text.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }

 private:
  const int descriptor_;
};

constexpr size_t kMaxSecretBytes = 64 * 1024;

absl::Status Unusable(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(absl::StrCat(path, ": ", why));
}

absl::Status WriteWhole(const std::string& path, const Secret& text) {
  // What an earlier try left must not lend its mode.
  unlink(path.c_str());
  File file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.ok()) return Failed("make", path);
  if (!file.Write(text.ExposeSecret()) || !file.Sync()) {
    return Failed("write", path);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReplacePrivateFile(const std::string& path, const Secret& text) {
  const std::string partial = absl::StrCat(path, ".partial");
  absl::Status status = WriteWhole(partial, text);
  if (status.ok() && rename(partial.c_str(), path.c_str()) != 0) {
    status = Failed("make", path);
  }
  if (!status.ok()) {
    unlink(partial.c_str());
    return status;
  }
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  File opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.ok() || !opened.Sync()) return Failed("sync", folder);
  return absl::OkStatus();
}

absl::StatusOr<Secret> ReadSecretFile(const std::string& path) {
  // Not blocking, should it be a pipe.
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat info = {};
  if (!file.ok() || fstat(file.descriptor(), &info) != 0) {
    return Unusable(path,
                    absl::StrCat("cannot be read: ", std::strerror(errno)));
  }
  if (!S_ISREG(info.st_mode)) return Unusable(path, "is not a regular file");
  if ((info.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    return Unusable(
        path,
        absl::StrCat("others may use this secret; run chmod 0600 ", path));
  }
  std::string content(kMaxSecretBytes + 1, '\0');
  size_t size = 0;
  ssize_t got = 1;
  while (got > 0 && size < content.size()) {
    got = read(file.descriptor(), content.data() + size, content.size() - size);
    if (got > 0) size += static_cast<size_t>(got);
    if (got < 0 && errno == EINTR) got = 1;
  }
  Secret secret(absl::StripTrailingAsciiWhitespace(
      absl::string_view(content).substr(0, size)));
  Wipe(content);
  if (got < 0) return Unusable(path, "cannot be read");
  if (size > kMaxSecretBytes) return Unusable(path, "is longer than 64 KiB");
  if (secret.empty()) return Unusable(path, "is empty");
  return secret;
}

}  // namespace cofactor
