#ifndef COFACTOR_CLIENTS_DEVICE_COMMAND_FIXTURE_H_
#define COFACTOR_CLIENTS_DEVICE_COMMAND_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "clients/device/fake_device_server.h"
#include "clients/device/vault.h"
#include "cofactor/v1/device.pb.h"
#include "gtest/gtest.h"

namespace cofactor::device {

// What a command said and ended with.
struct Ran {
  absl::Status status;
  std::string output;
  std::string errors;
};

// Runs commands against a server of the test, with a key file of the test.
class CommandTest : public testing::Test {
 protected:
  CommandTest();
  ~CommandTest() override;

  // input: the standard input, which is no terminal.
  Ran Run(std::vector<std::string> words, const std::string& input = "");

  // An activation URI that the server takes, once.
  std::string Invite(const std::string& enrollment_id);
  // Enrols a device of that name, which is the id of its enrollment as well.
  void Enrol(const std::string& name);

  // The key file as it is now.
  VaultContent Content();

  // A challenge of the server's member, which expires in two minutes.
  cofactor::v1::DeviceChallenge Challenge(const std::string& challenge_id);

  FakeDeviceServer server_;
  ManualClock clock_{absl::FromUnixSeconds(1'700'000'000)};
  SeededRandomness randomness_{1};
  std::string folder_;
  Vault::Options vault_options_;
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_COMMAND_FIXTURE_H_
