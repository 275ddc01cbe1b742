#include "services/engines.h"

#include <cstddef>
#include <utility>

namespace cofactor::services {
namespace {

// 16 bytes each: 2,000 members' codes of three time steps in 350 accounts.
constexpr size_t kMaxIndexedCodes = 2'000'000;

}  // namespace

Engines::Engines(const EngineOptions& options,
                 const factors::FactorRegistry& registry, Secret decoy_secret,
                 Randomness& randomness)
    : code_index(kMaxIndexedCodes, randomness),
      clients(randomness),
      exports(registry, randomness),
      policies(registry),
      limits(options.send_policy, randomness),
      send_limits(limits, phone_numbers),
      messages(options.sends_messages ? &limits : nullptr, phone_numbers,
               randomness),
      notices(registry, messages),
      receipts(options.receipts.issuer, randomness),
      receipt_keys(receipts, options.receipts.algorithm),
      sessions(receipts, randomness),
      session_calls(sessions),
      guard(registry, sessions),
      enrollments(registry, messages, randomness, &guard, &notices),
      recoveries(guard, notices, randomness),
      device_nonces(DeviceNonces::KeyFrom(decoy_secret), randomness),
      decoys(std::move(decoy_secret), randomness),
      challenges(registry, decoys, messages, randomness, &notices),
      devices(enrollments, challenges, device_nonces,
              options.web_push_public_key),
      verifications(registry, code_index, decoys, &notices),
      support(registry, code_index),
      approvals(registry, challenges, verifications, receipts, randomness),
      sign_ins(registry, verifications, challenges, enrollments, sessions,
               randomness) {}

}  // namespace cofactor::services
