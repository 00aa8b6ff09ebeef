// A module's two slots: the firmware that runs, the one that is being received, and which of them is on trial
// (docs/module-firmware.md, "The module's contract").
//
// It never writes what it runs from, and what it has received outlives restarts. Owned by its module, lives
// on its thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "board/bus/archive.hpp"
#include "board/modem/at_parser.hpp"

namespace microvisor::board {

/// What is wrong with the firmware that comes next.
enum class FirmwareFault : std::uint8_t {
  None,
  Bad,     ///< its second piece is refused, always
  Cut,     ///< the module restarts in the middle of its second piece, once
  Abrupt,  ///< the module restarts with it without saying OK
  Mute,    ///< it does not answer
  NoJoin,  ///< it joins nothing
};

class ModuleFirmware {
 public:
  static constexpr std::string_view kKind = "MV-WIFI1";
  static constexpr std::size_t kLongestPiece = 512;
  static constexpr std::size_t kLargestImage = 2 << 20;
  static constexpr unsigned kTrialStarts = 3;  ///< with the third one the old firmware is back

  explicit ModuleFirmware(std::uint32_t version = 1, FirmwareFault fault = FirmwareFault::None)
      : version_(version), fault_(fault) {}

  [[nodiscard]] std::uint32_t version() const { return version_; }
  [[nodiscard]] bool on_trial() const { return on_trial_; }
  [[nodiscard]] bool abrupt() const { return fault_ == FirmwareFault::Abrupt; }
  [[nodiscard]] bool mute() const { return on_trial_ && fault_ == FirmwareFault::Mute; }
  [[nodiscard]] bool joins() const { return !on_trial_ || fault_ != FirmwareFault::NoJoin; }
  /// What `AT+MVFW?` tells.
  [[nodiscard]] std::string state_text() const;
  /// `<size>,<sha256>,<version>`. False: that cannot be.
  [[nodiscard]] bool begin(std::string_view arguments);
  /// `<offset>,<length>,<crc>`: so many bytes are to come by take(); 0: not this piece.
  [[nodiscard]] std::size_t begin_piece(std::string_view arguments);
  [[nodiscard]] bool takes_bytes() const { return wanted_ != 0; }
  enum class Taken : std::uint8_t { More, Stored, Refused, Restart };
  Taken take(std::uint8_t byte);
  /// No more bytes of this piece will come.
  void drop_piece();
  /// All is there and right: from the next start on it runs, on trial.
  [[nodiscard]] bool end();
  [[nodiscard]] bool confirm();
  /// The old one is to run from the next start on.
  [[nodiscard]] bool go_back();
  /// The boot loader: what runs now.
  void started();
  void serialise(Archive& archive);

 private:
  std::uint32_t version_;
  FirmwareFault fault_;
  std::uint32_t old_version_ = 0;  // in the other slot, while on trial
  bool on_trial_ = false;
  unsigned starts_ = 0;  // on trial
  // The image that is being received.
  std::uint32_t size_ = 0;
  std::uint32_t next_version_ = 0;
  std::string hash_;
  std::vector<std::uint8_t> image_;
  // The piece.
  std::size_t wanted_ = 0;
  std::uint32_t check_ = 0;
  std::vector<std::uint8_t> piece_;
};

}  // namespace microvisor::board
