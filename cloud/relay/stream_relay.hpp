// Opaque channels of devices on their way to the endpoints that their accounts have defined
// (docs/byte-streams.md).
//
// Neither side is read faster than the other takes, so that a stream has a few KiB here whatever its ends do.
// Owned by the server; lives on the service thread, the system's resolver apart.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cloud/channels/byte_stream.hpp"
#include "cloud/relay/policy.hpp"

namespace boost::asio {
class io_context;
}

namespace microvisor::cloud {

struct StreamRelayLimits {
  std::chrono::milliseconds connect{10'000};  ///< until the far end can be spoken to, names and all
  std::chrono::milliseconds stall{300'000};   ///< for which a far end may take nothing of what waits for it
  std::chrono::milliseconds linger{10'000};   ///< for the far end's own close, after ours
};

class StreamRelay {
 public:
  /// An account's allow-list.
  using Allowed = std::function<std::vector<std::string>(const std::string& account_sid)>;

  /// `io` is the service thread's, and outlives this; so does `policy`. Streams under way may outlive it.
  StreamRelay(boost::asio::io_context& io, const RelayPolicy& policy, Allowed allowed,
              StreamRelayLimits limits = {});
  ~StreamRelay();
  StreamRelay(const StreamRelay&) = delete;
  StreamRelay& operator=(const StreamRelay&) = delete;

  /// A ByteStreamService: connects, and carries the bytes of the stream from now on.
  [[nodiscard]] bool serve(std::shared_ptr<ByteStream> stream, const std::string& url);
  /// Streams that are carried, or whose last words are.
  [[nodiscard]] std::size_t carried() const;

 private:
  struct Shared;
  class Carrier;
  std::shared_ptr<Shared> shared_;
  Allowed allowed_;
};

}  // namespace microvisor::cloud
