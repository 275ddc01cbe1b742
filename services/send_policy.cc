#include "services/send_policy.h"

namespace cofactor::services {

SendPolicy SendPolicyOf(const config::v1::Sms& sms) {
  const config::v1::SendBudgets& budgets = sms.budgets();
  SendPolicy policy;
  policy.allowed_regions = {sms.allowed_regions().begin(),
                            sms.allowed_regions().end()};
  policy.number_per_10_minutes = budgets.number_per_10_minutes();
  policy.number_per_day = budgets.number_per_day();
  policy.prefix_per_hour = budgets.prefix_per_hour();
  policy.prefix_per_day = budgets.prefix_per_day();
  policy.client_per_hour = budgets.client_per_hour();
  policy.account_per_hour = budgets.account_per_hour();
  policy.account_per_day = budgets.account_per_day();
  policy.all_per_hour = budgets.all_per_hour();
  policy.all_per_day = budgets.all_per_day();
  policy.breaker.sends = budgets.conversion_sends();
  policy.breaker.least_verified_percent = budgets.least_conversion_percent();
  return policy;
}

}  // namespace cofactor::services
