// What the line's station says on the serial line, byte by byte: `MV hello`, or `MV certificate` and a
// certificate in hexadecimal digits. A line ends at LF; CR does not count. docs/factory.md has the answers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace microvisor::firmware::factory {

/// What the line that has just ended asks for.
enum class Asked : std::uint8_t {
  Nothing,  ///< the line has not ended, or was empty
  Request,
  Certificate,  ///< certificate() has it
  Unknown,      ///< or longer than anything that could be meant
};

class LineDialogue {
 public:
  /// `memory` takes the certificate and must live as long as this object.
  explicit LineDialogue(std::span<std::uint8_t> memory) : memory_(memory) {}

  [[nodiscard]] Asked take(std::uint8_t byte);
  /// Until the next byte is taken.
  [[nodiscard]] std::span<const std::uint8_t> certificate() const { return memory_.first(digits_ / 2); }

 private:
  static constexpr std::string_view kHello = "MV hello";
  static constexpr std::string_view kCertificate = "MV certificate ";

  void take_digit(std::uint8_t byte);
  [[nodiscard]] Asked end_of_line();
  [[nodiscard]] std::string_view word() const { return {word_.data(), length_}; }

  std::span<std::uint8_t> memory_;
  std::array<char, kCertificate.size()> word_{};
  std::size_t length_ = 0;
  std::size_t digits_ = 0;
  bool ended_ = true;  // the next byte begins a line
  bool bad_ = false;
};

}  // namespace microvisor::firmware::factory
