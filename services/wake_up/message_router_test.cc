#include "services/wake_up/message_router.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cofactor::services {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Keeper final : public MessageSender {
 public:
  void Send(std::vector<PlannedMessage> messages) override {
    ++calls;
    for (const PlannedMessage& message : messages) {
      ids.push_back(message.message_id);
    }
  }

  int calls = 0;
  std::vector<std::string> ids;
};

std::vector<PlannedMessage> Messages() {
  std::vector<PlannedMessage> messages;
  for (const auto& [channel, id] :
       std::vector<std::pair<std::string, std::string>>{{"sms", "1"},
                                                        {"wake_up", "2"},
                                                        {"pigeon", "3"},
                                                        {"", "4"},
                                                        {"sms", "5"}}) {
    PlannedMessage& message = messages.emplace_back();
    message.message.channel = channel;
    message.message_id = id;
  }
  return messages;
}

TEST(MessageRouterTest, EachMessageGoesToTheSenderOfItsChannelAlone) {
  Keeper sms;
  Keeper wake_up;
  MessageRouter(&sms, &wake_up).Send(Messages());
  EXPECT_THAT(sms.ids, ElementsAre("1", "5"));
  EXPECT_THAT(wake_up.ids, ElementsAre("2"));
}

TEST(MessageRouterTest, WhatHasNoSenderIsDropped) {
  Keeper sms;
  MessageRouter(&sms, nullptr).Send(Messages());
  EXPECT_THAT(sms.ids, ElementsAre("1", "5"));
  Keeper wake_up;
  MessageRouter(nullptr, &wake_up).Send(Messages());
  EXPECT_THAT(wake_up.ids, ElementsAre("2"));
  MessageRouter(nullptr, nullptr).Send(Messages());
}

TEST(MessageRouterTest, NobodyIsTroubledWithoutMessages) {
  Keeper sms;
  Keeper wake_up;
  MessageRouter(&sms, &wake_up).Send({});
  EXPECT_EQ(sms.calls, 0);
  EXPECT_EQ(wake_up.calls, 0);
}

}  // namespace
}  // namespace cofactor::services
