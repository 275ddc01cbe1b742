#include "services/engine/export_format.h"

#include <limits>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "cofactor/v1/account.pb.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/timestamp.pb.h"
#include "services/engine/input.h"
#include "services/engine/prompts.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::AccountRecord;
using ::cofactor::record::v1::CodeOnlyRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::MemberRecord;
using ::google::protobuf::Timestamp;
using FailureSpans = google::protobuf::RepeatedPtrField<v1::FailureSpan>;
using FailureCounts =
    google::protobuf::RepeatedPtrField<record::v1::FailureCount>;

constexpr int64_t kLastSecond = 253'402'300'799;  // Of the year 9999.

// More spans than the longest window has: 54 weeks.
constexpr int kMaxSpans = 64;
constexpr int kMaxFactorTypes = 64;

// Sets a timestamp from stored microseconds, where 0 is "not set".
template <typename Setter>
void PutTime(int64_t micros, Setter mutable_field) {
  if (micros != 0) {
    *mutable_field() = ToTimestamp(absl::FromUnixMicros(micros));
  }
}

// Microseconds of a time that is not set: 0.
absl::StatusOr<int64_t> Micros(const Timestamp& time) {
  if (time.seconds() < 0 || time.seconds() > kLastSecond || time.nanos() < 0 ||
      time.nanos() > 999'999'999) {
    return DamagedExport("a time is not in the years 1970 to 9999");
  }
  return time.seconds() * 1'000'000 + time.nanos() / 1'000;
}

void PutSpans(const FailureCounts& counts, FailureSpans& spans) {
  for (const record::v1::FailureCount& count : counts) {
    v1::FailureSpan& span = *spans.Add();
    span.set_span(count.span());
    span.set_failures(count.failures());
  }
}

absl::Status TakeSpans(const FailureSpans& spans, FailureCounts& counts) {
  if (spans.size() > kMaxSpans) {
    return DamagedExport("failures of too many days or weeks");
  }
  for (const v1::FailureSpan& span : spans) {
    // The numbers of spans are added to and multiplied: no overflow.
    if (span.span() < 0 || span.span() > std::numeric_limits<int32_t>::max() ||
        (!counts.empty() && counts[counts.size() - 1].span() >= span.span())) {
      return DamagedExport("days or weeks of failures are not in order");
    }
    record::v1::FailureCount& count = *counts.Add();
    count.set_span(span.span());
    count.set_failures(span.failures());
  }
  return absl::OkStatus();
}

// Passes a check of one field of the content.
absl::Status Inside(absl::string_view what, const absl::Status& check) {
  if (check.ok()) return check;
  return DamagedExport(absl::StrCat(what, " is not valid"));
}

absl::Status ToExport(const MemberRecord& member,
                      const EnrollmentRecord& enrollment,
                      v1::EnrollmentExport& exported) {
  record::v1::AttributesRecord attributes;
  if (!attributes.ParseFromString(enrollment.attributes())) {
    return absl::DataLossError("the attributes of an enrollment are damaged");
  }
  exported.mutable_attributes()->swap(*attributes.mutable_attributes());
  exported.set_enrollment_id(enrollment.enrollment_id());
  exported.set_factor_type(enrollment.factor_type());
  exported.set_label(enrollment.label());
  // Counts of prompts do not move. A stop must not be lost on the way: what was
  // stopped has to be bound again.
  exported.set_disabled(enrollment.disabled() ||
                        PromptsStopped(member, enrollment.factor_type()));
  exported.set_factor_state_version(enrollment.factor_state_version());
  exported.set_factor_state(enrollment.factor_state());
  if (enrollment.has_accepted_counter()) {
    exported.set_accepted_counter(enrollment.accepted_counter());
  }
  exported.set_consecutive_failures(enrollment.consecutive_failures());
  PutTime(enrollment.lock_until_micros(),
          [&] { return exported.mutable_lock_expire_time(); });
  PutTime(enrollment.create_micros(),
          [&] { return exported.mutable_create_time(); });
  PutTime(enrollment.confirm_micros(),
          [&] { return exported.mutable_confirm_time(); });
  PutTime(enrollment.last_verify_micros(),
          [&] { return exported.mutable_last_verify_time(); });
  return absl::OkStatus();
}

absl::Status FromExport(const v1::EnrollmentExport& exported,
                        EnrollmentRecord& enrollment) {
  RETURN_IF_ERROR(Inside("an enrollment id",
                         CheckId("enrollment_id", exported.enrollment_id())));
  RETURN_IF_ERROR(
      Inside("a factor type", CheckId("factor_type", exported.factor_type())));
  RETURN_IF_ERROR(
      Inside("a label", CheckText("label", exported.label(), kMaxLabelBytes)));
  enrollment.set_enrollment_id(exported.enrollment_id());
  enrollment.set_factor_type(exported.factor_type());
  enrollment.set_label(exported.label());
  enrollment.set_confirmed(true);
  enrollment.set_disabled(exported.disabled());
  record::v1::AttributesRecord attributes;
  *attributes.mutable_attributes() = exported.attributes();
  attributes.SerializeToString(enrollment.mutable_attributes());
  enrollment.set_factor_state_version(exported.factor_state_version());
  enrollment.set_factor_state(exported.factor_state());
  enrollment.set_has_accepted_counter(exported.has_accepted_counter());
  enrollment.set_accepted_counter(exported.accepted_counter());
  enrollment.set_consecutive_failures(exported.consecutive_failures());
  ASSIGN_OR_RETURN(const int64_t lock_until,
                   Micros(exported.lock_expire_time()));
  enrollment.set_lock_until_micros(lock_until);
  ASSIGN_OR_RETURN(const int64_t create, Micros(exported.create_time()));
  enrollment.set_create_micros(create);
  ASSIGN_OR_RETURN(const int64_t confirm, Micros(exported.confirm_time()));
  enrollment.set_confirm_micros(confirm);
  ASSIGN_OR_RETURN(const int64_t last_verify,
                   Micros(exported.last_verify_time()));
  enrollment.set_last_verify_micros(last_verify);
  return absl::OkStatus();
}

}  // namespace

ClearExport::~ClearExport() {
  for (v1::MemberExport& member : *page.mutable_members()) WipeSecrets(member);
}

void WipeSecrets(v1::MemberExport& member) {
  for (v1::EnrollmentExport& enrollment : *member.mutable_enrollments()) {
    Wipe(*enrollment.mutable_factor_state());
  }
}

absl::Status ToExport(const MemberRecord& member, v1::MemberExport& exported) {
  exported.set_member_id(member.member_id());
  exported.set_display_name(member.display_name());
  exported.set_role(static_cast<v1::MemberRole>(member.role()));
  exported.set_suspended(member.suspended());
  PutTime(member.valid_until_micros(),
          [&] { return exported.mutable_valid_until(); });
  PutTime(member.create_micros(),
          [&] { return exported.mutable_create_time(); });
  PutTime(member.update_micros(),
          [&] { return exported.mutable_update_time(); });
  for (const EnrollmentRecord& enrollment : member.enrollments()) {
    if (!enrollment.confirmed()) continue;
    RETURN_IF_ERROR(ToExport(member, enrollment, *exported.add_enrollments()));
  }
  for (const record::v1::FactorFailures& failures : member.failures()) {
    v1::FactorFailuresExport& factor = *exported.add_failures();
    factor.set_factor_type(failures.factor_type());
    PutSpans(failures.counts(), *factor.mutable_failed_days());
  }
  return absl::OkStatus();
}

void ToExport(const AccountRecord& account, const CodeOnlyRecord& code_only,
              v1::AccountExport& exported) {
  exported.set_format_version(kExportFormatVersion);
  exported.set_account_id(account.account_id());
  exported.set_display_name(account.display_name());
  PutTime(account.create_micros(),
          [&] { return exported.mutable_create_time(); });
  PutTime(account.update_micros(),
          [&] { return exported.mutable_update_time(); });
  v1::CodeOnlyExport& counters = *exported.mutable_code_only();
  counters.set_consecutive_failures(code_only.consecutive_failures());
  PutTime(code_only.lock_until_micros(),
          [&] { return counters.mutable_lock_expire_time(); });
  PutSpans(code_only.counts(), *counters.mutable_failed_weeks());
}

absl::StatusOr<ClearExport> ParseExport(const Secret& serialized) {
  const absl::string_view bytes = serialized.ExposeSecret();
  ClearExport clear;
  // An unknown version is told from damage, whatever else it may hold.
  const bool parsed =
      clear.page.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  if (parsed && clear.page.format_version() > kExportFormatVersion) {
    return InvalidField(
        "sealed_export",
        absl::StrCat("is of a later version: this server reads format ",
                     kExportFormatVersion, "; update it first"));
  }
  if (!parsed || clear.page.format_version() == 0) {
    return DamagedExport("it is no account export");
  }
  if (clear.page.members_size() > kMaxExportedMembers) {
    return DamagedExport("it holds too many members");
  }
  return clear;
}

absl::StatusOr<AccountRecord> AccountOf(const v1::AccountExport& exported) {
  RETURN_IF_ERROR(
      Inside("the account id", CheckId("account_id", exported.account_id())));
  RETURN_IF_ERROR(Inside(
      "the name of the account",
      CheckText("display_name", exported.display_name(), kMaxNameBytes)));
  AccountRecord account;
  account.set_account_id(exported.account_id());
  account.set_display_name(exported.display_name());
  ASSIGN_OR_RETURN(const int64_t create, Micros(exported.create_time()));
  account.set_create_micros(create);
  ASSIGN_OR_RETURN(const int64_t update, Micros(exported.update_time()));
  account.set_update_micros(update);
  return account;
}

absl::StatusOr<CodeOnlyRecord> CodeOnlyOf(const v1::AccountExport& exported) {
  const v1::CodeOnlyExport& counters = exported.code_only();
  CodeOnlyRecord code_only;
  code_only.set_consecutive_failures(counters.consecutive_failures());
  ASSIGN_OR_RETURN(const int64_t lock_until,
                   Micros(counters.lock_expire_time()));
  code_only.set_lock_until_micros(lock_until);
  RETURN_IF_ERROR(
      TakeSpans(counters.failed_weeks(), *code_only.mutable_counts()));
  return code_only;
}

absl::StatusOr<Stored<MemberRecord>> MemberOf(
    absl::string_view account_id, const v1::MemberExport& exported) {
  RETURN_IF_ERROR(
      Inside("a member id", CheckId("member_id", exported.member_id())));
  RETURN_IF_ERROR(Inside(
      "the name of a member",
      CheckText("display_name", exported.display_name(), kMaxNameBytes)));
  if (exported.role() == v1::MEMBER_ROLE_UNSPECIFIED ||
      !v1::MemberRole_IsValid(exported.role())) {
    return DamagedExport("the role of a member is not valid");
  }
  Stored<MemberRecord> member;
  MemberRecord& record = member.record;
  record.set_account_id(std::string(account_id));
  record.set_member_id(exported.member_id());
  record.set_display_name(exported.display_name());
  record.set_role(exported.role());
  record.set_suspended(exported.suspended());
  ASSIGN_OR_RETURN(const int64_t valid_until, Micros(exported.valid_until()));
  record.set_valid_until_micros(valid_until);
  ASSIGN_OR_RETURN(const int64_t create, Micros(exported.create_time()));
  record.set_create_micros(create);
  ASSIGN_OR_RETURN(const int64_t update, Micros(exported.update_time()));
  record.set_update_micros(update);
  std::set<absl::string_view> seen;
  for (const v1::EnrollmentExport& enrollment : exported.enrollments()) {
    RETURN_IF_ERROR(FromExport(enrollment, *record.add_enrollments()));
    if (!seen.insert(enrollment.enrollment_id()).second) {
      return DamagedExport("an enrollment stands in it twice");
    }
  }
  seen.clear();
  if (exported.failures_size() > kMaxFactorTypes) {
    return DamagedExport("a member has failures of too many factors");
  }
  for (const v1::FactorFailuresExport& failures : exported.failures()) {
    RETURN_IF_ERROR(Inside("a factor type",
                           CheckId("factor_type", failures.factor_type())));
    if (!seen.insert(failures.factor_type()).second) {
      return DamagedExport("the failures of a factor stand in it twice");
    }
    record::v1::FactorFailures& factor = *record.add_failures();
    factor.set_factor_type(failures.factor_type());
    RETURN_IF_ERROR(
        TakeSpans(failures.failed_days(), *factor.mutable_counts()));
  }
  return member;
}

absl::Status DamagedExport(absl::string_view what) {
  return InvalidField("sealed_export", absl::StrCat("is damaged: ", what));
}

}  // namespace cofactor::services
