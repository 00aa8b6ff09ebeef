// Addresses of names, asked for on threads of their own, because the system's resolver blocks.
//
// Whoever asks for a name that is being asked for already waits for the same answer: however many devices
// want it at once, a name that nobody answers for holds up one thread. Owned by and called from the service
// thread; answers come there too.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace microvisor::cloud {

class NameLookups {
 public:
  using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;
  /// Empty: there is no such name.
  using Answer = std::function<void(const Addresses&)>;

  explicit NameLookups(boost::asio::io_context& io) : io_(io) {}
  /// Waits for lookups that are under way; they have no answer any more.
  ~NameLookups() { threads_.join(); }
  NameLookups(const NameLookups&) = delete;
  NameLookups& operator=(const NameLookups&) = delete;

  /// `host`: a name, or an address (of IPv6 without brackets).
  void look_up(const std::string& host, std::uint16_t port, Answer answer);

 private:
  static constexpr unsigned kThreads = 8;
  using Key = std::pair<std::string, std::uint16_t>;
  void answered(const Key& key, const Addresses& addresses);

  boost::asio::io_context& io_;
  std::map<Key, std::vector<Answer>> waiting_;
  std::shared_ptr<char> alive_ = std::make_shared<char>();
  boost::asio::thread_pool threads_{kThreads};
};

}  // namespace microvisor::cloud
