#include "storage/sealing/key_ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace cofactor::storage {
namespace {

// A ring of a hundred keys is 10 kB.
constexpr size_t kMaxFileBytes = 1 << 20;

absl::Status Unusable(const std::string& path, absl::string_view why) {
  return absl::FailedPreconditionError(
      absl::StrCat("the key ring ", path, " ", why));
}

absl::Status CannotWrite(const std::string& path) {
  return absl::UnavailableError(absl::StrCat("cannot write the key ring ", path,
                                             ": ", std::strerror(errno)));
}

// Takes the parser's errors, which may quote a key, and drops them.
class SilentCollector final : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {}
};

bool IsHex(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isxdigit(c)) return false;
  }
  return true;
}

// Overwrites the keys in a message before it is freed.
void WipeKeys(record::v1::KeyRing& ring) {
  for (record::v1::SealingKey& key : *ring.mutable_keys()) {
    Wipe(*key.mutable_key_hex());
  }
}

Secret PrintAndWipe(record::v1::KeyRing& ring) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(ring, &text);
  WipeKeys(ring);
  return Secret(std::move(text));
}

struct FreeText {
  void operator()(char* text) const { std::free(text); }
};

std::string DraftOf(const std::string& path) {
  return absl::StrCat(path, ".new");
}

// Writes and syncs a draft in the place of one that a process left that was
// killed. path: what is to become of it, for errors.
absl::Status WriteDraft(const std::string& draft, const std::string& path,
                        const Secret& text) {
  unlink(draft.c_str());
  const int descriptor =
      open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return CannotWrite(path);
  const absl::string_view bytes = text.ExposeSecret();
  const bool written = write(descriptor, bytes.data(), bytes.size()) ==
                           static_cast<ssize_t>(bytes.size()) &&
                       fsync(descriptor) == 0;
  const int write_error = errno;
  close(descriptor);
  errno = write_error;
  return written ? absl::OkStatus() : CannotWrite(path);
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) return CannotWrite(path);
  const auto closer = absl::MakeCleanup([descriptor] { close(descriptor); });
  return fsync(descriptor) == 0 ? absl::OkStatus() : CannotWrite(path);
}

}  // namespace

absl::StatusOr<KeyRing> KeyRing::Parse(absl::string_view text) {
  record::v1::KeyRing ring;
  const auto wiper = absl::MakeCleanup([&ring] { WipeKeys(ring); });
  google::protobuf::TextFormat::Parser parser;
  SilentCollector collector;
  parser.RecordErrorsTo(&collector);
  std::string copy(text);
  const bool parsed = parser.ParseFromString(copy, &ring);
  Wipe(copy);
  if (!parsed) {
    return absl::InvalidArgumentError("is no key ring in protobuf text format");
  }
  Keys keys;
  for (const record::v1::SealingKey& key : ring.keys()) {
    if (key.key_id() == 0 || keys.count(key.key_id()) > 0) {
      return absl::InvalidArgumentError("has a key id that is 0 or used twice");
    }
    if (key.key_hex().size() != 2 * XaesGcm::kKeyBytes ||
        !IsHex(key.key_hex())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "has a key ", key.key_id(), " that is not of 64 hexadecimal digits"));
    }
    ASSIGN_OR_RETURN(
        XaesGcm cipher,
        XaesGcm::Create(Secret(absl::HexStringToBytes(key.key_hex()))));
    keys.emplace(key.key_id(),
                 std::make_shared<const XaesGcm>(std::move(cipher)));
  }
  if (keys.count(ring.primary_key_id()) == 0) {
    return absl::InvalidArgumentError("does not hold its primary key");
  }
  return KeyRing(ring.primary_key_id(), std::move(keys));
}

const XaesGcm* KeyRing::Find(uint32_t key_id) const {
  const auto found = keys_.find(key_id);
  return found == keys_.end() ? nullptr : found->second.get();
}

std::vector<uint32_t> KeyRing::key_ids() const {
  std::vector<uint32_t> key_ids;
  for (const auto& [key_id, key] : keys_) key_ids.push_back(key_id);
  return key_ids;
}

absl::StatusOr<KeyRing> KeyRing::WithNewPrimary(Randomness& randomness) const {
  const uint32_t last = keys_.rbegin()->first;
  if (last == std::numeric_limits<uint32_t>::max()) {
    return absl::FailedPreconditionError("the key ring has the last key id");
  }
  ASSIGN_OR_RETURN(XaesGcm cipher,
                   XaesGcm::Create(randomness.DrawSecret(XaesGcm::kKeyBytes)));
  Keys keys = keys_;
  keys.emplace(last + 1, std::make_shared<const XaesGcm>(std::move(cipher)));
  return KeyRing(last + 1, std::move(keys));
}

absl::StatusOr<KeyRing> KeyRing::Without(uint32_t key_id) const {
  if (key_id == primary_key_id_) {
    return absl::FailedPreconditionError(
        absl::StrCat("key ", key_id, " is the primary key"));
  }
  Keys keys = keys_;
  if (keys.erase(key_id) == 0) {
    return absl::NotFoundError(
        absl::StrCat("the key ring holds no key ", key_id));
  }
  return KeyRing(primary_key_id_, std::move(keys));
}

Secret KeyRing::ToText() const {
  record::v1::KeyRing ring;
  ring.set_primary_key_id(primary_key_id_);
  for (const auto& [key_id, cipher] : keys_) {
    record::v1::SealingKey& key = *ring.add_keys();
    key.set_key_id(key_id);
    key.set_key_hex(absl::BytesToHexString(cipher->key().ExposeSecret()));
  }
  return PrintAndWipe(ring);
}

Secret NewKeyRingText(Randomness& randomness) {
  const Secret key = randomness.DrawSecret(XaesGcm::kKeyBytes);
  record::v1::KeyRing ring;
  ring.set_primary_key_id(1);
  record::v1::SealingKey& first = *ring.add_keys();
  first.set_key_id(1);
  first.set_key_hex(absl::BytesToHexString(key.ExposeSecret()));
  return PrintAndWipe(ring);
}

absl::StatusOr<KeyRing> ReadKeyRingFile(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) {
    return absl::NotFoundError(absl::StrCat("there is no key ring ", path));
  }
  if (descriptor < 0) {
    return Unusable(path,
                    absl::StrCat("cannot be read: ", std::strerror(errno)));
  }
  const auto closer = absl::MakeCleanup([descriptor] { close(descriptor); });
  struct stat info;
  if (fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
    return Unusable(path, "is not a file");
  }
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Unusable(path, absl::StrCat("can be reached by others than its "
                                       "owner: chmod 600 ",
                                       path));
  }
  std::string text(kMaxFileBytes, '\0');
  size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() &&
         (got = read(descriptor, text.data() + size, text.size() - size)) > 0) {
    size += static_cast<size_t>(got);
  }
  if (got < 0) {
    const std::string why = std::strerror(errno);
    Wipe(text);
    return Unusable(path, absl::StrCat("cannot be read: ", why));
  }
  absl::StatusOr<KeyRing> ring =
      KeyRing::Parse(absl::string_view(text).substr(0, size));
  Wipe(text);
  if (!ring.ok()) {
    return Unusable(path, absl::StrCat(ring.status().message(),
                                       ": put the right file back"));
  }
  return ring;
}

absl::Status WriteKeyRingFile(const std::string& path, const Secret& text) {
  // Under another name first, then linked: nobody sees half a file, and a file
  // that is there already is never overwritten.
  const std::string draft = DraftOf(path);
  auto remover = absl::MakeCleanup([&draft] { unlink(draft.c_str()); });
  RETURN_IF_ERROR(WriteDraft(draft, path, text));
  if (link(draft.c_str(), path.c_str()) != 0) {
    if (errno == EEXIST) {
      return absl::AlreadyExistsError(
          absl::StrCat("there is a key ring ", path, " already"));
    }
    return CannotWrite(path);
  }
  std::move(remover).Invoke();
  return SyncFolderOf(path);
}

absl::Status ReplaceKeyRingFile(const std::string& path, const Secret& text) {
  // A rename in the place of a link would leave the old ring where it leads to.
  const std::unique_ptr<char, FreeText> real(realpath(path.c_str(), nullptr));
  if (real == nullptr && errno == ENOENT) {
    return absl::NotFoundError(absl::StrCat("there is no key ring ", path));
  }
  if (real == nullptr) return CannotWrite(path);
  const std::string target = real.get();
  const std::string draft = DraftOf(target);
  auto remover = absl::MakeCleanup([&draft] { unlink(draft.c_str()); });
  RETURN_IF_ERROR(WriteDraft(draft, target, text));
  if (rename(draft.c_str(), target.c_str()) != 0) return CannotWrite(target);
  std::move(remover).Cancel();
  return SyncFolderOf(target);
}

}  // namespace cofactor::storage
