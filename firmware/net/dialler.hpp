// Gets a cellular module from whatever state it is in to a PPP connection, by AT commands (ITU-T V.250, 3GPP
// TS 27.007).
//
// What a person has to mend (no SIM, a PIN, a subscription that the network does not want) is told from what
// passes by itself (no network yet): all of it is tried again, but only the former is worth saying.
#pragma once

#include <cstdint>
#include <string_view>

#include "firmware/net/at_dialogue.hpp"
#include "firmware/net/platform.hpp"

namespace microvisor::firmware::net {

class Dialler {
 public:
  /// `apn` must outlive the dialler; empty: the subscription's own.
  explicit Dialler(Platform& platform, std::string_view apn = {}) : module_(platform), apn_(apn) {}

  /// Blocks, at most about two minutes.
  [[nodiscard]] DialResult dial();

 private:
  using Answer = AtDialogue::Answer;

  [[nodiscard]] bool wake_modem();
  [[nodiscard]] DialResult wait_for_sim();
  [[nodiscard]] DialResult wait_for_network();
  [[nodiscard]] char registration();
  [[nodiscard]] DialResult call();

  AtDialogue module_;
  std::string_view apn_;
};

}  // namespace microvisor::firmware::net
