// Error bodies and the splitting of request targets.
#include "cloud/api/http.hpp"

#include <nlohmann/json.hpp>

#include "cloud/api/form.hpp"

namespace microvisor::cloud::api {

Response no_content() {
  Response response;
  response.status = 204;
  response.content_type.clear();
  return response;
}

ApiError bad_request(std::string message) { return {400, 20001, std::move(message)}; }
ApiError not_found(std::string message) { return {404, 20404, std::move(message)}; }
ApiError conflict(std::string message) { return {409, 20409, std::move(message)}; }

Response error_response(const std::string& base, const ApiError& error) {
  nlohmann::ordered_json body;
  body["code"] = error.code;
  body["message"] = error.message;
  body["more_info"] = base + "/api/errors/" + std::to_string(error.code);
  body["status"] = error.status;
  Response response;
  response.status = error.status;
  response.body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (error.status == 401) response.headers.emplace_back("WWW-Authenticate", "Basic realm=\"Microvisor\"");
  return response;
}

std::string explain_error(int code) {
  switch (code) {
    case 20001: return "A parameter is missing or has a value that is not allowed; the message names it.";
    case 20003:
      return "The user name has to be an account SID or an API key SID, the password its token or secret.";
    case 20004: return "The resource exists, but not with this method; the Allow header lists those it has.";
    case 20403: return "This account may not do that; the message says who may.";
    case 20404: return "There is no such path, or no such resource in this account.";
    case 20406:
      return "The device is not connected at this moment, or its Microvisor cannot do that; the message says "
             "which.";
    case 20409: return "The name or SID is in use already.";
    case 20413: return "The request body is too large: bundles up to 64 MiB, everything else below 16 MiB.";
    case 20415: return "The body has to be of another content type; the message names it.";
    case 20426: return "This path is a WebSocket (RFC 6455): the request has to ask for the upgrade.";
    case 20500: return "The server failed; its log says why.";
    default: return "";
  }
}

std::optional<std::vector<std::string>> path_segments(std::string_view target) {
  std::string_view path = target.substr(0, target.find('?'));
  if (path.empty() || path[0] != '/') return std::nullopt;
  path.remove_prefix(1);
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    auto segment = percent_decode(path.substr(0, end), false);
    if (!segment || segment->empty()) return std::nullopt;
    segments.push_back(std::move(*segment));
    if (end == path.size()) break;
    path.remove_prefix(end + 1);
    if (path.empty()) return std::nullopt;  // a slash at the end names something else
  }
  return segments;
}

Parameters query_parameters(std::string_view target) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return {};
  auto parameters = parse_form(target.substr(mark + 1));
  if (!parameters) throw bad_request("the query is not valid percent-encoding");
  return std::move(*parameters);
}

}  // namespace microvisor::cloud::api
