// What the fuzzer does, in a few seconds and without one: the corpus, and
// random changes of it, the same each time.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "google/protobuf/stubs/logging.h"
#include "gtest/gtest.h"
#include "tests/fuzz/push_input.h"

namespace cofactor {
namespace {

constexpr int kMutations = 20'000;

std::vector<std::string> Corpus() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator("tests/fuzz/corpus/push_answer")) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file),
                        std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  // Changes an input in one to four places.
  std::string Mutate(std::string input, const std::string& other) {
    for (size_t i = Draw(4) + 1; i > 0; --i) ChangeOnce(input, other);
    return input;
  }

  size_t Draw(size_t end) { return engine_() % end; }

 private:
  void ChangeOnce(std::string& input, const std::string& other) {
    // The first byte says what the rest is.
    const size_t at =
        input.size() < 2 ? input.size() : 1 + Draw(input.size() - 1);
    const size_t length = 1 + Draw(8);
    switch (Draw(6)) {
      case 0:
        if (at < input.size()) {
          input[at] = static_cast<char>(input[at] ^ (1 << Draw(8)));
        }
        return;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(Draw(256));
        return;
      case 2:
        input.insert(at, length, static_cast<char>(Draw(256)));
        return;
      case 3:
        if (at < input.size()) input.erase(at, length);
        return;
      case 4:
        input.resize(at);
        return;
      default:
        input += other.substr(std::min(other.size(), Draw(64)), Draw(128));
        return;
    }
  }

  std::mt19937_64 engine_{5};
};

TEST(PushAnswerFuzzTest, NothingThatAStrangerMakesUpDoesHarm) {
  google::protobuf::SetLogHandler(nullptr);
  const std::vector<std::string> corpus = Corpus();
  ASSERT_GE(corpus.size(), 10u);
  for (const std::string& input : corpus) TryPushInput(input);
  Mutator mutator;
  for (int i = 0; i < kMutations; ++i) {
    const std::string& input = corpus[mutator.Draw(corpus.size())];
    const std::string& other = corpus[mutator.Draw(corpus.size())];
    TryPushInput(mutator.Mutate(input, other));
  }
}

}  // namespace
}  // namespace cofactor
