// Whether the module has said, behind the frames of a call, that the call is over.
//
// NO CARRIER comes on the line that carries PPP (V.250 section 6.3.4), and any packet may contain the same
// bytes. But a packet ends with a flag: text after which no flag has come for a second was the module's own.
#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/net/platform.hpp"

namespace microvisor::firmware::net {

class CarrierWatch {
 public:
  static constexpr std::uint64_t kSilence = kSeconds;

  void begin() { *this = {}; }
  void take(std::uint8_t byte, std::uint64_t now) {
    if (byte == kFlag) said_ = false;
    matched_ = byte == static_cast<std::uint8_t>(kText[matched_]) ? matched_ + 1 : byte == '\r' ? 1 : 0;
    if (matched_ != kText.size()) return;
    matched_ = 0;
    said_ = true;
    said_at_ = now;
  }
  [[nodiscard]] bool lost(std::uint64_t now) const { return said_ && now >= said_at_ + kSilence; }
  /// When to ask again although nothing has come.
  [[nodiscard]] std::uint64_t deadline() const { return said_ ? said_at_ + kSilence : ~std::uint64_t{0}; }

 private:
  static constexpr std::uint8_t kFlag = 0x7E;
  static constexpr std::string_view kText = "\r\nNO CARRIER\r";
  std::size_t matched_ = 0;
  bool said_ = false;
  std::uint64_t said_at_ = 0;
};

}  // namespace microvisor::firmware::net
