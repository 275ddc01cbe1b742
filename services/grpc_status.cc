#include "services/grpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/string_view.h"
#include "base/errors.h"
#include "google/rpc/status.pb.h"

namespace cofactor::services {
namespace {

constexpr size_t kMaxMessageBytes = 1024;
constexpr size_t kMaxDetailsBytes = 2048;

// Cuts at a border between characters: a half one is no valid UTF-8.
std::string Shorten(absl::string_view message) {
  if (message.size() <= kMaxMessageBytes) return std::string(message);
  size_t end = kMaxMessageBytes;
  while (end > 0 && (message[end] & 0xC0) == 0x80) --end;
  return std::string(message.substr(0, end));
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  if (ErrorReason(status).empty()) {
    return ToGrpcStatus(MakeError(status.code(),
                                  absl::StatusCodeToString(status.code()),
                                  status.message()));
  }
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(Shorten(status.message()));
  size_t bytes = details.ByteSizeLong();
  status.ForEachPayload(
      [&details, &bytes](absl::string_view url, const absl::Cord& payload) {
        bytes += url.size() + payload.size();
        if (bytes > kMaxDetailsBytes) return;
        google::protobuf::Any& detail = *details.add_details();
        detail.set_type_url(std::string(url));
        detail.set_value(std::string(payload));
      });
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      details.message(), details.SerializeAsString());
}

}  // namespace cofactor::services
