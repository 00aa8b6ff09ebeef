// Gives the Wi-Fi module the firmware that is staged for it, and has it kept or taken back
// (docs/module-firmware.md).
//
// What has been done so far is asked of the module each time, so that a power cut anywhere needs no note
// here. Blocks, in the worker.
#pragma once

#include <array>
#include <cstdint>

#include "firmware/net/wifi_module.hpp"
#include "firmware/upgrader/kernel_updater.hpp"

namespace microvisor::firmware::link {

class ModuleInstaller {
 public:
  ModuleInstaller(upgrader::KernelUpdater& updater, net::WifiModule& module)
      : updater_(updater), module_(module) {}

  /// The next step with what for_module() has. `proven`: the module carried a session just now. True: it has
  /// been restarted with its new firmware, which is to carry one. Else it is over, and the updater knows how.
  [[nodiscard]] bool run(bool proven);

  /// For good, as far as the module has told.
  [[nodiscard]] static bool runs(const net::ModuleState& now, const manifest::ModuleManifest& image);

 private:
  static constexpr std::size_t kPiece = 512;

  bool done(update::UpdateError error);
  [[nodiscard]] bool judge(bool good);
  [[nodiscard]] bool give(const manifest::ModuleManifest& image);
  [[nodiscard]] bool give_rest(const manifest::ModuleManifest& image);
  [[nodiscard]] bool announce(const manifest::ModuleManifest& image);
  [[nodiscard]] bool give_piece(std::uint32_t offset, std::span<const std::uint8_t> piece);
  [[nodiscard]] bool wake();
  [[nodiscard]] bool accepts(std::string_view command);
  void say(std::string_view before, std::uint32_t number);
  void say_digits(std::span<const std::uint8_t> bytes);

  upgrader::KernelUpdater& updater_;
  net::WifiModule& module_;
};

}  // namespace microvisor::firmware::link
