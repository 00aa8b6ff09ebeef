// Connections to brokers: names, addresses, TCP and TLS, all as coroutines on the service thread. Only names
// are resolved elsewhere, on threads of their own, because the system's resolver waits.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "cloud/relay/mqtt_session.hpp"
#include "cloud/relay/policy.hpp"

namespace microvisor::cloud::mqtt {

using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;
/// May wait; called on any thread.
using Resolve =
    std::function<tl::expected<Endpoints, RequestState>(const std::string& host, std::uint16_t port)>;
/// By the system's resolver.
tl::expected<Endpoints, RequestState> resolve_by_system(const std::string& host, std::uint16_t port);

/// An account's allow-list.
using AllowedHostsOf = std::function<AllowedHosts(const std::string& account_sid)>;

/// Opens connections. Owned by the server; outlives them, lives on the service thread.
class Dialler {
 public:
  Dialler(boost::asio::any_io_executor executor, const RelayPolicy& policy, AllowedHostsOf allowed,
          Resolve resolve = resolve_by_system);
  ~Dialler();
  Dialler(const Dialler&) = delete;
  Dialler& operator=(const Dialler&) = delete;

  tl::expected<std::unique_ptr<BrokerLine>, RequestState> dial(const ChannelOwner& owner,
                                                               const BrokerAddress& address,
                                                               BrokerEvents& events);
  /// Waits for the resolver's threads. To be called before what runs the executor is gone.
  void stop();

 private:
  friend struct Connection;
  boost::asio::any_io_executor executor_;
  const RelayPolicy& policy_;
  AllowedHostsOf allowed_;
  Resolve resolve_;
  boost::asio::thread_pool resolvers_;
};

}  // namespace microvisor::cloud::mqtt
