#include "services/engine/export_engine.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/sealed_box.h"
#include "base/status_macros.h"
#include "cofactor/v1/audit.pb.h"
#include "services/engine/enrollment_secrets.h"
#include "services/engine/export_format.h"
#include "services/engine/import_merge.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "services/engine/lookup.h"
#include "services/engine/rules.h"
#include "services/engine/views.h"

namespace cofactor::services {
namespace {

using ::cofactor::record::v1::AccountRecord;
using ::cofactor::record::v1::CodeOnlyRecord;
using ::cofactor::record::v1::EnrollmentRecord;
using ::cofactor::record::v1::ImportKeyRecord;
using ::cofactor::record::v1::MemberRecord;

// Tag and length of a member in a page.
constexpr size_t kFramingBytes = 5;

absl::StatusOr<Stored<ImportKeyRecord>> ReadImportKey(Plan& plan) {
  ASSIGN_OR_RETURN(auto key, plan.Read<ImportKeyRecord>(kImportKey));
  if (key.exists() && key.record.private_key().size() != kBoxKeyBytes) {
    return absl::DataLossError("the import key in the store is damaged");
  }
  return key;
}

absl::StatusOr<ClearExport> Open(Plan& plan, absl::string_view sealed) {
  if (sealed.empty()) return InvalidField("sealed_export", "is required");
  if (sealed.size() < kSealOverheadBytes) {
    return DamagedExport("it is too short for a sealed box");
  }
  ASSIGN_OR_RETURN(const auto key, ReadImportKey(plan));
  if (key.exists()) {
    const auto opened =
        OpenSealed(Secret(absl::string_view(key.record.private_key())), sealed);
    if (opened.ok()) return ParseExport(*opened);
  }
  // A box does not tell the two apart.
  return InvalidField("sealed_export",
                      "is not sealed to this server's import key, or was "
                      "changed since: see GetImportKey");
}

// Writes the account, if it is not here.
absl::Status ImportAccountRecord(Plan& plan, AccountRecord theirs,
                                 v1::ImportAccountResponse& response) {
  const std::string key = AccountKey(theirs.account_id());
  ASSIGN_OR_RETURN(const auto ours, plan.Read<AccountRecord>(key));
  response.set_account_id(theirs.account_id());
  if (ours.exists()) return absl::OkStatus();
  plan.Write(key, theirs);
  response.set_account_created(true);
  return absl::OkStatus();
}

absl::Status ImportCodeOnly(Plan& plan, absl::string_view account_id,
                            const CodeOnlyRecord& theirs) {
  const std::string key = CodeOnlyKey(account_id);
  ASSIGN_OR_RETURN(auto ours, plan.Read<CodeOnlyRecord>(key));
  if (MergeCodeOnly(theirs, ours.record)) plan.Write(key, ours.record);
  return absl::OkStatus();
}

}  // namespace

absl::Status ExportEngine::GetImportKey(
    Plan& plan, const v1::GetImportKeyRequest& request,
    v1::GetImportKeyResponse& response) const {
  ASSIGN_OR_RETURN(auto key, ReadImportKey(plan));
  if (!key.exists()) {
    key.record.set_private_key(
        std::string(randomness_.DrawSecret(kBoxKeyBytes).ExposeSecret()));
    plan.Write(kImportKey, key.record);
  }
  response.set_public_key(
      BoxPublicKey(Secret(absl::string_view(key.record.private_key()))));
  return absl::OkStatus();
}

absl::Status ExportEngine::ExportAccount(
    Plan& plan, const v1::ExportAccountRequest& request,
    v1::ExportAccountResponse& response) const {
  RETURN_IF_ERROR(CheckId("account_id", request.account_id()));
  if (request.recipient_public_key().size() != kBoxKeyBytes) {
    return InvalidField("recipient_public_key",
                        "want the 32 bytes of an X25519 public key");
  }
  const std::string prefix = MemberPrefix(request.account_id());
  ASSIGN_OR_RETURN(std::string last, StartAfter(prefix, request.page_token()));
  ASSIGN_OR_RETURN(const auto account, ReadAccount(plan, request.account_id()));
  // No conditions from here on: the snapshot is of one moment, and a page need
  // not be newer than that.
  ASSIGN_OR_RETURN(storage::Record raw,
                   plan.snapshot().Get(CodeOnlyKey(request.account_id())));
  ASSIGN_OR_RETURN(const auto code_only,
                   Decode<CodeOnlyRecord>(std::move(raw)));
  ClearExport clear;
  ToExport(account.record, code_only.record, clear.page);
  *clear.page.mutable_export_time() = ToTimestamp(plan.now());

  // One more than a page holds, to know whether there is a next one.
  ASSIGN_OR_RETURN(std::vector<storage::Entry> entries,
                   plan.snapshot().Scan(prefix, last, kMaxExportedMembers + 1));
  const absl::Cleanup wipe = [&entries] {
    for (storage::Entry& entry : entries) Wipe(entry.record.value);
  };
  size_t bytes = clear.page.ByteSizeLong();
  for (storage::Entry& entry : entries) {
    ASSIGN_OR_RETURN(const auto member,
                     Decode<MemberRecord>(std::move(entry.record)));
    v1::MemberExport& exported = *clear.page.add_members();
    RETURN_IF_ERROR(ToExport(member.record, exported));
    bytes += exported.ByteSizeLong() + kFramingBytes;
    const int members = clear.page.members_size();
    if (members > kMaxExportedMembers ||
        (members > 1 && bytes > kMaxExportPageBytes)) {
      WipeSecrets(exported);
      clear.page.mutable_members()->RemoveLast();
      response.set_next_page_token(MakePageToken(last));
      break;
    }
    last = entry.key;
  }

  const Secret serialized(clear.page.SerializeAsString());
  absl::StatusOr<std::string> sealed =
      SealToKey(request.recipient_public_key(), serialized.ExposeSecret());
  if (!sealed.ok()) {
    return InvalidField("recipient_public_key",
                        "is no X25519 public key that can be sealed to");
  }
  response.set_sealed_export(*std::move(sealed));
  // It changes nothing, and must not go unseen.
  plan.audit().set_result(v1::AUDIT_RESULT_DONE);
  return absl::OkStatus();
}

absl::Status ExportEngine::ImportAccount(
    Plan& plan, const v1::ImportAccountRequest& request,
    v1::ImportAccountResponse& response) const {
  ASSIGN_OR_RETURN(const ClearExport clear,
                   Open(plan, request.sealed_export()));
  ASSIGN_OR_RETURN(AccountRecord account, AccountOf(clear.page));
  const std::string account_id = account.account_id();
  // The request names no account, so that nobody has asked yet.
  if (!plan.caller().MayTouch(account_id)) {
    return MakeError(absl::StatusCode::kPermissionDenied, "ACCOUNT_NOT_ALLOWED",
                     "this client may not touch this account");
  }
  plan.audit().set_account_id(account_id);
  RETURN_IF_ERROR(ImportAccountRecord(plan, std::move(account), response));
  ASSIGN_OR_RETURN(const CodeOnlyRecord code_only, CodeOnlyOf(clear.page));
  RETURN_IF_ERROR(ImportCodeOnly(plan, account_id, code_only));
  std::set<absl::string_view> seen;
  for (const v1::MemberExport& exported : clear.page.members()) {
    ASSIGN_OR_RETURN(auto member, MemberOf(account_id, exported));
    if (!seen.insert(exported.member_id()).second) {
      return DamagedExport("a member stands in it twice");
    }
    RETURN_IF_ERROR(ImportMember(plan, member.record, response));
  }
  // Nothing may have changed, and it is told of all the same.
  plan.audit().set_result(v1::AUDIT_RESULT_DONE);
  // The event is about the account, not about the last member that was read.
  plan.audit().clear_member_id();
  if (response.members_created() > 0 || response.enrollments_created() > 0) {
    ChangeRoster(plan, account_id);
  }
  return absl::OkStatus();
}

absl::Status ExportEngine::ImportMember(
    Plan& plan, MemberRecord& theirs,
    v1::ImportAccountResponse& response) const {
  ASSIGN_OR_RETURN(auto ours,
                   FindMember(plan, theirs.account_id(), theirs.member_id()));
  // Apart, so that the rest can be copied without a seed.
  Stored<MemberRecord> bound;
  bound.record.mutable_enrollments()->Swap(theirs.mutable_enrollments());
  bool changed = false;
  if (!ours.exists()) {
    ours.record = theirs;
    // As old as it was, it could be taken for a member of this id who was
    // removed here: what was granted to that one must not come back.
    const uint64_t generation = absl::ToUnixMicros(plan.now());
    ours.record.set_session_generation(generation);
    ours.record.set_device_generation(generation);
    response.set_members_created(response.members_created() + 1);
  } else {
    changed = MergeMember(theirs, ours.record);
    if (changed) ours.record.set_update_micros(absl::ToUnixMicros(plan.now()));
  }
  for (EnrollmentRecord& enrollment : *bound.record.mutable_enrollments()) {
    const factors::Factor* factor = registry_.Find(enrollment.factor_type());
    if (factor == nullptr) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition, "UNKNOWN_FACTOR",
          absl::StrCat("the member ", theirs.member_id(),
                       " has an enrollment of the factor ",
                       enrollment.factor_type(),
                       ", which this server does not know: add it first"));
    }
    EnrollmentRecord* const own =
        FindEnrollment(ours.record, enrollment.enrollment_id());
    if (own == nullptr) {
      RETURN_IF_ERROR(CheckState(*factor, enrollment, plan.now()));
      ours.record.add_enrollments()->Swap(&enrollment);
      response.set_enrollments_created(response.enrollments_created() + 1);
      changed = true;
      continue;
    }
    if (own->factor_type() != enrollment.factor_type() || !own->confirmed()) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition, "ENROLLMENT_CONFLICT",
          absl::StrCat("the member ", theirs.member_id(),
                       " has another enrollment with the id ",
                       enrollment.enrollment_id(), ": delete it first"));
    }
    if (MergeEnrollment(enrollment, factor->descriptor().replay_guard, *own)) {
      response.set_enrollments_updated(response.enrollments_updated() + 1);
      changed = true;
    }
  }
  if (ours.record.enrollments_size() > kMaxEnrollments) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "TOO_MANY_ENROLLMENTS",
        absl::StrCat("the member ", theirs.member_id(),
                     " would have more than ", kMaxEnrollments,
                     " enrollments, the most there may be: delete some first"));
  }
  if (ours.exists() && !changed) return absl::OkStatus();
  if (ours.exists()) {
    response.set_members_updated(response.members_updated() + 1);
  }
  plan.Write(MemberKey(theirs.account_id(), theirs.member_id()), ours.record);
  return absl::OkStatus();
}

absl::Status ExportEngine::CheckState(const factors::Factor& factor,
                                      const EnrollmentRecord& enrollment,
                                      absl::Time now) const {
  const factors::FactorState state = FactorStateOf(enrollment);
  const factors::FactorDescriptor& descriptor = factor.descriptor();
  absl::Status status;
  // One damaged state would keep the whole account from being verified by code
  // alone, so each is read once before it is taken, as its factor is used to.
  if (descriptor.identifies_member) {
    status = factor.ListAcceptableCodes(state, now).status();
  } else if (descriptor.needs_challenge) {
    status = factor.StartChallenge(state, now, randomness_).status();
  } else if (descriptor.replay_guard == factors::ReplayGuard::kCounter) {
    status = factor.HighestAcceptableCounter(state, now).status();
  } else {
    status =
        factor.Verify({state, v1::FactorResponse(), nullptr, now}).status();
    // Of the response, which is none.
    if (absl::IsInvalidArgument(status)) status = absl::OkStatus();
  }
  if (status.ok() || absl::IsFailedPrecondition(status)) return status;
  return DamagedExport("the state of an enrollment is not valid");
}

}  // namespace cofactor::services
