// HTTP as the API's handlers see it: values in, values out. Which library carries it is http_server.cpp's
// affair.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace microvisor::cloud {
class DebugRelay;
}

namespace microvisor::cloud::api {

struct Request {
  std::string method;
  std::string target;  ///< path and query as they stand in the request line
  std::string base;    ///< scheme and host the client used: "http://127.0.0.1:8080"
  std::string authorization;
  std::string content_type;
  std::string body;
  bool from_loopback = false;
  bool websocket = false;  ///< asks for an upgrade (RFC 6455)
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers;
};

/// The answer is a device's live log.
struct LogStream {
  std::string device_sid;
  std::size_t replay = 0;
};

/// The answer is the Device, once its deployment is over.
struct WaitForDeployment {
  std::string account_sid;
  std::string device_sid;
  std::string base;
  std::uint32_t timeout_seconds = 60;
};

/// The answer is a WebSocket that carries a debug session.
struct DebugSocket {
  std::shared_ptr<DebugRelay> relay;
};

using Answer = std::variant<Response, LogStream, WaitForDeployment, DebugSocket>;

using Parameters = std::map<std::string, std::string, std::less<>>;

/// Thrown by handlers: ends the request with an error body. `code` is the platform's error code.
struct ApiError {
  int status;
  int code;
  std::string message;
};

/// 204.
Response no_content();

ApiError bad_request(std::string message);
ApiError not_found(std::string message);
ApiError conflict(std::string message);

/// {"code","message","more_info","status"}.
Response error_response(const std::string& base, const ApiError& error);
/// A short explanation of each code, for more_info.
std::string explain_error(int code);

/// The path's segments, percent-decoded one by one. Empty for a path that cannot be decoded.
std::optional<std::vector<std::string>> path_segments(std::string_view target);
/// The query's parameters.
Parameters query_parameters(std::string_view target);

}  // namespace microvisor::cloud::api
