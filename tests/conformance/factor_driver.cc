#include "tests/conformance/factor_driver.h"

#include "tests/doubles/push_phone.h"
#include "tests/doubles/signing_factor.h"
#include "tests/doubles/totp_authenticator.h"

namespace cofactor {
namespace {

v1::FactorResponse Code(const std::string& code) {
  v1::FactorResponse response;
  response.set_code(code);
  return response;
}

class TotpDriver final : public FactorDriver {
 public:
  std::string factor_type() const override { return "totp"; }

  v1::FactorParameters Parameters() const override { return {}; }

  std::unique_ptr<Device> SetUp(const v1::FactorActivation& activation,
                                const Mailbox& mailbox) const override {
    return std::make_unique<App>(
        TotpAuthenticator::FromActivation(activation.totp()));
  }

 private:
  class App final : public Device {
   public:
    explicit App(TotpAuthenticator authenticator)
        : authenticator_(std::move(authenticator)) {}

    v1::FactorResponse RightResponse(const Question& question,
                                     absl::Time now) const override {
      return Code(authenticator_.CodeAt(now));
    }
    v1::FactorResponse WrongResponse(const Question& question,
                                     absl::Time now) const override {
      return Code(WrongCode(authenticator_, now));
    }

   private:
    const TotpAuthenticator authenticator_;
  };
};

class SmsDriver final : public FactorDriver {
 public:
  std::string factor_type() const override { return "sms"; }

  v1::FactorParameters Parameters() const override {
    v1::FactorParameters parameters;
    parameters.mutable_sms()->set_phone_number("+49 151 23456789");
    return parameters;
  }

  std::unique_ptr<Device> SetUp(const v1::FactorActivation& activation,
                                const Mailbox& mailbox) const override {
    return std::make_unique<Phone>(mailbox);
  }

 private:
  class Phone final : public Device {
   public:
    explicit Phone(const Mailbox& mailbox) : mailbox_(mailbox) {}

    // The code that came last; the text of a message names no challenge.
    v1::FactorResponse RightResponse(const Question& question,
                                     absl::Time now) const override {
      return Code(mailbox_.codes().back());
    }
    v1::FactorResponse WrongResponse(const Question& question,
                                     absl::Time now) const override {
      std::string code = mailbox_.codes().back();
      code.back() = code.back() == '0' ? '1' : '0';
      return Code(code);
    }

   private:
    const Mailbox& mailbox_;
  };
};

class RecoveryCodeDriver final : public FactorDriver {
 public:
  std::string factor_type() const override { return "recovery_code"; }

  v1::FactorParameters Parameters() const override { return {}; }

  std::unique_ptr<Device> SetUp(const v1::FactorActivation& activation,
                                const Mailbox& mailbox) const override {
    return std::make_unique<Paper>(activation.recovery_code());
  }

 private:
  // A set of codes, of which the person tries the first again and again.
  class Paper final : public Device {
   public:
    explicit Paper(v1::RecoveryCodeActivation activation)
        : activation_(std::move(activation)) {}

    v1::FactorResponse RightResponse(const Question& question,
                                     absl::Time now) const override {
      return Code(activation_.codes(0));
    }
    v1::FactorResponse WrongResponse(const Question& question,
                                     absl::Time now) const override {
      std::string code = activation_.codes(0);
      code.back() = code.back() == '0' ? '1' : '0';
      return Code(code);
    }

   private:
    const v1::RecoveryCodeActivation activation_;
  };
};

class PushDriver final : public FactorDriver {
 public:
  std::string factor_type() const override { return "push"; }

  v1::FactorParameters Parameters() const override { return {}; }

  std::unique_ptr<Device> SetUp(const v1::FactorActivation& activation,
                                const Mailbox& mailbox) const override {
    return std::make_unique<Phone>(activation.push().activation_uri());
  }

 private:
  class Phone final : public Device {
   public:
    explicit Phone(const std::string& activation_uri)
        : phone_(activation_uri) {}

    v1::FactorResponse RightResponse(const Question& question,
                                     absl::Time now) const override {
      return Respond(question, question.number);
    }
    v1::FactorResponse WrongResponse(const Question& question,
                                     absl::Time now) const override {
      return Respond(question, WrongNumber(question.number));
    }

   private:
    v1::FactorResponse Respond(const Question& question,
                               const std::string& number) const {
      v1::FactorResponse response;
      if (question.challenge.challenge_id().empty()) {
        *response.mutable_device() = phone_.Registration();
      } else {
        *response.mutable_push() = phone_.Answer(
            question.challenge, v1::PUSH_DECISION_APPROVE, number);
      }
      return response;
    }

    const PushPhone phone_;
  };
};

class PasswordDriver final : public FactorDriver {
 public:
  std::string factor_type() const override { return "password"; }

  v1::FactorParameters Parameters() const override {
    v1::FactorParameters parameters;
    parameters.mutable_password()->set_password("nine lamps, no attic");
    return parameters;
  }

  bool HasSomethingToSetUp() const override { return false; }

  std::unique_ptr<Device> SetUp(const v1::FactorActivation& activation,
                                const Mailbox& mailbox) const override {
    return std::make_unique<Memory>();
  }

 private:
  // Of the person.
  class Memory final : public Device {
   public:
    v1::FactorResponse RightResponse(const Question& question,
                                     absl::Time now) const override {
      return Password("nine lamps, no attic");
    }
    v1::FactorResponse WrongResponse(const Question& question,
                                     absl::Time now) const override {
      return Password("nine lamps, no attid");
    }

   private:
    static v1::FactorResponse Password(const std::string& password) {
      v1::FactorResponse response;
      response.set_password(password);
      return response;
    }
  };
};

class SigningDriver final : public FactorDriver {
 public:
  std::string factor_type() const override { return "signing_test"; }

  v1::FactorParameters Parameters() const override {
    v1::FactorParameters parameters;
    *parameters.mutable_custom() = PackString("token 7");
    return parameters;
  }

  std::unique_ptr<Device> SetUp(const v1::FactorActivation& activation,
                                const Mailbox& mailbox) const override {
    return std::make_unique<Token>();
  }

 private:
  class Token final : public Device {
   public:
    v1::FactorResponse RightResponse(const Question& question,
                                     absl::Time now) const override {
      return Sign("token 7", question.challenge.challenge_id());
    }
    v1::FactorResponse WrongResponse(const Question& question,
                                     absl::Time now) const override {
      return Sign("token 8", question.challenge.challenge_id());
    }
  };
};

}  // namespace

std::vector<std::unique_ptr<FactorDriver>> AllFactorDrivers() {
  std::vector<std::unique_ptr<FactorDriver>> drivers;
  drivers.push_back(std::make_unique<TotpDriver>());
  drivers.push_back(std::make_unique<SmsDriver>());
  drivers.push_back(std::make_unique<PushDriver>());
  drivers.push_back(std::make_unique<RecoveryCodeDriver>());
  drivers.push_back(std::make_unique<PasswordDriver>());
  drivers.push_back(std::make_unique<SigningDriver>());
  return drivers;
}

}  // namespace cofactor
