#include "services/engine/audit_engine.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "base/status_macros.h"
#include "services/engine/audit_log.h"
#include "services/engine/input.h"
#include "services/engine/keys.h"
#include "storage/log.h"

namespace cofactor::services {
namespace {

// Some ten milliseconds of work.
constexpr size_t kMaxLookedAt = 2'000;
constexpr uint64_t kMaxVerified = 2'000;

absl::StatusOr<storage::LogHead> ReadHead(const storage::Snapshot& snapshot) {
  ASSIGN_OR_RETURN(const storage::Record raw,
                   snapshot.Get(storage::LogHeadKey(kAuditLog)));
  if (!raw.exists()) return storage::LogHead();
  return storage::DecodeLogHead(raw.value);
}

// The oldest event that is still there, or the one after the last.
absl::StatusOr<uint64_t> FirstSequence(const storage::Snapshot& snapshot,
                                       uint64_t last) {
  ASSIGN_OR_RETURN(const auto entries,
                   snapshot.Scan(storage::LogPrefix(kAuditLog), "", 1));
  return entries.empty() ? last + 1 : storage::SequenceOf(entries[0].key);
}

// Events stand in the order of their commits, which is that of their times but
// for the milliseconds that a commit takes.
constexpr absl::Duration kDisorder = absl::Minutes(1);

// The last event that is surely older than the time, by halving.
absl::StatusOr<uint64_t> LastBefore(const storage::Snapshot& snapshot,
                                    absl::Time time) {
  ASSIGN_OR_RETURN(const storage::LogHead head, ReadHead(snapshot));
  ASSIGN_OR_RETURN(uint64_t first, FirstSequence(snapshot, head.sequence));
  uint64_t end = head.sequence + 1;
  while (first < end) {
    const uint64_t middle = first + (end - first) / 2;
    const std::string key = storage::LogKey(kAuditLog, middle);
    ASSIGN_OR_RETURN(storage::Record raw, snapshot.Get(key));
    if (!raw.exists()) {
      first = middle + 1;
      continue;
    }
    const storage::Entry entry{key, std::move(raw)};
    ASSIGN_OR_RETURN(const LoggedEvent event, DecodeEvent(entry));
    if (absl::FromUnixMicros(event.record.time_micros()) + kDisorder < time) {
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return first - 1;
}

absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) +
         absl::Nanoseconds(timestamp.nanos());
}

bool Passes(const v1::AuditFilter& filter,
            const record::v1::AuditRecord& event) {
  const absl::Time time = absl::FromUnixMicros(event.time_micros());
  return (filter.account_id().empty() ||
          filter.account_id() == event.account_id()) &&
         (filter.member_id().empty() ||
          filter.member_id() == event.member_id()) &&
         (filter.client_id().empty() ||
          filter.client_id() == event.client_id()) &&
         (filter.action().empty() || filter.action() == event.action()) &&
         (filter.result() == v1::AUDIT_RESULT_UNSPECIFIED ||
          static_cast<uint32_t>(filter.result()) == event.result()) &&
         (!filter.has_start_time() || time >= TimeOf(filter.start_time())) &&
         (!filter.has_end_time() || time < TimeOf(filter.end_time()));
}

absl::StatusOr<uint64_t> SequenceOfToken(absl::string_view token) {
  uint64_t sequence = 0;
  if (!absl::SimpleAtoi(token, &sequence)) {
    return InvalidField("page_token", "is none that this server gave");
  }
  return sequence;
}

absl::Status Broken(uint64_t sequence, absl::string_view what) {
  return MakeError(absl::StatusCode::kDataLoss, "AUDIT_CHAIN_BROKEN",
                   absl::StrCat("the audit log is not whole at event ",
                                sequence, ": ", what));
}

// Checks one event behind a head that is known to be right, and moves the head
// on.
absl::Status VerifyEvent(const storage::Snapshot& snapshot, absl::Time now,
                         bool is_first, storage::LogHead& head) {
  const uint64_t sequence = head.sequence + 1;
  const std::string key = storage::LogKey(kAuditLog, sequence);
  absl::StatusOr<storage::Record> raw = snapshot.Get(key);
  if (absl::IsDataLoss(raw.status())) {
    return Broken(sequence, "it was changed");
  }
  RETURN_IF_ERROR(raw.status());
  if (!raw->exists()) return Broken(sequence, "it is missing");
  const storage::Entry entry{key, *std::move(raw)};
  const absl::StatusOr<LoggedEvent> event = DecodeEvent(entry);
  if (!event.ok()) return Broken(sequence, "it was changed");
  const storage::LogHead& previous = event->place.previous;
  if (storage::NextLink(previous, event->digest) != event->place.link) {
    return Broken(sequence, "its link does not belong to it");
  }
  // What stands before the first one has to have ended by its retention.
  if (is_first && sequence > 1 && previous.expire_time > now) {
    return Broken(sequence - 1, "it was removed before its time");
  }
  if (!is_first && previous.link != head.link) {
    return Broken(sequence, "its link does not follow from the one before");
  }
  head.sequence = sequence;
  head.link = event->place.link;
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckFilter(const v1::AuditFilter& filter) {
  RETURN_IF_ERROR(CheckOptionalId("filter.account_id", filter.account_id()));
  RETURN_IF_ERROR(CheckOptionalId("filter.member_id", filter.member_id()));
  RETURN_IF_ERROR(CheckOptionalId("filter.client_id", filter.client_id()));
  if (!filter.member_id().empty() && filter.account_id().empty()) {
    return InvalidField("filter.member_id", "needs the account_id beside it");
  }
  if (!v1::AuditResult_IsValid(filter.result())) {
    return InvalidField("filter.result", "want a name of AuditResult");
  }
  return absl::OkStatus();
}

absl::StatusOr<EventsAfter> ReadEventsAfter(const storage::Snapshot& snapshot,
                                            const Caller& caller,
                                            const v1::AuditFilter& filter,
                                            uint64_t sequence,
                                            size_t max_events,
                                            size_t max_looked_at) {
  EventsAfter found;
  found.sequence = sequence;
  ASSIGN_OR_RETURN(
      const auto entries,
      snapshot.Scan(storage::LogPrefix(kAuditLog),
                    storage::LogKey(kAuditLog, sequence), max_looked_at));
  for (const storage::Entry& entry : entries) {
    if (found.events.size() == max_events) return found;
    found.sequence = storage::SequenceOf(entry.key);
    ASSIGN_OR_RETURN(const LoggedEvent event, DecodeEvent(entry));
    const bool may_see = !caller.LimitedToAccounts() ||
                         caller.MayTouch(event.record.account_id());
    if (may_see && Passes(filter, event.record)) {
      found.events.push_back(ViewOf(found.sequence, event));
    }
  }
  found.at_end = entries.size() < max_looked_at;
  return found;
}

absl::StatusOr<uint64_t> LastSequence(const storage::Snapshot& snapshot) {
  ASSIGN_OR_RETURN(const storage::LogHead head, ReadHead(snapshot));
  return head.sequence;
}

absl::Status AuditEngine::ListAuditEvents(
    Plan& plan, const v1::ListAuditEventsRequest& request,
    v1::ListAuditEventsResponse& response) const {
  RETURN_IF_ERROR(CheckFilter(request.filter()));
  ASSIGN_OR_RETURN(const size_t size, PageSize(request.page_size()));
  uint64_t after = 0;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(after, SequenceOfToken(request.page_token()));
  } else if (request.filter().has_start_time()) {
    ASSIGN_OR_RETURN(after, LastBefore(plan.snapshot(),
                                       TimeOf(request.filter().start_time())));
  }
  ASSIGN_OR_RETURN(
      EventsAfter found,
      ReadEventsAfter(plan.snapshot(), plan.caller(), request.filter(), after,
                      size, kMaxLookedAt));
  for (v1::AuditEvent& event : found.events) {
    *response.add_events() = std::move(event);
  }
  if (!found.at_end) {
    response.set_next_page_token(absl::StrCat(found.sequence));
  }
  return absl::OkStatus();
}

absl::Status AuditEngine::VerifyAuditChain(
    Plan& plan, const v1::VerifyAuditChainRequest& request,
    v1::VerifyAuditChainResponse& response) const {
  const storage::Snapshot& snapshot = plan.snapshot();
  ASSIGN_OR_RETURN(const storage::LogHead end, ReadHead(snapshot));
  storage::LogHead head;
  bool is_first = false;
  if (request.after_sequence() != 0) {
    if (request.after_link().size() != storage::kChainBytes) {
      return InvalidField("after_link",
                          "want the last_link that came with last_sequence");
    }
    if (request.after_sequence() > end.sequence) {
      return Broken(request.after_sequence(), "the log was cut off before it");
    }
    head.sequence = request.after_sequence();
    head.link = request.after_link();
    if (head.sequence == end.sequence && head.link != end.link) {
      return Broken(end.sequence, "its link is another than it was");
    }
  }
  ASSIGN_OR_RETURN(const uint64_t oldest,
                   FirstSequence(snapshot, end.sequence));
  if (oldest > head.sequence + 1) {
    head.sequence = oldest - 1;
    is_first = true;
  }
  if (oldest > end.sequence && end.expire_time > plan.now()) {
    return Broken(end.sequence, "it was removed before its time");
  }
  response.set_first_sequence(head.sequence + 1);
  const uint64_t last = std::min(end.sequence, head.sequence + kMaxVerified);
  while (head.sequence < last) {
    RETURN_IF_ERROR(VerifyEvent(snapshot, plan.now(), is_first, head));
    is_first = false;
  }
  response.set_complete(head.sequence == end.sequence);
  if (head.sequence >= oldest && response.complete() && head.link != end.link) {
    return Broken(end.sequence,
                  "its link is not the one that the log ends with");
  }
  response.set_last_sequence(head.sequence);
  response.set_last_link(response.complete() ? end.link : head.link);
  return absl::OkStatus();
}

}  // namespace cofactor::services
