#include "base/private_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

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

}  // namespace cofactor
