// One answer for every way of being wrong: it does not tell whether the account exists.
#include "cloud/api/credentials.hpp"

#include <strings.h>

namespace microvisor::cloud::api {
namespace {

constexpr std::string_view kScheme = "Basic ";

}  // namespace

Account authenticate(const Accounts& accounts, const Request& request) {
  const std::string& header = request.authorization;
  const ApiError refused{401, 20003, "Authenticate"};
  if (header.size() < kScheme.size() || strncasecmp(header.c_str(), kScheme.data(), kScheme.size()) != 0)
    throw refused;
  const auto decoded = protocol::from_base64(std::string_view(header).substr(kScheme.size()));
  if (!decoded) throw refused;
  const std::string pair(protocol::as_text(*decoded));
  const std::size_t colon = pair.find(':');
  if (colon == std::string::npos) throw refused;
  auto account = accounts.authenticate(pair.substr(0, colon), pair.substr(colon + 1));
  if (!account) throw refused;
  return std::move(*account);
}

}  // namespace microvisor::cloud::api
