// What a device sends for an HTTP request, and the redirects that follow. Whatever is let through can be
// written into a request without changing where it ends or whom it is for.
#include "cloud/relay/http_request.hpp"
#include "cloud/relay/policy.hpp"
#include "fuzz/input.hpp"

using microvisor::fuzz::Input;
using microvisor::fuzz::require;
namespace cloud = microvisor::cloud;
namespace channel = microvisor::channel;

namespace {

void require_sound(const cloud::HttpOrder& order) {
  require(order.headers.size() <= cloud::kMostHttpHeaders);
  for (const cloud::HttpHeader& header : order.headers) {
    require(cloud::is_token(header.name) && cloud::is_field_value(header.value));
    require(header.value.find_first_of(std::string("\r\n\0", 3)) == std::string::npos);
    for (const char* ours :
         {"Host", "Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect"})
      require(!cloud::same_name(header.name, ours));
  }
  require(order.url.port() != 0);
  require(cloud::canonical_host(order.url.host()) == order.url.host());
  // Another reading of the same URL means the same server.
  const auto again = cloud::HttpUrl::parse(order.url.text());
  require(again && again->same_origin(order.url));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  constexpr int kRedirects[] = {301, 302, 303, 307, 308};
  const int status = kRedirects[input.choose(5)];
  // In front of the message the Location of a redirect, as many bytes as this says.
  const std::size_t location_size = std::min<std::size_t>(input.choose(256), input.rest().size());
  const auto rest = input.rest();
  channel::HttpRequest request;
  const std::string location(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(location_size));
  if (!request.ParseFromArray(rest.data() + location_size, static_cast<int>(rest.size() - location_size)))
    return 0;
  cloud::HttpOrder order;
  if (cloud::check_http_request(request, order) != cloud::HttpResult::Ok) return 0;
  require_sound(order);
  const std::string before = order.url.authority();
  if (!cloud::follow_redirect(order, status, location)) return 0;
  require_sound(order);
  if (order.url.authority() == before) return 0;
  for (const cloud::HttpHeader& header : order.headers)
    require(!cloud::same_name(header.name, "Authorization") && !cloud::same_name(header.name, "Cookie"));
  return 0;
}
