#include "services/config/read_config.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace cofactor::services {
namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::TextFormat;

constexpr uint32_t kMaxThreads = 256;
constexpr absl::Duration kShortestRetention = absl::Hours(1);
// Far from the end of time, so that no expire time overflows.
constexpr absl::Duration kLongestRetention = absl::Hours(24 * 365 * 100);

// Errors with their places in a file.
class Errors final : public google::protobuf::io::ErrorCollector {
 public:
  explicit Errors(std::string path) : path_(std::move(path)) {}

  // Line and column count from 0, as protobuf does; -1 is the beginning.
  void AddError(int line, int column, const std::string& message) override {
    lines_.push_back(absl::StrCat(path_, ":", std::max(line, 0) + 1, ":",
                                  std::max(column, 0) + 1, ": ", message));
  }

  bool empty() const { return lines_.empty(); }
  std::string Text() const { return absl::StrJoin(lines_, "\n"); }

 private:
  const std::string path_;
  std::vector<std::string> lines_;
};

// A message of the configuration, where it stands in the file, and its name.
struct Part {
  const Message& message;
  const TextFormat::ParseInfoTree* tree;
  TextFormat::ParseLocation location;
  std::string name;
};

class Checker {
 public:
  explicit Checker(Errors& errors) : errors_(errors) {}

  void Complain(const Part& part, absl::string_view field,
                absl::string_view what) {
    const FieldDescriptor* descriptor = Find(part, field);
    TextFormat::ParseLocation location = part.location;
    if (descriptor != nullptr && !descriptor->is_repeated() &&
        part.tree != nullptr) {
      const TextFormat::ParseLocation own =
          part.tree->GetLocation(descriptor, -1);
      if (own.line >= 0) location = own;
    }
    errors_.AddError(location.line, location.column,
                     absl::StrCat(part.name.empty() ? "" : part.name + ".",
                                  field, ": ", what));
  }

  // Complains unless the field is set.
  bool Require(const Part& part, absl::string_view field) {
    const FieldDescriptor* descriptor = Find(part, field);
    const auto* reflection = part.message.GetReflection();
    const bool is_set =
        descriptor->is_repeated()
            ? reflection->FieldSize(part.message, descriptor) > 0
            : reflection->HasField(part.message, descriptor);
    if (!is_set) Complain(part, field, "is not set; see " + Schema());
    return is_set;
  }

  // Complains unless one field of the oneof is set.
  bool RequireOneOf(const Part& part, absl::string_view oneof) {
    const auto* descriptor =
        part.message.GetDescriptor()->FindOneofByName(std::string(oneof));
    if (part.message.GetReflection()->HasOneof(part.message, descriptor)) {
      return true;
    }
    std::vector<std::string> choices;
    for (int i = 0; i < descriptor->field_count(); ++i) {
      choices.push_back(descriptor->field(i)->name());
    }
    Complain(part, oneof,
             absl::StrCat("is not chosen: set ", absl::StrJoin(choices, " or "),
                          "; see ", Schema()));
    return false;
  }

  // The part in a field that is set; index: of a repeated field, else -1.
  static Part Of(const Part& part, absl::string_view field, int index = -1) {
    const FieldDescriptor* descriptor = Find(part, field);
    const auto* reflection = part.message.GetReflection();
    const Message& message =
        index < 0
            ? reflection->GetMessage(part.message, descriptor)
            : reflection->GetRepeatedMessage(part.message, descriptor, index);
    Part inner{message, nullptr, part.location,
               absl::StrCat(part.name.empty() ? "" : part.name + ".", field,
                            index < 0 ? "" : absl::StrCat("[", index, "]"))};
    if (part.tree != nullptr) {
      inner.tree = part.tree->GetTreeForNested(descriptor, index);
      inner.location = part.tree->GetLocation(descriptor, index);
    }
    return inner;
  }

 private:
  static const FieldDescriptor* Find(const Part& part,
                                     absl::string_view field) {
    return part.message.GetDescriptor()->FindFieldByName(std::string(field));
  }
  static std::string Schema() {
    return "proto/cofactor/config/v1/server_config.proto";
  }

  Errors& errors_;
};

void CheckListener(Checker& check, const Part& part,
                   const config::v1::Listener& listener) {
  check.Require(part, "address");
  check.RequireOneOf(part, "security");
  if (listener.has_tls()) {
    const Part tls = Checker::Of(part, "tls");
    check.Require(tls, "folder");
    check.Require(tls, "client_certificates");
  }
}

void CheckAudit(Checker& check, const Part& part,
                const config::v1::Audit& audit) {
  if (!check.Require(part, "retention")) return;
  const absl::Duration retention = absl::Seconds(audit.retention().seconds()) +
                                   absl::Nanoseconds(audit.retention().nanos());
  if (retention < kShortestRetention || retention > kLongestRetention) {
    check.Complain(part, "retention", "want 3600 s to 100 years");
  }
}

void CheckConfig(Checker& check, const Part& root,
                 const config::v1::ServerConfig& config) {
  check.Require(root, "mode");
  check.Require(root, "admin_key_file");
  if (config.threads() > kMaxThreads) {
    check.Complain(root, "threads", "want 1 to 256");
  }
  if (check.Require(root, "storage")) {
    const Part storage = Checker::Of(root, "storage");
    check.Require(storage, "key_ring_file");
    if (check.RequireOneOf(storage, "engine")) {
      check.Require(Checker::Of(storage, "rocksdb"), "folder");
    }
  }
  check.Require(root, "listeners");
  for (int i = 0; i < config.listeners_size(); ++i) {
    CheckListener(check, Checker::Of(root, "listeners", i),
                  config.listeners(i));
  }
  if (check.Require(root, "audit")) {
    CheckAudit(check, Checker::Of(root, "audit"), config.audit());
  }
  if (check.Require(root, "monitoring")) {
    check.RequireOneOf(Checker::Of(root, "monitoring"), "endpoint");
  }
  if (check.Require(root, "logging")) {
    check.Require(Checker::Of(root, "logging"), "calls");
  }
}

void MakeAbsolute(const std::string& folder, std::string& path) {
  if (!path.empty() && !absl::StartsWith(path, "/")) {
    path = absl::StrCat(folder, path);
  }
}

}  // namespace

absl::StatusOr<config::v1::ServerConfig> ParseConfig(absl::string_view text,
                                                     const std::string& path) {
  Errors errors(path);
  TextFormat::ParseInfoTree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(&tree);
  config::v1::ServerConfig config;
  if (parser.ParseFromString(std::string(text), &config)) {
    Checker checker(errors);
    CheckConfig(checker, {config, &tree, {0, 0}, ""}, config);
  }
  if (!errors.empty()) return absl::FailedPreconditionError(errors.Text());

  const std::string folder = path.substr(0, path.rfind('/') + 1);
  config::v1::Storage& storage = *config.mutable_storage();
  MakeAbsolute(folder, *storage.mutable_rocksdb()->mutable_folder());
  MakeAbsolute(folder, *storage.mutable_key_ring_file());
  MakeAbsolute(folder, *storage.mutable_backup_folder());
  MakeAbsolute(folder, *config.mutable_admin_key_file());
  for (config::v1::Listener& listener : *config.mutable_listeners()) {
    if (listener.has_tls()) {
      MakeAbsolute(folder, *listener.mutable_tls()->mutable_folder());
    }
  }
  return config;
}

absl::StatusOr<config::v1::ServerConfig> ReadConfig(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::NotFoundError(
        absl::StrCat("cannot read the configuration file ", path,
                     ": see docs/operations.md for one to begin with"));
  }
  return ParseConfig(text.str(), path);
}

}  // namespace cofactor::services
