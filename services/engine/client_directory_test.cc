#include "services/engine/client_directory.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/client_engine.h"
#include "services/engine/keys.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class ClientDirectoryTest : public testing::Test {
 protected:
  // Creates a client and returns its key.
  std::string Create(const std::string& client_id,
                     const std::vector<std::string>& identities = {}) {
    v1::CreateClientRequest request;
    request.mutable_client()->set_client_id(client_id);
    request.mutable_client()->add_scopes(v1::SCOPE_VERIFY);
    for (const std::string& identity : identities) {
      request.mutable_client()->add_tls_identities(identity);
    }
    const auto created = harness_.Call(&ClientEngine::CreateClient, request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.ok() ? created->api_key() : "";
  }

  std::string Rotate(const std::string& client_id, absl::Duration overlap) {
    v1::RotateClientKeyRequest request;
    request.set_client_id(client_id);
    request.mutable_overlap()->set_seconds(absl::ToInt64Seconds(overlap));
    const auto rotated = harness_.Call(&ClientEngine::RotateClientKey, request);
    EXPECT_TRUE(rotated.ok()) << rotated.status();
    return rotated.ok() ? rotated->api_key() : "";
  }

  void Load() { ASSERT_TRUE(directory_.Load(harness_.store()).ok()); }

  // Id of the client that the key opens for; empty if none.
  std::string ClientOf(const std::string& key) {
    const auto found = directory_.FindByApiKey(key, harness_.now());
    if (!found.ok()) {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kUnauthenticated);
      EXPECT_EQ(ErrorReason(found.status()), "BAD_CREDENTIALS");
      return "";
    }
    return (*found)->client_id;
  }

  std::string ClientOfTls(const std::vector<std::string>& identities) {
    const auto found = directory_.FindByTlsIdentities(identities);
    if (!found.ok()) {
      EXPECT_EQ(found.status().code(), absl::StatusCode::kUnauthenticated);
      EXPECT_EQ(ErrorReason(found.status()), "BAD_CREDENTIALS");
      return "";
    }
    return (*found)->client_id;
  }

  EngineHarness harness_;
  ClientDirectory directory_;
};

TEST_F(ClientDirectoryTest, KnowsNobodyBeforeItHasLoaded) {
  const std::string key = Create("web");
  EXPECT_EQ(ClientOf(key), "");
  Load();
  EXPECT_EQ(ClientOf(key), "web");
}

TEST_F(ClientDirectoryTest, TellsWhatTheClientMayDo) {
  v1::CreateClientRequest request;
  request.mutable_client()->set_client_id("web");
  request.mutable_client()->add_scopes(v1::SCOPE_VERIFY);
  request.mutable_client()->add_scopes(v1::SCOPE_AUDIT);
  request.mutable_client()->add_account_ids("acme");
  const auto created = harness_.Call(&ClientEngine::CreateClient, request);
  ASSERT_TRUE(created.ok());
  Load();
  const auto found =
      directory_.FindByApiKey(created->api_key(), harness_.now());
  ASSERT_TRUE(found.ok());
  const Caller caller{*found, "", ""};
  EXPECT_EQ(caller.client_id(), "web");
  for (int scope = 0; scope <= v1::Scope_MAX; ++scope) {
    EXPECT_EQ(caller.permissions->scopes.Has(static_cast<v1::Scope>(scope)),
              scope == v1::SCOPE_VERIFY || scope == v1::SCOPE_AUDIT)
        << scope;
  }
  EXPECT_TRUE(caller.LimitedToAccounts());
  EXPECT_TRUE(caller.MayTouch("acme"));
  EXPECT_FALSE(caller.MayTouch("beta"));
  EXPECT_FALSE(caller.MayTouch(""));
}

TEST_F(ClientDirectoryTest, AnOldKeyOpensToTheEndOfTheOverlapAndNoLonger) {
  const std::string old_key = Create("web");
  const std::string new_key = Rotate("web", absl::Hours(1));
  Load();
  EXPECT_NE(old_key, new_key);
  EXPECT_EQ(ClientOf(old_key), "web");
  EXPECT_EQ(ClientOf(new_key), "web");
  harness_.clock().Advance(absl::Hours(1) - absl::Microseconds(1));
  EXPECT_EQ(ClientOf(old_key), "web");
  harness_.clock().Advance(absl::Microseconds(1));
  EXPECT_EQ(ClientOf(old_key), "");
  EXPECT_EQ(ClientOf(new_key), "web");
}

TEST_F(ClientDirectoryTest, WithoutAnOverlapAnOldKeyOpensNothingAtOnce) {
  const std::string first = Create("web");
  const std::string second = Rotate("web", absl::Hours(1));
  const std::string third = Rotate("web", absl::ZeroDuration());
  Load();
  EXPECT_EQ(ClientOf(first), "");
  EXPECT_EQ(ClientOf(second), "");
  EXPECT_EQ(ClientOf(third), "web");
}

TEST_F(ClientDirectoryTest, ALaterRotationDoesNotLengthenAnOverlap) {
  const std::string first = Create("web");
  Rotate("web", absl::Hours(1));
  Rotate("web", absl::Hours(24));
  Load();
  harness_.clock().Advance(absl::Hours(1));
  EXPECT_EQ(ClientOf(first), "");
}

TEST_F(ClientDirectoryTest, ARevokedClientOpensNothing) {
  const std::string key = Create("web", {"dns:web.example.org"});
  const std::string other = Create("other");
  Load();
  EXPECT_EQ(ClientOfTls({"dns:web.example.org"}), "web");
  v1::RevokeClientRequest request;
  request.set_client_id("web");
  ASSERT_TRUE(harness_.Call(&ClientEngine::RevokeClient, request).ok());
  Load();
  EXPECT_EQ(ClientOf(key), "");
  EXPECT_EQ(ClientOfTls({"dns:web.example.org"}), "");
  EXPECT_EQ(ClientOf(other), "other");
}

TEST_F(ClientDirectoryTest, OpensNothingByWhatIsLeftInARevokedRecord) {
  const std::string key = Create("web", {"dns:web.example.org"});
  record::v1::ClientRecord client;
  ASSERT_TRUE(
      client.ParseFromString(harness_.RawRecords("k/")[0].record.value));
  client.set_revoked(true);
  storage::Transaction transaction;
  transaction.Put(ClientKey("web"), client.SerializeAsString());
  ASSERT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  Load();
  EXPECT_EQ(ClientOf(key), "");
  EXPECT_EQ(ClientOfTls({"dns:web.example.org"}), "");
}

TEST_F(ClientDirectoryTest, NoOtherSpellingOrPartOfAKeyOpens) {
  const std::string web = Create("web");
  const std::string other = Create("other");
  Load();
  std::vector<std::string> bad = {
      "",
      absl::AsciiStrToUpper(web),
      web + " ",
      " " + web,
      web + web,
      "Bearer " + web,
      // The id of one client and the secret of another, both ways.
      web.substr(0, 20) + other.substr(20),
      other.substr(0, 20) + web.substr(20),
      // An id that nobody has.
      "cf_0000000000000000_" + web.substr(20),
      // The id alone, and the secret alone.
      web.substr(0, 20) + std::string(64, '0'),
      web.substr(20),
      std::string(1'000'000, 'f'),
      web + std::string(1'000'000, 'f'),
  };
  for (size_t cut = 1; cut < web.size(); ++cut) {
    bad.push_back(web.substr(0, cut));
  }
  for (const std::string& key : bad) {
    EXPECT_EQ(ClientOf(key), "") << key.substr(0, 100);
  }
  // What is in the store opens nothing either.
  for (const storage::Entry& entry : harness_.RawRecords("k/")) {
    record::v1::ClientRecord client;
    ASSERT_TRUE(client.ParseFromString(entry.record.value));
    EXPECT_EQ(ClientOf(client.api_keys(0).secret_hash()), "");
  }
}

TEST_F(ClientDirectoryTest, SaysTheSameOfEveryKeyThatDoesNotOpen) {
  const std::string old_key = Create("web");
  Rotate("web", absl::ZeroDuration());
  Load();
  const auto malformed = directory_.FindByApiKey("x", harness_.now());
  for (const std::string& key :
       {old_key, "cf_0000000000000000_" + old_key.substr(20)}) {
    EXPECT_EQ(directory_.FindByApiKey(key, harness_.now()).status(),
              malformed.status());
  }
}

TEST_F(ClientDirectoryTest, FindsAClientByAnyNameOfItsCertificate) {
  Create("web", {"uri:spiffe://example.org/web", "dns:web.example.org"});
  Create("other", {"dns:other.example.org"});
  Load();
  EXPECT_EQ(ClientOfTls({"dns:web.example.org"}), "web");
  EXPECT_EQ(ClientOfTls({"dns:x", "uri:spiffe://example.org/web"}), "web");
  EXPECT_EQ(ClientOfTls({"dns:other.example.org"}), "other");
  EXPECT_EQ(ClientOfTls({}), "");
  EXPECT_EQ(ClientOfTls({""}), "");
  EXPECT_EQ(ClientOfTls({"dns:WEB.example.org"}), "");
  EXPECT_EQ(ClientOfTls({"uri:web.example.org"}), "");
  EXPECT_EQ(ClientOfTls({"dns:example.org", "dns:a.web.example.org"}), "");
}

TEST_F(ClientDirectoryTest, LoadsMoreClientsThanOneReadHolds) {
  std::vector<std::string> keys;
  for (int i = 0; i < 600; ++i) keys.push_back(Create(absl::StrCat("c", i)));
  Load();
  for (int i = 0; i < 600; ++i)
    EXPECT_EQ(ClientOf(keys[i]), absl::StrCat("c", i));
}

TEST_F(ClientDirectoryTest, KeepsWhatItHadIfTheStoreCannotBeRead) {
  const std::string key = Create("web");
  Load();
  storage::Transaction transaction;
  // Before the client in their order, so that none is read anew.
  transaction.Put(ClientKey("aaa"), "no record");
  ASSERT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  EXPECT_TRUE(absl::IsDataLoss(directory_.Load(harness_.store())));
  EXPECT_EQ(ClientOf(key), "web");
}

}  // namespace
}  // namespace cofactor::services
