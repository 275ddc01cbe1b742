#ifndef COFACTOR_SERVICES_MESSENGER_MAKE_MESSENGER_H_
#define COFACTOR_SERVICES_MESSENGER_MAKE_MESSENGER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "cofactor/config/v1/server_config.pb.h"
#include "services/messenger/http_client.h"
#include "services/messenger/messenger.h"
#include "services/messenger/outbox_gateway.h"
#include "services/messenger/report_server.h"

namespace cofactor::services {

// All that takes texts to phones. Destroyed from below.
struct MessengerParts {
  std::unique_ptr<HttpClient> http;
  // In the messenger; null if the configuration has no outbox.
  const OutboxGateway* outbox = nullptr;
  std::unique_ptr<Messenger> messenger;
  // Null if no reports are wanted.
  std::unique_ptr<ReportServer> report_server;
};

// Makes what a configuration describes, and reads its secrets.
//   FAILED_PRECONDITION  a file of a secret is missing, open to others, or its
//                        key too short; the path is told.
//   INVALID_ARGUMENT, UNAVAILABLE  as HttpServer::Start.
// sms: checked by ReadConfig. clock: not owned; must outlive the parts. report:
// for the messenger; take: for what gateways report.
absl::StatusOr<MessengerParts> MakeMessenger(const config::v1::Sms& sms,
                                             const Clock& clock,
                                             Messenger::Report report,
                                             ReportServer::Take take);

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_MESSENGER_MAKE_MESSENGER_H_
