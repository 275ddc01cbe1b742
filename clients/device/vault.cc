#include "clients/device/vault.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/private_file.h"
#include "base/status_macros.h"
#include "base/stopwatch.h"

namespace cofactor::device {
namespace {

// Thousands of entries; more is no file of ours.
constexpr size_t kMaxFileBytes = 4 * 1024 * 1024;
constexpr std::chrono::milliseconds kLockInterval(50);

absl::Status With(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::AbortedError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  Descriptor(Descriptor&& other) noexcept
      : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int value() const { return value_; }

 private:
  int value_;
};

// Lets time pass. The only thing that a caller can do about a lock that another
// process has, with a deadline.
void Pause() {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(mutex, kLockInterval);
}

// Takes the lock, which ends with the descriptor. The lock file stays: others
// may wait for the same one.
absl::StatusOr<Descriptor> Lock(const Vault::Options& options) {
  const std::string path = absl::StrCat(options.path, ".lock");
  Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.value() < 0) return Failed("open", path);
  const Stopwatch stopwatch;
  while (flock(file.value(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return Failed("lock", path);
    if (stopwatch.Elapsed() >= options.lock_timeout) {
      return absl::UnavailableError(absl::StrCat(
          options.path, ": another process is changing it; try again"));
    }
    Pause();
  }
  return file;
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  // Not blocking, should it be a pipe.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.value() < 0) {
    if (errno == ENOENT) {
      return absl::NotFoundError(
          absl::StrCat(path, ": there is no key file. \"enrol\" makes one"));
    }
    return Failed("read", path);
  }
  std::string bytes;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = read(file.value(), buffer, sizeof(buffer));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("read", path);
    if (got == 0) return bytes;
    bytes.append(buffer, static_cast<size_t>(got));
    if (bytes.size() > kMaxFileBytes) {
      return absl::DataLossError(
          absl::StrCat(path, ": this is no key file of cofactor_device"));
    }
  }
}

void WipeKeys(v1::DeviceVault& message) {
  for (v1::PushDevice& device : *message.mutable_push_devices()) {
    Wipe(*device.mutable_private_key());
    Wipe(*device.mutable_next_private_key());
    if (device.has_registration()) {
      Wipe(*device.mutable_registration()
                ->mutable_registration()
                ->mutable_ticket());
    }
  }
  for (v1::TotpAccount& account : *message.mutable_totp_accounts()) {
    Wipe(*account.mutable_secret());
  }
}

}  // namespace

VaultContent::~VaultContent() { WipeKeys(message_); }

absl::StatusOr<VaultContent> VaultContent::Parse(const Secret& bytes) {
  VaultContent content;
  const absl::string_view view = bytes.ExposeSecret();
  if (!content.message_.ParseFromArray(view.data(),
                                       static_cast<int>(view.size()))) {
    return absl::InternalError(
        "the key file holds what this program cannot "
        "read: is it of a newer version?");
  }
  return content;
}

bool Vault::Exists(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0;
}

absl::StatusOr<std::unique_ptr<Vault>> Vault::Create(const Options& options,
                                                     const Secret& passphrase,
                                                     Randomness& randomness) {
  ASSIGN_OR_RETURN(VaultKey key,
                   VaultKey::Make(passphrase, options.cost, randomness));
  ASSIGN_OR_RETURN(const Descriptor lock, Lock(options));
  if (Exists(options.path)) {
    return absl::AlreadyExistsError(
        absl::StrCat(options.path, ": there is a key file already"));
  }
  std::unique_ptr<Vault> vault(new Vault(options, std::move(key), randomness));
  MutexLock guard(vault->mutex_);
  RETURN_IF_ERROR(vault->Write(vault->key_, v1::DeviceVault()));
  return vault;
}

absl::StatusOr<std::unique_ptr<Vault>> Vault::Open(const Options& options,
                                                   const Secret& passphrase,
                                                   Randomness& randomness) {
  ASSIGN_OR_RETURN(const std::string file, ReadWhole(options.path));
  absl::StatusOr<VaultKey> key = VaultKey::ForFile(passphrase, file);
  if (!key.ok()) return With(options.path, key.status());
  if (const auto content = key->Open(file); !content.ok()) {
    return With(options.path, content.status());
  }
  return std::unique_ptr<Vault>(
      new Vault(options, *std::move(key), randomness));
}

absl::StatusOr<VaultContent> Vault::ReadWith(const VaultKey& key) const {
  ASSIGN_OR_RETURN(const std::string file, ReadWhole(options_.path));
  const absl::StatusOr<Secret> bytes = key.Open(file);
  if (!bytes.ok()) return With(options_.path, bytes.status());
  return VaultContent::Parse(*bytes);
}

absl::Status Vault::Write(const VaultKey& key, const v1::DeviceVault& message) {
  const Secret content(message.SerializeAsString());
  const absl::Status written = ReplacePrivateFile(
      options_.path, Secret(key.Seal(content.ExposeSecret(), randomness_)));
  if (!written.ok()) return absl::AbortedError(written.message());
  return absl::OkStatus();
}

absl::StatusOr<VaultContent> Vault::Read() const {
  MutexLock guard(mutex_);
  return ReadWith(key_);
}

absl::Status Vault::Update(
    const std::function<absl::Status(v1::DeviceVault&)>& change) {
  MutexLock guard(mutex_);
  ASSIGN_OR_RETURN(const Descriptor lock, Lock(options_));
  ASSIGN_OR_RETURN(VaultContent content, ReadWith(key_));
  RETURN_IF_ERROR(change(*content));
  return Write(key_, *content);
}

absl::Status Vault::ChangePassphrase(const Secret& passphrase) {
  MutexLock guard(mutex_);
  ASSIGN_OR_RETURN(VaultKey key,
                   VaultKey::Make(passphrase, options_.cost, randomness_));
  ASSIGN_OR_RETURN(const Descriptor lock, Lock(options_));
  ASSIGN_OR_RETURN(const VaultContent content, ReadWith(key_));
  RETURN_IF_ERROR(Write(key, *content));
  key_ = std::move(key);
  return absl::OkStatus();
}

}  // namespace cofactor::device
