// The bytes that libFuzzer hands over, taken apart: choices from its end, the rest as data.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>

namespace microvisor::fuzz {

/// Stops the program, whereupon libFuzzer keeps the input. For what must hold whatever the input is.
inline void require(bool holds) {
  if (!holds) std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  /// A number below `limit`, which is 1 to 256; 0 when there are no more bytes.
  std::uint32_t choose(std::uint32_t limit) {
    if (rest_.empty()) return 0;
    const std::uint8_t byte = rest_.back();
    rest_ = rest_.first(rest_.size() - 1);
    return byte % limit;
  }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return rest_; }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace microvisor::fuzz
