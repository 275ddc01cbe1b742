#include "services/engine/policy_check.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/policy_fixture.h"
#include "services/engine/sign_in_policy.h"

namespace cofactor::services {
namespace {

class PolicyCheckTest : public testing::Test {
 protected:
  PolicyCheckTest() {
    AddCombination(AddLevel(policy_, "low"), {"password"});
    AddCombination(AddLevel(policy_, "high"), {"knows", "resistant"});
    policy_.set_sign_in_acr("low");
  }

  absl::Status Check() { return CheckPolicy(policy_, registry_); }

  // The changed policy is refused for this field; the one before is not.
  void ExpectRefused(const std::string& field,
                     const std::function<void(v1::Policy&)>& change) {
    EXPECT_TRUE(Check().ok()) << Check();
    v1::Policy changed = policy_;
    change(changed);
    const absl::Status status = CheckPolicy(changed, registry_);
    EXPECT_EQ(ErrorReason(status), "INVALID_FIELD") << field;
    EXPECT_TRUE(absl::StartsWith(status.message(), field + ": ")) << status;
  }
  void ExpectAccepted(const std::function<void(v1::Policy&)>& change) {
    v1::Policy changed = policy_;
    change(changed);
    EXPECT_TRUE(CheckPolicy(changed, registry_).ok())
        << CheckPolicy(changed, registry_);
  }

  // The shortest and the longest are accepted; less, more and nonsense are not.
  void ExpectRange(
      const std::string& field, absl::Duration shortest, absl::Duration longest,
      const std::function<google::protobuf::Duration*(v1::Policy&)>& of) {
    const auto set = [&of](absl::Duration value) {
      return [&of, value](v1::Policy& policy) {
        of(policy)->set_seconds(absl::ToInt64Seconds(value));
      };
    };
    ExpectAccepted(set(shortest));
    ExpectAccepted(set(longest));
    ExpectRefused(field, set(shortest - absl::Seconds(1)));
    ExpectRefused(field, set(longest + absl::Seconds(1)));
    ExpectRefused(field, [&](v1::Policy& policy) {
      set(longest)(policy);
      of(policy)->set_nanos(1);
    });
    ExpectRefused(field, [&](v1::Policy& policy) {
      set(shortest)(policy);
      of(policy)->set_nanos(-1);
    });
  }

  const factors::FactorRegistry registry_ = MakePolicyRegistry();
  v1::Policy policy_;
};

TEST_F(PolicyCheckTest, AcceptsTheDefault) {
  EXPECT_TRUE(CheckPolicy(DefaultPolicy(), registry_).ok());
}

// It can be read, changed in one place and set on a server whose factors are of
// two kinds alone.
TEST_F(PolicyCheckTest, AcceptsKindsThatTheServerLacks) {
  policy_ = DefaultPolicy();
  policy_.add_allowed_factor_types("password");
  policy_.add_allowed_factor_types("totp");
  // Here a fingerprint is left out on purpose.
  EXPECT_TRUE(
      absl::StartsWith(Check().message(), "policy.levels[0].any_of[2]: "))
      << Check();
  const factors::FactorRegistry without =
      MakePolicyRegistry({"password", "totp"});
  EXPECT_TRUE(CheckPolicy(policy_, without).ok())
      << CheckPolicy(policy_, without);
  // A level that nobody can reach locks everybody out.
  v1::PolicyLevel& level = AddLevel(policy_, "highest");
  AddCombination(level, {"knows", "is"});
  EXPECT_TRUE(absl::StartsWith(CheckPolicy(policy_, without).message(),
                               "policy.levels[2].any_of: "));
  AddCombination(level, {"password", "totp"});
  EXPECT_TRUE(CheckPolicy(policy_, without).ok());
}

TEST_F(PolicyCheckTest, WantsOneToEightLevels) {
  ExpectRefused("policy.levels", [](v1::Policy& p) { p.clear_levels(); });
  const auto add = [](int count) {
    return [count](v1::Policy& policy) {
      for (int i = 0; i < count; ++i) {
        AddCombination(AddLevel(policy, absl::StrCat("level", i)), {"totp"});
      }
    };
  };
  ExpectAccepted(add(6));
  ExpectRefused("policy.levels", add(7));
}

TEST_F(PolicyCheckTest, WantsANameForEachLevel) {
  const auto name = [](const std::string& acr) {
    return [acr](v1::Policy& p) { p.mutable_levels(1)->set_acr(acr); };
  };
  ExpectAccepted(name("urn:acme:A-b_c.1"));
  ExpectAccepted(name(std::string(64, 'a')));
  for (const std::string& acr :
       {std::string(), std::string(65, 'a'), std::string("a b"),
        std::string("a\n"), std::string("a/b"), std::string("\xC3\xA4"),
        std::string("a\0", 2), std::string("low")}) {
    ExpectRefused("policy.levels[1].acr", name(acr));
  }
}

TEST_F(PolicyCheckTest, WantsCombinationsThatDemandSomething) {
  ExpectRefused("policy.levels[1].any_of",
                [](v1::Policy& p) { p.mutable_levels(1)->clear_any_of(); });
  const auto add = [](int count) {
    return [count](v1::Policy& policy) {
      for (int i = 0; i < count; ++i) {
        AddCombination(*policy.mutable_levels(0), {"totp"});
      }
    };
  };
  ExpectAccepted(add(15));
  ExpectRefused("policy.levels[0].any_of", add(16));
  ExpectRefused("policy.levels[0].any_of[1].all_of",
                [](v1::Policy& p) { p.mutable_levels(0)->add_any_of(); });
  ExpectAccepted([](v1::Policy& p) {
    AddCombination(*p.mutable_levels(0), {"has", "has", "has", "has"});
  });
  ExpectRefused("policy.levels[0].any_of[1].all_of", [](v1::Policy& p) {
    AddCombination(*p.mutable_levels(0), {"has", "has", "has", "has", "has"});
  });
}

TEST_F(PolicyCheckTest, WantsDemandsThatAreSet) {
  const std::string demand = "policy.levels[0].any_of[0].all_of[0]";
  const auto change = [](const std::function<void(v1::FactorDemand&)>& set) {
    return [set](v1::Policy& policy) {
      set(*policy.mutable_levels(0)->mutable_any_of(0)->mutable_all_of(0));
    };
  };
  ExpectRefused(demand, change([](v1::FactorDemand& d) { d.Clear(); }));
  ExpectRefused(demand + ".factor_type", change([](v1::FactorDemand& d) {
                  d.set_factor_type("pigeon");
                }));
  ExpectRefused(demand + ".factor_type",
                change([](v1::FactorDemand& d) { d.set_factor_type(""); }));
  ExpectRefused(demand + ".kind", change([](v1::FactorDemand& d) {
                  d.set_kind(v1::FACTOR_KIND_UNSPECIFIED);
                }));
  ExpectRefused(demand + ".kind", change([](v1::FactorDemand& d) {
                  d.set_kind(static_cast<v1::FactorKind>(9));
                }));
  ExpectRefused(demand + ".phishing_resistant", change([](v1::FactorDemand& d) {
                  d.set_phishing_resistant(false);
                }));
}

TEST_F(PolicyCheckTest, RefusesWhatNobodyCanMeet) {
  const std::string combination = "policy.levels[0].any_of[1]";
  const auto add = [](std::initializer_list<absl::string_view> demands) {
    return [demands](v1::Policy& policy) {
      AddCombination(*policy.mutable_levels(0), demands);
    };
  };
  // A member has one password.
  ExpectRefused(combination, add({"password", "password"}));
  ExpectRefused(combination, add({"password", "knows"}));
  ExpectAccepted(add({"totp", "totp"}));
  // One of them is allowed no more.
  ExpectRefused(combination, [&](v1::Policy& policy) {
    policy.add_allowed_factor_types("password");
    policy.add_allowed_factor_types("webauthn");
    add({"sms"})(policy);
  });
  // Nothing is left that counts as resistant.
  ExpectRefused("policy.levels[1].any_of[0]", [](v1::Policy& policy) {
    policy.add_allowed_factor_types("password");
    policy.add_allowed_factor_types("totp");
  });
  ExpectRefused("policy.levels[1].any_of[0]", [](v1::Policy& policy) {
    policy.add_phishing_resistant_factor_types("password");
  });
}

TEST_F(PolicyCheckTest, AcceptsRecoveryCodesAloneWhereTheyAreNamed) {
  ExpectAccepted([](v1::Policy& policy) {
    AddCombination(*policy.mutable_levels(0), {"recovery_code"});
  });
}

TEST_F(PolicyCheckTest, WantsLevelsThatExist) {
  ExpectRefused("policy.sign_in_acr",
                [](v1::Policy& p) { p.clear_sign_in_acr(); });
  ExpectRefused("policy.sign_in_acr",
                [](v1::Policy& p) { p.set_sign_in_acr("other"); });
  ExpectRefused("policy.binding_acr",
                [](v1::Policy& p) { p.set_binding_acr("other"); });
  ExpectAccepted([](v1::Policy& p) { p.set_binding_acr("high"); });
}

TEST_F(PolicyCheckTest, WantsFactorsThatExist) {
  ExpectRefused("policy.allowed_factor_types[1]", [](v1::Policy& p) {
    p.add_allowed_factor_types("password");
    p.add_allowed_factor_types("pigeon");
  });
  ExpectRefused("policy.allowed_factor_types[1]", [](v1::Policy& p) {
    p.add_allowed_factor_types("password");
    p.add_allowed_factor_types("password");
  });
  ExpectRefused("policy.phishing_resistant_factor_types[0]", [](v1::Policy& p) {
    p.add_phishing_resistant_factor_types("pigeon");
  });
}

TEST_F(PolicyCheckTest, KeepsDurationsInTheirRanges) {
  ExpectRange("policy.binding_max_age", absl::Minutes(1), absl::Hours(24),
              [](v1::Policy& p) { return p.mutable_binding_max_age(); });
  ExpectRange(
      "policy.levels[0].max_age", absl::Minutes(1), absl::Hours(24 * 366),
      [](v1::Policy& p) { return p.mutable_levels(0)->mutable_max_age(); });
  ExpectRange("policy.enrollment_grace", absl::ZeroDuration(),
              absl::Hours(24 * 366),
              [](v1::Policy& p) { return p.mutable_enrollment_grace(); });
  ExpectRange("policy.sessions.receipt_lifetime", absl::Seconds(30),
              absl::Hours(1), [](v1::Policy& p) {
                return p.mutable_sessions()->mutable_receipt_lifetime();
              });
  ExpectRange("policy.sessions.idle_timeout", absl::Minutes(1),
              absl::Hours(24 * 90), [](v1::Policy& p) {
                return p.mutable_sessions()->mutable_idle_timeout();
              });
  ExpectRange(
      "policy.sessions.lifetime", absl::Minutes(1), absl::Hours(24 * 366),
      [](v1::Policy& p) { return p.mutable_sessions()->mutable_lifetime(); });
  ExpectRange("policy.remembered_devices.lifetime", absl::Hours(1),
              absl::Hours(24 * 90), [](v1::Policy& p) {
                return p.mutable_remembered_devices()->mutable_lifetime();
              });
  ExpectRange(
      "policy.recovery.delay", absl::ZeroDuration(), absl::Hours(24 * 7),
      [](v1::Policy& p) { return p.mutable_recovery()->mutable_delay(); });
  ExpectRange("policy.recovery.ticket_lifetime", absl::Minutes(1),
              absl::Hours(24), [](v1::Policy& p) {
                return p.mutable_recovery()->mutable_ticket_lifetime();
              });
}

TEST_F(PolicyCheckTest, BoundsDevicesAndApprovals) {
  ExpectRefused("policy.remembered_devices.lifetime",
                [](v1::Policy& p) { p.mutable_remembered_devices(); });
  const auto devices = [](uint32_t count) {
    return [count](v1::Policy& policy) {
      auto& rules = *policy.mutable_remembered_devices();
      rules.mutable_lifetime()->set_seconds(3600);
      rules.set_max_devices(count);
    };
  };
  ExpectAccepted(devices(0));
  ExpectAccepted(devices(20));
  ExpectRefused("policy.remembered_devices.max_devices", devices(21));
  ExpectAccepted([](v1::Policy& p) { p.mutable_recovery()->set_approvals(2); });
  ExpectRefused("policy.recovery.approvals",
                [](v1::Policy& p) { p.mutable_recovery()->set_approvals(3); });
}

}  // namespace
}  // namespace cofactor::services
