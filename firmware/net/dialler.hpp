// Gets a cellular module from whatever state it is in to a PPP connection, by AT commands (ITU-T V.250, 3GPP
// TS 27.007).
//
// What a person has to mend (no SIM, a PIN, a subscription that the network does not want) is told from what
// passes by itself (no network yet): all of it is tried again, but only the former is worth saying.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "firmware/net/at_dialogue.hpp"
#include "firmware/net/platform.hpp"
#include "protocol/link/access_point_name.hpp"

namespace microvisor::firmware::net {

/// Of the packet network that the modem is to be in.
struct AccessPointName {
  std::array<char, protocol::kLongestAccessPointName> text{};
  std::uint8_t length = 0;  ///< 0: none is set, and the subscription's own counts

  [[nodiscard]] std::string_view name() const { return {text.data(), length}; }
};

class Dialler {
 public:
  explicit Dialler(Platform& platform) : module_(platform) {}

  /// `apn` is an access point name; empty: the subscription's own. Blocks, at most about two minutes.
  [[nodiscard]] DialResult dial(std::string_view apn);
  /// As it was when it was dialled last.
  [[nodiscard]] const Reception& reception() const { return reception_; }

 private:
  using Answer = AtDialogue::Answer;

  [[nodiscard]] bool wake_modem();
  [[nodiscard]] bool define_context(std::string_view apn);
  [[nodiscard]] DialResult wait_for_sim();
  [[nodiscard]] DialResult wait_for_network();
  [[nodiscard]] char registration();
  void measure();
  [[nodiscard]] DialResult call();

  AtDialogue module_;
  Reception reception_;
};

}  // namespace microvisor::firmware::net
