// Which endpoints an opaque channel may be opened to, as the gateway has told: a hash of each name
// (protocol/link/endpoint_name.hpp), which outlives applications.
//
// Set by the worker under Atomic, asked by system calls.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/link/endpoint_name.hpp"

namespace microvisor::firmware::kernel {

/// A name, and zeros to the end: at least one, unless it is none for its length. Copied by words, for which
/// an interrupt waits less.
struct alignas(4) EndpointName {
  std::array<char, protocol::kLongestEndpointName + 1> text{};
};

class Endpoints {
 public:
  void set(std::span<const std::uint32_t> hashes) {
    count_ = static_cast<std::uint32_t>(std::min(hashes.size(), hashes_.size()));
    std::copy_n(hashes.begin(), count_, hashes_.begin());
  }

  /// Whether there is one whose name has this hash.
  [[nodiscard]] bool knows(std::uint32_t hash) const {
    if (hash == protocol::endpoint_hash(protocol::kLogEndpoint)) return true;
    const auto end = hashes_.begin() + count_;
    return std::find(hashes_.begin(), end, hash) != end;
  }

 private:
  std::array<std::uint32_t, protocol::kMaximumEndpoints> hashes_{};
  std::uint32_t count_ = 0;
};

/// Looks a name up by pieces, for which an interrupt may wait.
class EndpointLookup {
 public:
  static constexpr std::size_t kPiece = 16;

  /// Before the first piece of a name.
  void begin() {
    hash_ = protocol::kEndpointHashStart;
    done_ = 0;
    printable_ = true;
  }
  /// False: that was not the last piece.
  [[nodiscard]] bool step(std::string_view name) {
    const std::string_view piece(name.data() + done_, std::min<std::size_t>(kPiece, name.size() - done_));
    printable_ = printable_ && (piece.empty() || protocol::is_endpoint_name(piece));
    hash_ = protocol::endpoint_hash(piece, hash_);
    done_ += static_cast<std::uint32_t>(piece.size());
    return done_ == name.size();
  }
  /// Of a name whose last piece there has been.
  [[nodiscard]] bool found_in(const Endpoints& endpoints) const {
    return printable_ && done_ != 0 && done_ <= protocol::kLongestEndpointName && endpoints.knows(hash_);
  }

 private:
  std::uint32_t hash_ = 0;
  std::uint32_t done_ = 0;
  bool printable_ = false;
};

}  // namespace microvisor::firmware::kernel
