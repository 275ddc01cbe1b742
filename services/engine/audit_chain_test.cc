// What VerifyAuditChain finds of a log that somebody laid hands on in the
// store.

#include <string>
#include <utility>
#include <vector>

#include "base/errors.h"
#include "base/randomness.h"
#include "gtest/gtest.h"
#include "services/engine/audit_engine.h"
#include "services/engine/audit_log.h"
#include "services/engine/keys.h"
#include "services/engine/verification_engine.h"
#include "storage/log.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

// As the harness keeps events.
constexpr absl::Duration kRetention = absl::Hours(24 * 400);

class AuditChainTest : public testing::Test {
 protected:
  AuditChainTest() {
    harness_.CreateMember("acme", "ada");
    AddEvents(18);
  }

  void AddEvents(int count) {
    for (int i = 0; i < count; ++i) {
      (void)harness_.Verify("acme", "ada", "123456");
    }
  }

  absl::StatusOr<v1::VerifyAuditChainResponse> Check(
      uint64_t after_sequence = 0, const std::string& after_link = "") {
    v1::VerifyAuditChainRequest request;
    request.set_after_sequence(after_sequence);
    request.set_after_link(after_link);
    return harness_.Call(&AuditEngine::VerifyAuditChain, request);
  }

  // What the check says of a log that is not whole.
  void ExpectBrokenAt(uint64_t sequence, uint64_t after_sequence = 0,
                      const std::string& after_link = "") {
    const absl::Status status = Check(after_sequence, after_link).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_EQ(ErrorReason(status), "AUDIT_CHAIN_BROKEN");
    EXPECT_NE(status.message().find("event " + std::to_string(sequence) + ":"),
              std::string::npos)
        << status;
  }

  storage::Record Raw(const std::string& key) {
    const auto record = harness_.store().GetSnapshot()->Get(key);
    EXPECT_TRUE(record.ok() && record->exists());
    return *record;
  }
  storage::Record RawEvent(uint64_t sequence) {
    return Raw(storage::LogKey(kAuditLog, sequence));
  }

  void Put(const std::string& key, std::string value, absl::Time expire_time) {
    storage::Transaction transaction;
    transaction.Put(key, std::move(value), expire_time);
    ASSERT_TRUE(
        storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  }
  void PutEvent(uint64_t sequence, std::string value) {
    const absl::Time expire_time = RawEvent(sequence).expire_time;
    Put(storage::LogKey(kAuditLog, sequence), std::move(value), expire_time);
  }
  void Remove(uint64_t sequence) {
    storage::Transaction transaction;
    transaction.Delete(storage::LogKey(kAuditLog, sequence));
    ASSERT_TRUE(
        storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  }
  void RemoveUpTo(uint64_t sequence) {
    for (uint64_t i = 1; i <= sequence; ++i) Remove(i);
  }

  // Where the log would end if this were its last event.
  storage::LogHead HeadAt(uint64_t sequence) {
    const storage::Record record = RawEvent(sequence);
    return {sequence, storage::DecodeLogRecord(sequence, record.value)->link,
            record.expire_time};
  }
  void PutHead(const storage::LogHead& head) {
    Put(storage::LogHeadKey(kAuditLog), storage::EncodeLogHead(head),
        absl::InfiniteFuture());
  }

  // Writes another event than the one that is there, with the link that it has
  // to have, as somebody can who holds the keys of the store.
  void Forge(uint64_t sequence) {
    const storage::Record record = RawEvent(sequence);
    const storage::Entry entry{storage::LogKey(kAuditLog, sequence), record};
    record::v1::AuditRecord event = DecodeEvent(entry)->record;
    event.set_member_id("mallory");
    storage::Transaction transaction;
    SeededRandomness randomness(2);
    AuditLog(randomness, kRetention).Append(event, harness_.now(), transaction);
    storage::LogHead head = HeadAt(sequence - 1);
    const storage::Transaction::Write write =
        storage::Place(transaction.appends()[0], head);
    PutEvent(sequence, write.value);
  }

  EngineHarness harness_;
  // Of the fixture.
  static constexpr uint64_t kLast = 20;
};

TEST_F(AuditChainTest, IsWholeFromTheFirstEventToTheLast) {
  const auto checked = Check();
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->first_sequence(), 1u);
  EXPECT_EQ(checked->last_sequence(), kLast);
  EXPECT_EQ(checked->last_link(), HeadAt(kLast).link);
  EXPECT_TRUE(checked->complete());
  AddEvents(3);
  const auto more = Check(checked->last_sequence(), checked->last_link());
  ASSERT_TRUE(more.ok()) << more.status();
  EXPECT_EQ(more->first_sequence(), kLast + 1);
  EXPECT_EQ(more->last_sequence(), kLast + 3);
  EXPECT_TRUE(more->complete());
}

TEST_F(AuditChainTest, AnEmptyLogIsWhole) {
  EngineHarness harness;
  const auto checked = harness.Call(&AuditEngine::VerifyAuditChain,
                                    v1::VerifyAuditChainRequest());
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->last_sequence(), 0u);
  EXPECT_TRUE(checked->complete());
}

TEST_F(AuditChainTest, ALongLogIsCheckedInPages) {
  AddEvents(4'500);
  int pages = 0;
  v1::VerifyAuditChainResponse checked;
  do {
    const auto next = Check(checked.last_sequence(), checked.last_link());
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_EQ(next->first_sequence(), checked.last_sequence() + 1);
    ASSERT_GT(next->last_sequence(), checked.last_sequence());
    checked = *next;
    ++pages;
  } while (!checked.complete());
  EXPECT_EQ(checked.last_sequence(), kLast + 4'500);
  EXPECT_GT(pages, 1);
  // In a later page too.
  const auto first = Check();
  PutEvent(first->last_sequence() + 1, RawEvent(1).value);
  ASSERT_TRUE(Check().ok());
  ExpectBrokenAt(first->last_sequence() + 1, first->last_sequence(),
                 first->last_link());
}

TEST_F(AuditChainTest, FindsEachBitThatIsChanged) {
  for (const uint64_t sequence : {uint64_t{1}, uint64_t{7}, kLast}) {
    const std::string value = RawEvent(sequence).value;
    for (size_t i = 0; i < value.size(); ++i) {
      std::string changed = value;
      changed[i] ^= 1;
      PutEvent(sequence, changed);
      const auto checked = Check();
      EXPECT_EQ(ErrorReason(checked.status()), "AUDIT_CHAIN_BROKEN")
          << "byte " << i << " of event " << sequence;
    }
    PutEvent(sequence, value);
    ASSERT_TRUE(Check().ok());
  }
}

TEST_F(AuditChainTest, FindsAForgedEventByTheLinkAfterIt) {
  Forge(7);
  ExpectBrokenAt(8);
}

TEST_F(AuditChainTest, FindsAForgedLastEventByTheEndOfTheLog) {
  Forge(kLast);
  ExpectBrokenAt(kLast);
}

TEST_F(AuditChainTest, FindsAnEventThatIsRemovedInTheMiddle) {
  Remove(7);
  ExpectBrokenAt(7);
}

TEST_F(AuditChainTest, FindsEventsThatAreRemovedAtTheFrontBeforeTheirTime) {
  RemoveUpTo(3);
  ExpectBrokenAt(3);
  harness_.clock().Advance(kRetention - absl::Microseconds(1));
  ExpectBrokenAt(3);
}

TEST_F(AuditChainTest, FindsEventsThatAreSaidToHaveEnded) {
  RemoveUpTo(3);
  // The first one that is left says that the one before it ended long ago.
  const std::string key = storage::LogKey(kAuditLog, 4);
  std::string value = Raw(key).value;
  value.replace(storage::kLogLinkBytes - 8, 8, 8, '\0');
  storage::Transaction transaction;
  transaction.Put(key, value);
  ASSERT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  ExpectBrokenAt(4);
}

TEST_F(AuditChainTest, FindsThatAllEventsAreRemovedBeforeTheirTime) {
  RemoveUpTo(kLast);
  ExpectBrokenAt(kLast);
}

TEST_F(AuditChainTest, FindsAMissingTailByTheEndOfTheLog) {
  Remove(kLast);
  ExpectBrokenAt(kLast);
}

TEST_F(AuditChainTest, FindsATailThatIsCutOffByWhatWasSeenOfIt) {
  const auto seen = Check();
  ASSERT_TRUE(seen.ok());
  const storage::LogHead earlier = HeadAt(kLast - 2);
  Remove(kLast);
  Remove(kLast - 1);
  PutHead(earlier);
  // Of itself it is a whole log.
  EXPECT_TRUE(Check().ok());
  ExpectBrokenAt(kLast, seen->last_sequence(), seen->last_link());
}

TEST_F(AuditChainTest, FindsATailThatIsWrittenAnewByWhatWasSeenOfIt) {
  const auto seen = Check();
  ASSERT_TRUE(seen.ok());
  Forge(kLast);
  PutHead(HeadAt(kLast));
  EXPECT_TRUE(Check().ok());
  ExpectBrokenAt(kLast, seen->last_sequence(), seen->last_link());
}

TEST_F(AuditChainTest, FindsATailThatIsWrittenAnewAndGrewSince) {
  const auto seen = Check(kLast - 1, HeadAt(kLast - 1).link);
  ASSERT_TRUE(seen.ok());
  const std::string link_then = HeadAt(kLast - 1).link;
  Forge(kLast - 1);
  Forge(kLast);
  PutHead(HeadAt(kLast));
  EXPECT_TRUE(Check().ok());
  ExpectBrokenAt(kLast, kLast - 1, link_then);
}

TEST_F(AuditChainTest, FindsTwoEventsThatAreSwapped) {
  const std::string seventh = RawEvent(7).value;
  PutEvent(7, RawEvent(8).value);
  PutEvent(8, seventh);
  ExpectBrokenAt(7);
}

TEST_F(AuditChainTest, FindsAnEventThatIsThereTwice) {
  PutEvent(8, RawEvent(7).value);
  ExpectBrokenAt(8);
}

TEST_F(AuditChainTest, AcceptsEventsThatEndedByTheirRetention) {
  const auto seen_early = Check();
  harness_.clock().Advance(absl::Hours(24));
  AddEvents(5);
  harness_.clock().Advance(kRetention - absl::Hours(24));
  // Before and after they are removed.
  for (int round = 0; round < 2; ++round) {
    const auto checked = Check();
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->first_sequence(), kLast + 1);
    EXPECT_EQ(checked->last_sequence(), kLast + 5);
    EXPECT_TRUE(checked->complete());
    const auto since =
        Check(seen_early->last_sequence(), seen_early->last_link());
    ASSERT_TRUE(since.ok()) << since.status();
    EXPECT_TRUE(since->complete());
    ASSERT_TRUE(harness_.store().RemoveExpired(1'000).ok());
  }
  // One more than has ended.
  Remove(kLast + 1);
  ExpectBrokenAt(kLast + 1);
}

TEST_F(AuditChainTest, AcceptsThatAllEventsHaveEndedAndGoesOn) {
  const auto seen = Check();
  harness_.clock().Advance(kRetention);
  ASSERT_TRUE(harness_.store().RemoveExpired(1'000).ok());
  const auto ended = Check();
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(ended->complete());
  EXPECT_EQ(ended->last_sequence(), kLast);
  EXPECT_EQ(ended->last_link(), seen->last_link());
  ExpectBrokenAt(kLast, kLast, std::string(32, 'x'));
  AddEvents(1);
  const auto next = Check(ended->last_sequence(), ended->last_link());
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_EQ(next->last_sequence(), kLast + 1);
  EXPECT_TRUE(Check().ok());
}

TEST_F(AuditChainTest, ListsFromATimeBehindEventsThatHaveEnded) {
  harness_.clock().Advance(absl::Hours(24));
  AddEvents(5);
  harness_.clock().Advance(kRetention - absl::Hours(24));
  AddEvents(1);
  v1::ListAuditEventsRequest request;
  request.mutable_filter()->mutable_start_time()->set_seconds(
      absl::ToUnixSeconds(harness_.now()));
  const auto listed = harness_.Call(&AuditEngine::ListAuditEvents, request);
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->events_size(), 1);
  EXPECT_EQ(listed->events(0).sequence(), kLast + 6);
}

TEST_F(AuditChainTest, WantsTheLinkThatGoesWithTheSequence) {
  EXPECT_EQ(ErrorReason(Check(3, "").status()), "INVALID_FIELD");
  EXPECT_EQ(ErrorReason(Check(3, std::string(31, 'x')).status()),
            "INVALID_FIELD");
  ExpectBrokenAt(4, 3, std::string(32, 'x'));
}

}  // namespace
}  // namespace cofactor::services
