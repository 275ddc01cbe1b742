#include "services/engine/client_engine.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/errors.h"
#include "gtest/gtest.h"
#include "services/engine/api_key.h"
#include "services/engine/client_directory.h"
#include "services/engine/keys.h"
#include "tests/doubles/engine_harness.h"

namespace cofactor::services {
namespace {

class ClientEngineTest : public testing::Test {
 protected:
  static v1::CreateClientRequest CreateRequest(const std::string& client_id,
                                               v1::Scope scope) {
    v1::CreateClientRequest request;
    request.mutable_client()->set_client_id(client_id);
    request.mutable_client()->add_scopes(scope);
    return request;
  }

  v1::CreateClientResponse Create(const v1::CreateClientRequest& request) {
    const auto created = harness_.Call(&ClientEngine::CreateClient, request);
    EXPECT_TRUE(created.ok()) << created.status();
    return created.value_or(v1::CreateClientResponse());
  }
  v1::CreateClientResponse Create(const std::string& client_id,
                                  v1::Scope scope = v1::SCOPE_VERIFY) {
    return Create(CreateRequest(client_id, scope));
  }

  absl::StatusOr<v1::GetClientResponse> Get(const std::string& client_id) {
    v1::GetClientRequest request;
    request.set_client_id(client_id);
    return harness_.Call(&ClientEngine::GetClient, request);
  }

  absl::StatusOr<v1::UpdateClientResponse> Update(
      const v1::Client& client, const std::vector<std::string>& paths) {
    v1::UpdateClientRequest request;
    *request.mutable_client() = client;
    for (const std::string& path : paths) {
      request.mutable_update_mask()->add_paths(path);
    }
    return harness_.Call(&ClientEngine::UpdateClient, request);
  }

  absl::Status Revoke(const std::string& client_id) {
    v1::RevokeClientRequest request;
    request.set_client_id(client_id);
    return harness_.Call(&ClientEngine::RevokeClient, request).status();
  }

  absl::StatusOr<v1::RotateClientKeyResponse> Rotate(
      const std::string& client_id, absl::Duration overlap) {
    v1::RotateClientKeyRequest request;
    request.set_client_id(client_id);
    request.mutable_overlap()->set_seconds(absl::ToInt64Seconds(overlap));
    return harness_.Call(&ClientEngine::RotateClientKey, request);
  }

  // Whether any record of the store holds the secret of a key in some spelling.
  bool StoreHolds(const std::string& key) {
    const std::string hex = key.substr(20);
    const std::string raw = absl::HexStringToBytes(hex);
    for (const storage::Entry& entry : harness_.RawRecords()) {
      for (const std::string& secret :
           {hex, absl::AsciiStrToUpper(hex), raw, absl::Base64Escape(raw),
            absl::Base64Escape(hex)}) {
        if (absl::StrContains(entry.record.value, secret) ||
            absl::StrContains(entry.key, secret)) {
          return true;
        }
      }
    }
    return false;
  }

  EngineHarness harness_;
};

TEST_F(ClientEngineTest, CreatesAndReturnsAClient) {
  v1::CreateClientRequest request = CreateRequest("web", v1::SCOPE_VERIFY);
  request.mutable_client()->set_display_name("Login page");
  request.mutable_client()->add_account_ids("acme");
  request.mutable_client()->add_tls_identities("dns:web.example.org");
  // What the server sets is not taken from the caller.
  request.mutable_client()->set_revoked(true);
  request.mutable_client()->add_api_keys()->set_key_id("mine");
  const auto created = Create(request);
  const auto got = Get("web");
  ASSERT_TRUE(got.ok()) << got.status();
  const v1::Client& client = got->client();
  EXPECT_EQ(client.SerializeAsString(), created.client().SerializeAsString());
  EXPECT_EQ(client.display_name(), "Login page");
  ASSERT_EQ(client.scopes_size(), 1);
  EXPECT_EQ(client.scopes(0), v1::SCOPE_VERIFY);
  EXPECT_EQ(client.account_ids(0), "acme");
  EXPECT_EQ(client.tls_identities(0), "dns:web.example.org");
  EXPECT_FALSE(client.revoked());
  ASSERT_EQ(client.api_keys_size(), 1);
  EXPECT_EQ("cf_" + client.api_keys(0).key_id() + "_",
            created.api_key().substr(0, 20));
  EXPECT_FALSE(client.api_keys(0).has_expire_time());
  EXPECT_EQ(client.create_time().seconds(),
            absl::ToUnixSeconds(harness_.now()));
  EXPECT_EQ(
      ErrorReason(harness_.Call(&ClientEngine::CreateClient, request).status()),
      "ALREADY_EXISTS");
  EXPECT_EQ(ErrorReason(Get("nobody").status()), "CLIENT_NOT_FOUND");
}

TEST_F(ClientEngineTest, ShowsAKeyOnceAndKeepsOnlyItsHash) {
  const std::string key = Create("web").api_key();
  ASSERT_EQ(key.size(), 84u);
  EXPECT_FALSE(StoreHolds(key));
  const std::string second = Rotate("web", absl::Hours(1))->api_key();
  EXPECT_FALSE(StoreHolds(second));
  v1::ListClientsRequest list;
  const std::string shown =
      Get("web")->DebugString() +
      harness_.Call(&ClientEngine::ListClients, list)->DebugString();
  for (const std::string& secret : {key.substr(20), second.substr(20)}) {
    EXPECT_FALSE(absl::StrContains(shown, secret));
  }
  // Its hash is there, or nobody could be let in by it.
  EXPECT_TRUE(absl::StrContains(harness_.RawRecords("k/")[0].record.value,
                                ParseApiKey(second)->secret_hash));
}

TEST_F(ClientEngineTest, ShowsAKeyAgainToARetryForADayAndThenForgetsIt) {
  v1::CreateClientRequest request = CreateRequest("web", v1::SCOPE_VERIFY);
  request.set_request_id("r-1");
  const std::string key = Create(request).api_key();
  EXPECT_EQ(Create(request).api_key(), key);
  harness_.clock().Advance(absl::Hours(24));
  EXPECT_FALSE(StoreHolds(key));
}

TEST_F(ClientEngineTest, MakesNoKeyForAClientWithCertificatesAlone) {
  v1::CreateClientRequest request = CreateRequest("web", v1::SCOPE_VERIFY);
  request.set_without_api_key(true);
  const auto created = Create(request);
  EXPECT_EQ(created.api_key(), "");
  EXPECT_EQ(created.client().api_keys_size(), 0);
}

TEST_F(ClientEngineTest, ListsInPagesByIds) {
  for (int i = 0; i < 7; ++i) Create(absl::StrCat("c", i));
  v1::ListClientsRequest request;
  request.set_page_size(3);
  std::string ids;
  do {
    const auto page = harness_.Call(&ClientEngine::ListClients, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_LE(page->clients_size(), 3);
    for (const auto& client : page->clients()) ids += client.client_id() + " ";
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_EQ(ids, "c0 c1 c2 c3 c4 c5 c6 ");
}

TEST_F(ClientEngineTest, ChangesWhatTheMaskNamesAndNothingElse) {
  const auto created = Create("web");
  harness_.clock().Advance(absl::Seconds(5));
  v1::Client wanted;
  wanted.set_client_id("web");
  wanted.set_display_name("new");
  wanted.add_scopes(v1::SCOPE_ENROLL);
  wanted.add_account_ids("acme");
  wanted.add_tls_identities("dns:web.example.org");
  ASSERT_TRUE(Update(wanted, {"display_name"}).ok());
  v1::Client client = Get("web")->client();
  EXPECT_EQ(client.display_name(), "new");
  EXPECT_EQ(client.scopes(0), v1::SCOPE_VERIFY);
  EXPECT_TRUE(client.account_ids().empty());
  EXPECT_TRUE(client.tls_identities().empty());
  EXPECT_EQ(client.update_time().seconds(),
            created.client().update_time().seconds() + 5);
  ASSERT_TRUE(Update(wanted, {"scopes", "account_ids", "tls_identities"}).ok());
  client = Get("web")->client();
  EXPECT_EQ(client.scopes(0), v1::SCOPE_ENROLL);
  EXPECT_EQ(client.account_ids(0), "acme");
  EXPECT_EQ(client.tls_identities(0), "dns:web.example.org");
  EXPECT_EQ(client.api_keys_size(), 1);
  EXPECT_FALSE(Update(wanted, {}).ok());
  EXPECT_FALSE(Update(wanted, {"revoked"}).ok());
  EXPECT_FALSE(Update(wanted, {"api_keys"}).ok());
}

TEST_F(ClientEngineTest, RevokesForGood) {
  Create("web");
  ASSERT_TRUE(Revoke("web").ok());
  const v1::Client client = Get("web")->client();
  EXPECT_TRUE(client.revoked());
  EXPECT_TRUE(client.api_keys().empty());
  EXPECT_EQ(ErrorReason(Revoke("web")), "CLIENT_REVOKED");
  EXPECT_EQ(ErrorReason(Rotate("web", absl::Hours(1)).status()),
            "CLIENT_REVOKED");
  v1::Client wanted;
  wanted.set_client_id("web");
  EXPECT_EQ(ErrorReason(Update(wanted, {"display_name"}).status()),
            "CLIENT_REVOKED");
  // Its id is not given to somebody else.
  EXPECT_EQ(ErrorReason(harness_
                            .Call(&ClientEngine::CreateClient,
                                  CreateRequest("web", v1::SCOPE_VERIFY))
                            .status()),
            "ALREADY_EXISTS");
}

TEST_F(ClientEngineTest, KeepsTheLastAdministrator) {
  Create("web");
  Create("root", v1::SCOPE_ADMIN);
  EXPECT_EQ(ErrorReason(Revoke("root")), "LAST_ADMIN");
  v1::Client wanted;
  wanted.set_client_id("root");
  wanted.add_scopes(v1::SCOPE_VERIFY);
  EXPECT_EQ(ErrorReason(Update(wanted, {"scopes"}).status()), "LAST_ADMIN");
  // One that is limited to an account can administer nothing.
  wanted.add_account_ids("acme");
  EXPECT_EQ(ErrorReason(Update(wanted, {"account_ids"}).status()),
            "LAST_ADMIN");
  v1::CreateClientRequest limited = CreateRequest("half", v1::SCOPE_ADMIN);
  limited.mutable_client()->add_account_ids("acme");
  Create(limited);
  EXPECT_EQ(ErrorReason(Revoke("root")), "LAST_ADMIN");
  // With another one it may go, and that one then may not.
  Create("second", v1::SCOPE_ADMIN);
  EXPECT_TRUE(Revoke("root").ok());
  EXPECT_EQ(ErrorReason(Revoke("second")), "LAST_ADMIN");
  EXPECT_TRUE(Revoke("web").ok());
}

// Two plans at one moment: whichever is committed second must not hold.
TEST_F(ClientEngineTest, TwoAdministratorsCannotRevokeEachOtherAtOnce) {
  Create("one", v1::SCOPE_ADMIN);
  Create("two", v1::SCOPE_ADMIN);
  SeededRandomness randomness(1);
  const ClientEngine engine(randomness);
  const Caller caller = Caller::Server();
  const auto snapshot = harness_.store().GetSnapshot();
  std::vector<storage::Transaction> transactions;
  for (const char* client_id : {"one", "two"}) {
    Plan plan(*snapshot, harness_.now(), caller);
    v1::RevokeClientRequest request;
    request.set_client_id(client_id);
    v1::RevokeClientResponse response;
    ASSERT_TRUE(engine.RevokeClient(plan, request, response).ok());
    transactions.push_back(plan.TakeTransaction());
  }
  EXPECT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transactions[0]))
          .ok());
  EXPECT_TRUE(absl::IsAborted(
      storage::CommitAndWait(harness_.store(), std::move(transactions[1]))));
}

TEST_F(ClientEngineTest, GivesATlsIdentityToOneClientOnly) {
  v1::CreateClientRequest request = CreateRequest("web", v1::SCOPE_VERIFY);
  request.mutable_client()->add_tls_identities("dns:web.example.org");
  Create(request);
  request.mutable_client()->set_client_id("other");
  EXPECT_EQ(
      ErrorReason(harness_.Call(&ClientEngine::CreateClient, request).status()),
      "TLS_IDENTITY_TAKEN");
  Create("other");
  EXPECT_EQ(ErrorReason(Update(request.client(), {"tls_identities"}).status()),
            "TLS_IDENTITY_TAKEN");
  // Its own may be set again, and one that is free again may be taken.
  v1::Client own = request.client();
  own.set_client_id("web");
  EXPECT_TRUE(Update(own, {"tls_identities"}).ok());
  ASSERT_TRUE(Revoke("web").ok());
  EXPECT_TRUE(Update(request.client(), {"tls_identities"}).ok());
}

TEST_F(ClientEngineTest, TwoClientsCannotTakeOneTlsIdentityAtOnce) {
  SeededRandomness randomness(1);
  const ClientEngine engine(randomness);
  const Caller caller = Caller::Server();
  const auto snapshot = harness_.store().GetSnapshot();
  std::vector<storage::Transaction> transactions;
  for (const char* client_id : {"one", "two"}) {
    Plan plan(*snapshot, harness_.now(), caller);
    v1::CreateClientRequest request =
        CreateRequest(client_id, v1::SCOPE_VERIFY);
    request.mutable_client()->add_tls_identities("dns:web.example.org");
    v1::CreateClientResponse response;
    ASSERT_TRUE(engine.CreateClient(plan, request, response).ok());
    transactions.push_back(plan.TakeTransaction());
  }
  EXPECT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transactions[0]))
          .ok());
  EXPECT_TRUE(absl::IsAborted(
      storage::CommitAndWait(harness_.store(), std::move(transactions[1]))));
}

TEST_F(ClientEngineTest, ShowsWhenKeysEndAndDropsThoseThatHaveEnded) {
  Create("web");
  auto rotated = Rotate("web", absl::Hours(1));
  ASSERT_TRUE(rotated.ok());
  ASSERT_EQ(rotated->client().api_keys_size(), 2);
  EXPECT_EQ(rotated->client().api_keys(0).expire_time().seconds(),
            absl::ToUnixSeconds(harness_.now()) + 3600);
  EXPECT_FALSE(rotated->client().api_keys(1).has_expire_time());
  harness_.clock().Advance(absl::Hours(1));
  rotated = Rotate("web", absl::Hours(1));
  ASSERT_TRUE(rotated.ok());
  EXPECT_EQ(rotated->client().api_keys_size(), 2);
  EXPECT_EQ(Rotate("web", absl::ZeroDuration())->client().api_keys_size(), 1);
}

TEST_F(ClientEngineTest, BoundsTheOverlapAndTheNumberOfKeys) {
  Create("web");
  EXPECT_EQ(ErrorReason(Rotate("web", absl::Seconds(-1)).status()),
            "INVALID_FIELD");
  EXPECT_EQ(
      ErrorReason(
          Rotate("web", absl::Hours(30 * 24) + absl::Seconds(1)).status()),
      "INVALID_FIELD");
  for (int i = 1; i < 10; ++i) {
    EXPECT_TRUE(Rotate("web", absl::Hours(30 * 24)).ok()) << i;
  }
  EXPECT_EQ(ErrorReason(Rotate("web", absl::Hours(30 * 24)).status()),
            "TOO_MANY_API_KEYS");
  EXPECT_TRUE(Rotate("web", absl::ZeroDuration()).ok());
}

TEST_F(ClientEngineTest, NamesTheFieldOfBadInput) {
  const auto field_of = [this](const v1::CreateClientRequest& request) {
    const absl::Status status =
        harness_.Call(&ClientEngine::CreateClient, request).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message().substr(0, status.message().find(':')));
  };
  const v1::CreateClientRequest good = CreateRequest("web", v1::SCOPE_VERIFY);
  v1::CreateClientRequest bad = good;
  bad.mutable_client()->set_client_id("a/b");
  EXPECT_EQ(field_of(bad), "client.client_id");
  bad = good;
  bad.mutable_client()->clear_scopes();
  EXPECT_EQ(field_of(bad), "client.scopes");
  bad = good;
  bad.mutable_client()->add_scopes(v1::SCOPE_UNSPECIFIED);
  EXPECT_EQ(field_of(bad), "client.scopes");
  bad = good;
  bad.mutable_client()->add_scopes(static_cast<v1::Scope>(31));
  EXPECT_EQ(field_of(bad), "client.scopes");
  bad = good;
  bad.mutable_client()->add_scopes(v1::SCOPE_DEVICE);
  EXPECT_EQ(field_of(bad), "client.scopes");
  bad = good;
  bad.mutable_client()->set_display_name("a\nb");
  EXPECT_EQ(field_of(bad), "client.display_name");
  bad = good;
  for (int i = 0; i < 101; ++i) bad.mutable_client()->add_account_ids("a");
  EXPECT_EQ(field_of(bad), "client.account_ids");
  for (const std::string& identity :
       {std::string("web.example.org"), std::string("email:a@b"),
        "dns:" + std::string(512, 'x'), std::string("dns:a\nb")}) {
    bad = good;
    bad.mutable_client()->add_tls_identities(identity);
    EXPECT_EQ(field_of(bad), "client.tls_identities");
  }
}

class AdminResetTest : public ClientEngineTest,
                       public testing::WithParamInterface<bool> {};

TEST_P(AdminResetTest, EndsAllKeysThatItHadAndGivesItAllScopes) {
  v1::CreateClientRequest request = CreateRequest("admin", v1::SCOPE_VERIFY);
  request.mutable_client()->add_account_ids("acme");
  const std::string lost = Create(request).api_key();
  const bool was_revoked = GetParam();
  if (was_revoked) {
    ASSERT_TRUE(Revoke("admin").ok());
  }
  SeededRandomness randomness(9);
  const ClientEngine engine(randomness);
  const Caller caller = Caller::Server();
  const NewApiKey made = MakeApiKey(harness_.now(), randomness);
  storage::Transaction transaction;
  {
    const auto snapshot = harness_.store().GetSnapshot();
    Plan plan(*snapshot, harness_.now(), caller);
    EXPECT_FALSE(*engine.HasAdmin(plan));
    ASSERT_TRUE(engine.ResetAdmin(plan, made.record).ok());
    transaction = plan.TakeTransaction();
  }
  ASSERT_TRUE(
      storage::CommitAndWait(harness_.store(), std::move(transaction)).ok());
  ClientDirectory directory;
  ASSERT_TRUE(directory.Load(harness_.store()).ok());
  EXPECT_FALSE(directory.FindByApiKey(lost, harness_.now()).ok());
  const auto admin =
      directory.FindByApiKey(made.key.ExposeSecret(), harness_.now());
  ASSERT_TRUE(admin.ok());
  EXPECT_EQ((*admin)->client_id, "admin");
  EXPECT_TRUE((*admin)->scopes.Has(v1::SCOPE_ADMIN));
  EXPECT_TRUE((*admin)->account_ids.empty());
  const auto snapshot = harness_.store().GetSnapshot();
  Plan plan(*snapshot, harness_.now(), caller);
  EXPECT_TRUE(*engine.HasAdmin(plan));
}

INSTANTIATE_TEST_SUITE_P(RevokedOrNot, AdminResetTest, testing::Bool());

}  // namespace
}  // namespace cofactor::services
