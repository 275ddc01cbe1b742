#ifndef COFACTOR_TESTS_CONFORMANCE_FACTOR_DRIVER_H_
#define COFACTOR_TESTS_CONFORMANCE_FACTOR_DRIVER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cofactor/v1/challenge.pb.h"
#include "cofactor/v1/factor.pb.h"
#include "tests/doubles/mailbox.h"

namespace cofactor {

// What the conformance suite has to know of a factor: how a person uses it. A
// new factor comes with a driver, or the suite fails.
class FactorDriver {
 public:
  // What the person is asked.
  struct Question {
    // Not set to confirm the enrollment.
    v1::Challenge challenge;
    // What is shown where the person signs in, if the factor shows anything.
    std::string number;
  };

  // An app or device that holds one enrollment.
  class Device {
   public:
    virtual ~Device() = default;

    virtual v1::FactorResponse RightResponse(const Question& question,
                                             absl::Time now) const = 0;
    // One that is refused and counted, not one of another shape.
    virtual v1::FactorResponse WrongResponse(const Question& question,
                                             absl::Time now) const = 0;
  };

  virtual ~FactorDriver() = default;

  virtual std::string factor_type() const = 0;
  virtual v1::FactorParameters Parameters() const = 0;
  // Whether BeginEnrollment brings an activation or a message. Else the person
  // has all that it takes.
  virtual bool HasSomethingToSetUp() const { return true; }
  // mailbox: where the messages of the factor arrive. It outlives the device.
  virtual std::unique_ptr<Device> SetUp(const v1::FactorActivation& activation,
                                        const Mailbox& mailbox) const = 0;
};

// One driver for each factor under test.
std::vector<std::unique_ptr<FactorDriver>> AllFactorDrivers();

}  // namespace cofactor

#endif  // COFACTOR_TESTS_CONFORMANCE_FACTOR_DRIVER_H_
