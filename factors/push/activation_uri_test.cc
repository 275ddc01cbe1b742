#include "factors/push/activation_uri.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace cofactor::factors::push {
namespace {

constexpr char kUri[] =
    "cofactor://enroll?server=https%3A%2F%2Fid.example.com%3A443"
    "&account=acme&member=ada%40example.com&enrollment=0123abcd"
    "&ticket=AAECAwQFBgcICQoLDA0ODw&issuer=ACME%20%26%20Co"
    "&name=Ada%20%C3%96";

ActivationUri Activation() {
  ActivationUri activation;
  activation.server = "https://id.example.com:443";
  activation.account_id = "acme";
  activation.member_id = "ada@example.com";
  activation.enrollment_id = "0123abcd";
  std::string ticket;
  for (char c = 0; c < 16; ++c) ticket.push_back(c);
  activation.ticket = Secret(ticket);
  activation.issuer = "ACME & Co";
  activation.account_name = "Ada Ö";
  return activation;
}

// Reads kUri with one part replaced.
absl::Status StatusWith(absl::string_view part, absl::string_view other) {
  EXPECT_TRUE(absl::StrContains(kUri, part)) << part;
  return ParseActivationUri(absl::StrReplaceAll(kUri, {{part, other}}))
      .status();
}

// What is wrong with it, after the words that start all errors.
std::string WrongWith(absl::string_view part, absl::string_view other) {
  const absl::Status status = StatusWith(part, other);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
      << part << " -> " << other;
  return std::string(status.message());
}

TEST(ActivationUriTest, IsWrittenAsTheDocumentationSays) {
  EXPECT_EQ(MakeActivationUri(Activation()).ExposeSecret(), kUri);
}

TEST(ActivationUriTest, IsReadBack) {
  const auto read = ParseActivationUri(kUri);
  ASSERT_TRUE(read.ok()) << read.status();
  const ActivationUri wanted = Activation();
  EXPECT_EQ(read->server, wanted.server);
  EXPECT_EQ(read->account_id, wanted.account_id);
  EXPECT_EQ(read->member_id, wanted.member_id);
  EXPECT_EQ(read->enrollment_id, wanted.enrollment_id);
  EXPECT_EQ(read->ticket.ExposeSecret(), wanted.ticket.ExposeSecret());
  EXPECT_EQ(read->issuer, wanted.issuer);
  EXPECT_EQ(read->account_name, wanted.account_name);
}

TEST(ActivationUriTest, NamesNoServerIfThereIsNone) {
  ActivationUri activation = Activation();
  activation.server = "";
  const Secret uri = MakeActivationUri(activation);
  EXPECT_FALSE(absl::StrContains(uri.ExposeSecret(), "server"));
  const auto read = ParseActivationUri(uri.ExposeSecret());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->server, "");
}

TEST(ActivationUriTest, TheLongestOneIsReadBack) {
  ActivationUri activation = Activation();
  activation.server = absl::StrCat("https://", std::string(242, 'a'), ":65535");
  ASSERT_TRUE(CheckDeviceServer(activation.server).ok());
  activation.account_id = std::string(128, '@');
  activation.member_id = std::string(128, '+');
  activation.enrollment_id = std::string(32, 'e');
  activation.issuer = std::string(128, '@');
  activation.account_name = std::string(128, '+');
  const auto read =
      ParseActivationUri(MakeActivationUri(activation).ExposeSecret());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->account_name, activation.account_name);
}

TEST(ActivationUriTest, TheOrderDoesNotMatterNorWhatLaterVersionsAdd) {
  EXPECT_TRUE(StatusWith("account=acme&member=ada%40example.com",
                         "member=ada%40example.com&account=acme&since=v9")
                  .ok());
}

TEST(ActivationUriTest, RefusesAnotherScheme) {
  for (const char* start :
       {"otpauth://totp/x?", "cofactor://enrol?", "cofactor:enroll?",
        "https://enroll?", "", " cofactor://enroll?"}) {
    EXPECT_TRUE(absl::StrContains(WrongWith("cofactor://enroll?", start),
                                  "does not start with"));
  }
  for (const char* uri : {"", "cofactor://enroll", "cofactor://enroll?"}) {
    EXPECT_FALSE(ParseActivationUri(uri).ok()) << uri;
  }
}

TEST(ActivationUriTest, RefusesAParameterThatIsMissingOrThereTwice) {
  for (const char* name :
       {"account", "member", "enrollment", "ticket", "issuer", "name"}) {
    const std::string parameter = absl::StrCat(name, "=");
    EXPECT_TRUE(
        absl::StrContains(WrongWith(absl::StrCat("&", parameter), "&other="),
                          absl::StrCat("it has no '", name, "'")))
        << name;
    EXPECT_TRUE(absl::StrContains(
        WrongWith(absl::StrCat("&", parameter),
                  absl::StrCat("&", parameter, "x&", parameter)),
        "twice"));
  }
  EXPECT_TRUE(absl::StrContains(
      WrongWith("?server=", "?server=https%3A%2F%2Fevil.example&server="),
      "twice"));
  for (const char* rest : {"&", "&=x", "&x", "&&issuer2=x"}) {
    EXPECT_FALSE(ParseActivationUri(absl::StrCat(kUri, rest)).ok()) << rest;
  }
}

TEST(ActivationUriTest, RefusesATicketThatIsNot16BytesInTheOneWay) {
  const char kTicket[] = "AAECAwQFBgcICQoLDA0ODw";
  for (const char* ticket :
       {"", "AAECAwQFBgcICQoLDA0ODw==", "AAECAwQFBgcICQoLDA0ODw%3D%3D",
        "AAECAwQFBgcICQoLDA0ODx",  // Bits that stand for nothing are set.
        "AAECAwQFBgcICQoLDA0OD", "AAECAwQFBgcICQoLDA0ODwA",
        "AAECAwQFBgcICQoLDA0ODwAA", "AAECAwQFBgcICQoLDA0O/w",
        "AAECAwQFBgcICQoLDA0O+w", "AAECAwQF BgcICQoLDA0ODw", "ticket"}) {
    EXPECT_TRUE(absl::StrContains(WrongWith(kTicket, ticket), "'ticket'"))
        << ticket;
  }
}

TEST(ActivationUriTest, RefusesIdsAndNamesThatNobodyHas) {
  for (const char* id :
       {"", "a%20b", "a%2Fb", "%00", "%C3%96", "a b", "a%4", "a%zz"}) {
    EXPECT_TRUE(absl::StrContains(
        WrongWith("account=acme", absl::StrCat("account=", id)), "'account'"))
        << id;
  }
  EXPECT_FALSE(StatusWith("0123abcd", std::string(129, 'a')).ok());
  EXPECT_TRUE(StatusWith("0123abcd", std::string(128, 'a')).ok());
  for (const char* name : {"", "%0A", "%FF", "%E2%80%AE", "a+b"}) {
    EXPECT_TRUE(
        absl::StrContains(WrongWith("ACME%20%26%20Co", name), "'issuer'"))
        << name;
  }
  EXPECT_FALSE(StatusWith("ACME%20%26%20Co", std::string(129, 'a')).ok());
}

TEST(ActivationUriTest, SendsDevicesToNoServerThatCannotBeTrusted) {
  for (const char* server :
       {"", "id.example.com", "https://", "http://id.example.com",
        "ftp://id.example.com", "https://id.example.com/path",
        "https://id.example.com/", "https://user@id.example.com",
        "https://id.example.com:0", "https://id.example.com:65536",
        "https://id.example.com:", "https://id.example.com#x",
        "https://id.example.com?x", "https://id example.com", "https://[::1",
        "http://127.0.0.1.evil.example", "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
        "https://id.example.com\\@evil.example"}) {
    EXPECT_FALSE(CheckDeviceServer(server).ok()) << server;
  }
  EXPECT_FALSE(
      CheckDeviceServer(absl::StrCat("https://", std::string(249, 'a'))).ok());
  for (const char* server :
       {"https://id.example.com", "https://id.example.com:8443",
        "https://[2001:db8::1]:443", "https://192.0.2.1",
        "http://127.0.0.1:50051", "http://localhost:1", "http://[::1]:1"}) {
    EXPECT_TRUE(CheckDeviceServer(server).ok()) << server;
  }
  EXPECT_TRUE(
      absl::StrContains(WrongWith("https%3A%2F%2Fid", "http%3A%2F%2Fid"),
                        "'server': want https"));
}

TEST(ActivationUriTest, RefusesMoreBytesThanAnyHas) {
  EXPECT_TRUE(absl::StrContains(
      ParseActivationUri(absl::StrCat(kUri, "&x=", std::string(2'400, 'x')))
          .status()
          .message(),
      "more than 2400 bytes"));
}

TEST(ActivationUriTest, TellsNothingOfTheTicketInAnError) {
  EXPECT_FALSE(absl::StrContains(
      WrongWith("AAECAwQFBgcICQoLDA0ODw", "CANARYQFBgcICQoLDA0ODw=="),
      "CANARY"));
}

}  // namespace
}  // namespace cofactor::factors::push
