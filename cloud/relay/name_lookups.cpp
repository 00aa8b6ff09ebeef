// A lookup knows nothing of those who wait for it: it brings its answer to the service thread, and that is
// all.
#include "cloud/relay/name_lookups.hpp"

#include <netdb.h>

#include <boost/asio/post.hpp>
#include <cstring>
#include <memory>
#include <utility>

namespace microvisor::cloud {
namespace {

NameLookups::Addresses ask_system(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) != 0) return {};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(list, freeaddrinfo);
  NameLookups::Addresses addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    boost::asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    endpoint.resize(entry->ai_addrlen);
    addresses.push_back(endpoint);
  }
  return addresses;
}

}  // namespace

void NameLookups::look_up(const std::string& host, std::uint16_t port, Answer answer) {
  const Key key{host, port};
  auto& waiting = waiting_[key];
  waiting.push_back(std::move(answer));
  if (waiting.size() > 1) return;
  boost::asio::post(threads_, [this, alive = std::weak_ptr(alive_), key] {
    boost::asio::post(io_, [this, alive, key, addresses = ask_system(key.first, key.second)] {
      if (!alive.expired()) answered(key, addresses);
    });
  });
}

void NameLookups::answered(const Key& key, const Addresses& addresses) {
  auto waiting = waiting_.extract(key);
  for (const Answer& answer : waiting.mapped()) answer(addresses);
}

}  // namespace microvisor::cloud
