#include "tools/benchmark/seeder.h"

#include <openssl/sha.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/randomness.h"
#include "base/status_macros.h"
#include "cofactor/record/v1/record.pb.h"
#include "cofactor/v1/account.pb.h"
#include "cofactor/v1/factor.pb.h"
#include "factors/totp/hotp.h"
#include "services/engine/keys.h"
#include "services/engine/plan.h"
#include "storage/rocksdb/rocksdb_store.h"
#include "storage/sealing/open_sealed_store.h"

namespace cofactor::benchmark {
namespace {

using ::cofactor::record::v1::AccountRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::cofactor::record::v1::RosterRecord;
using ::cofactor::record::v1::SmsStateRecord;
using ::cofactor::record::v1::TotpStateRecord;

constexpr size_t kSeedBytes = 20;
constexpr uint64_t kMembersPerTransaction = 2'000;

std::string DigestOf(const Population& population, absl::string_view use,
                     uint64_t member) {
  const std::string text =
      absl::StrCat("cofactor bench/", population.name, "/", use, "/", member);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(text.data()), text.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

// As they leave it for a text message.
void AddPhone(const Population& population, uint64_t member, int64_t now_micros,
              MemberRecord& record) {
  SmsStateRecord state;
  state.set_e164(absl::StrFormat("+491511%07d", member));
  EnrollmentRecord& enrollment = *record.add_enrollments();
  enrollment.set_enrollment_id(absl::BytesToHexString(
      DigestOf(population, "enrollment", member).substr(0, 16)));
  enrollment.set_factor_type("sms");
  enrollment.set_confirmed(true);
  enrollment.set_factor_state_version(1);
  enrollment.set_factor_state(state.SerializeAsString());
  enrollment.set_create_micros(now_micros);
  enrollment.set_confirm_micros(now_micros);
}

// As BeginEnrollment and ConfirmEnrollment leave it.
void AddEnrollment(const Population& population, uint64_t member,
                   int64_t now_micros, MemberRecord& record) {
  TotpStateRecord state;
  state.set_secret(population.SeedOf(member));
  state.set_algorithm(v1::TOTP_ALGORITHM_SHA1);
  state.set_digits(static_cast<uint32_t>(population.digits));
  state.set_period_seconds(kStepSeconds);
  EnrollmentRecord& enrollment = *record.add_enrollments();
  enrollment.set_enrollment_id(absl::BytesToHexString(
      DigestOf(population, "enrollment", member).substr(0, 16)));
  enrollment.set_factor_type("totp");
  enrollment.set_label("work phone");
  enrollment.set_confirmed(true);
  record::v1::AttributesRecord attributes_record;
  auto& attributes = *attributes_record.mutable_attributes();
  attributes["algorithm"] = "SHA1";
  attributes["digits"] = absl::StrCat(population.digits);
  attributes["period"] = absl::StrCat(kStepSeconds, "s");
  attributes["strict_window"] = "false";
  attributes_record.SerializeToString(enrollment.mutable_attributes());
  enrollment.set_factor_state_version(1);
  enrollment.set_factor_state(state.SerializeAsString());
  // The code that confirmed it: of two hours ago.
  enrollment.set_accepted_counter(now_micros / 1'000'000 / kStepSeconds - 240);
  enrollment.set_has_accepted_counter(true);
  enrollment.set_create_micros(now_micros);
  enrollment.set_confirm_micros(now_micros);
}

template <typename RecordProto>
void Put(std::string key, RecordProto& record,
         storage::Transaction& transaction) {
  record.set_version(services::kRecordVersion);
  transaction.Put(key, record.SerializeAsString());
}

void PutAccount(const Population& population, uint64_t member,
                int64_t now_micros, storage::Transaction& transaction) {
  AccountRecord account;
  account.set_account_id(population.AccountId(member));
  account.set_create_micros(now_micros);
  account.set_update_micros(now_micros);
  Put(services::AccountKey(account.account_id()), account, transaction);
  RosterRecord roster;
  Put(services::RosterKey(account.account_id()), roster, transaction);
}

void PutMember(const Population& population, uint64_t member,
               int64_t now_micros, storage::Transaction& transaction) {
  MemberRecord record;
  record.set_account_id(population.AccountId(member));
  record.set_member_id(population.MemberId(member));
  record.set_role(v1::MEMBER_ROLE_MEMBER);
  record.set_create_micros(now_micros);
  record.set_update_micros(now_micros);
  if (population.phones) {
    AddPhone(population, member, now_micros, record);
  } else if (population.enrolled) {
    AddEnrollment(population, member, now_micros, record);
  }
  Put(services::MemberKey(record.account_id(), record.member_id()), record,
      transaction);
}

}  // namespace

std::string Population::AccountId(uint64_t member) const {
  return absl::StrCat(name, "-", member / members_per_account);
}

std::string Population::MemberId(uint64_t member) const {
  return absl::StrFormat("member-%07d", member);
}

std::string Population::SeedOf(uint64_t member) const {
  return DigestOf(*this, "seed", member).substr(0, kSeedBytes);
}

Secret Population::CodeOf(uint64_t member, int64_t step) const {
  return factors::totp::HotpCode(factors::totp::HashAlgorithm::kSha1,
                                 SeedOf(member), static_cast<uint64_t>(step),
                                 digits);
}

absl::Status Seed(const std::string& data_dir, const Population& population) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make ", data_dir, ": ", error.message()));
  }
  const SystemClock clock;
  SystemRandomness randomness;
  storage::RocksDbOptions options;
  options.path = absl::StrCat(data_dir, "/store");
  ASSIGN_OR_RETURN(auto rocksdb, storage::RocksDbStore::Open(options, clock));
  ASSIGN_OR_RETURN(
      const auto store,
      storage::OpenSealedStore(
          std::move(rocksdb), absl::StrCat(data_dir, "/key_ring"), randomness));
  const int64_t now_micros = absl::ToUnixMicros(clock.Now());
  for (uint64_t member = 0; member < population.members;) {
    storage::Transaction transaction;
    const uint64_t end =
        std::min(member + kMembersPerTransaction, population.members);
    for (; member < end; ++member) {
      if (member % population.members_per_account == 0) {
        PutAccount(population, member, now_micros, transaction);
      }
      PutMember(population, member, now_micros, transaction);
    }
    RETURN_IF_ERROR(storage::CommitAndWait(*store, std::move(transaction)));
  }
  return absl::OkStatus();
}

}  // namespace cofactor::benchmark
