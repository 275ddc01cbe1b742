#ifndef COFACTOR_SERVICES_CONFIG_CONFIG_CHECKER_H_
#define COFACTOR_SERVICES_CONFIG_CONFIG_CHECKER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"

namespace cofactor::services {

// Errors with their places in a file. Thread-compatible.
class ConfigErrors final : public google::protobuf::io::ErrorCollector {
 public:
  // path: names the file.
  explicit ConfigErrors(std::string path) : path_(std::move(path)) {}

  // line, column: from 0, as protobuf counts; -1 is the beginning.
  void AddError(int line, int column, const std::string& message) override;

  bool empty() const { return lines_.empty(); }
  // "cofactor.textproto:3:5: storage.key_ring_file: ...", a line for each.
  std::string Text() const;

 private:
  const std::string path_;
  std::vector<std::string> lines_;
};

// A message of the configuration, where it stands in the file, and its name.
struct ConfigPart {
  const google::protobuf::Message& message;
  // Null if it has no places.
  const google::protobuf::TextFormat::ParseInfoTree* tree;
  google::protobuf::TextFormat::ParseLocation location;
  std::string name;
};

// Finds choices that were not made, and says where. Thread-compatible.
class ConfigChecker {
 public:
  // errors: not owned; must outlive this.
  explicit ConfigChecker(ConfigErrors& errors) : errors_(errors) {}

  // field: may be the name of a oneof too. index: of a repeated field, else -1.
  void Complain(const ConfigPart& part, absl::string_view field,
                absl::string_view what, int index = -1);

  // Complains unless the field is set.
  bool Require(const ConfigPart& part, absl::string_view field);

  // Complains unless one field of the oneof is set.
  bool RequireOneOf(const ConfigPart& part, absl::string_view oneof);

  // The part in a field that is set; index: of a repeated field, else -1.
  static ConfigPart Of(const ConfigPart& part, absl::string_view field,
                       int index = -1);

 private:
  ConfigErrors& errors_;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_CONFIG_CONFIG_CHECKER_H_
