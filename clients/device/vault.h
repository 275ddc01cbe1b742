#ifndef COFACTOR_CLIENTS_DEVICE_VAULT_H_
#define COFACTOR_CLIENTS_DEVICE_VAULT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/randomness.h"
#include "base/secret.h"
#include "clients/device/vault_format.h"
#include "cofactor/device/v1/vault.pb.h"

namespace cofactor::device {

// What a vault holds, wiped on destruction. Thread-compatible.
class VaultContent {
 public:
  VaultContent() = default;
  ~VaultContent();
  VaultContent(VaultContent&&) = default;
  VaultContent& operator=(VaultContent&&) = delete;

  // INTERNAL: it is no DeviceVault.
  static absl::StatusOr<VaultContent> Parse(const Secret& bytes);

  v1::DeviceVault& operator*() { return message_; }
  v1::DeviceVault* operator->() { return &message_; }
  const v1::DeviceVault& operator*() const { return message_; }
  const v1::DeviceVault* operator->() const { return &message_; }

 private:
  v1::DeviceVault message_;
};

// The one file in which the authenticator keeps everything, of mode 0600 and
// sealed with a passphrase. A change is written whole or not at all, and a lock
// file beside it keeps two processes from losing each other's changes.
//
// Errors of all calls, with the path:
//   NOT_FOUND           there is no such file.
//   DATA_LOSS           it is damaged.
//   PERMISSION_DENIED   the passphrase is wrong, or was changed meanwhile.
//   RESOURCE_EXHAUSTED  there is not enough memory for the passphrase.
//   UNAVAILABLE         another process has the lock for too long.
//   ABORTED             it cannot be read or written.
//
// Thread-safe.
class Vault {
 public:
  struct Options {
    std::string path;
    KeyCost cost = kModerateCost;
    // For the lock. Others hold it while they write, no longer.
    absl::Duration lock_timeout = absl::Seconds(10);
  };

  // Whether there is a file.
  static bool Exists(const std::string& path);

  // Makes an empty file. ALREADY_EXISTS: there is one.
  // randomness: not owned; must outlive the vault.
  static absl::StatusOr<std::unique_ptr<Vault>> Create(const Options& options,
                                                       const Secret& passphrase,
                                                       Randomness& randomness);

  static absl::StatusOr<std::unique_ptr<Vault>> Open(const Options& options,
                                                     const Secret& passphrase,
                                                     Randomness& randomness);

  // What is in the file now.
  absl::StatusOr<VaultContent> Read() const;

  // Reads, lets the function change what was read, and writes, with the lock
  // held. Nothing is written if it returns an error, which is returned.
  absl::Status Update(
      const std::function<absl::Status(v1::DeviceVault&)>& change);

  // Seals the file with another passphrase. Processes that run go on to hold
  // the old one, and get PERMISSION_DENIED.
  absl::Status ChangePassphrase(const Secret& passphrase);

 private:
  Vault(Options options, VaultKey key, Randomness& randomness)
      : options_(std::move(options)),
        randomness_(randomness),
        key_(std::move(key)) {}

  absl::StatusOr<VaultContent> ReadWith(const VaultKey& key) const;
  absl::Status Write(const VaultKey& key, const v1::DeviceVault& message);

  const Options options_;
  Randomness& randomness_;
  mutable Mutex mutex_;
  VaultKey key_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_VAULT_H_
