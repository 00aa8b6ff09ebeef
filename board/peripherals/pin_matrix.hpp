// The pads of the chip: who drives each one, and who has to know when its level changes.
//
// A pad's level is decided in this order: a driver outside the chip, the chip's own output (GPIO or an
// alternate function), the pull resistor, low. The GPIO ports tell what they want of a pad, timers put their
// signals on alternate functions; EXTI and PWR listen to levels, the board's user to what the chip drives.
//
// Lives on the board's thread, owned by the board.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "board/bus/archive.hpp"
#include "board/bus/edge.hpp"
#include "board/peripherals/timer.hpp"

namespace microvisor::board {

class PinMatrix final : public Pins {
 public:
  static constexpr unsigned kPorts = 9;
  static constexpr unsigned kPinsPerPort = 16;

  /// What a port's registers ask of a pad.
  struct PadConfig {
    enum class Mode : std::uint8_t { Input, Output, Alternate, Analog };
    enum class Pull : std::uint8_t { None, Up, Down };
    Mode mode = Mode::Analog;
    bool open_drain = false;
    Pull pull = Pull::None;
    bool output = false;        ///< ODR
    std::uint8_t function = 0;  ///< alternate function number
    friend bool operator==(const PadConfig&, const PadConfig&) = default;
  };
  using LevelListener = std::function<void(PinId, bool)>;

  void drive(PinId pin, std::optional<bool> level) override;
  [[nodiscard]] bool level(PinId pin) const override;
  void on_output_change(std::function<void(PinId, bool)> listener) override {
    output_listener_ = std::move(listener);
  }
  void on_duty_change(std::function<void(PinId, std::uint32_t, std::uint32_t)> listener) override {
    duty_listener_ = std::move(listener);
  }

  void configure(PinId pin, const PadConfig& config);
  [[nodiscard]] const PadConfig& config(PinId pin) const { return pad(pin).config; }
  /// Told of the level that an alternate function leads from a pad into a timer: input 0 to 3 of a channel,
  /// Timer::kExternalTrigger of ETR.
  void on_timer_input(std::function<void(std::uint32_t timer_base, unsigned input, bool level)> listener) {
    timer_input_listener_ = std::move(listener);
  }
  /// Signal of a timer channel (from 0), at all pads it can be routed to.
  void set_timer_output(std::uint32_t timer_base, unsigned channel, const TimerOutput& output);
  /// The levels of a port's pads, a bit each.
  [[nodiscard]] std::uint32_t levels(unsigned port) const { return levels_[port]; }
  /// While the ports are off (Stop 3, Standby, Shutdown) pads float, but for the pulls that PWR applies to
  /// them.
  void set_isolated(bool isolated);
  void set_applied_pull(std::function<std::optional<bool>(PinId)> pull) { applied_pull_ = std::move(pull); }
  /// Told of each change of a pad's level, whoever causes it.
  void on_level_change(LevelListener listener) { level_listeners_.push_back(std::move(listener)); }
  /// The pads of one port and the isolation; the signals of timers come back with the timers.
  void serialise_port(Archive& archive, unsigned port);

 private:
  enum class Outside : std::uint8_t { Free, Low, High };
  struct Pad {
    PadConfig config;
    Outside outside = Outside::Free;
    bool chip_level = false;  ///< what the chip drives, low while it drives nothing
    std::uint32_t hertz = 0;
    std::uint32_t permille = 0;
  };

  [[nodiscard]] Pad& pad(PinId pin) { return pads_[pin.port % kPorts][pin.number % kPinsPerPort]; }
  [[nodiscard]] const Pad& pad(PinId pin) const {
    return pads_[pin.port % kPorts][pin.number % kPinsPerPort];
  }
  /// What the chip drives onto the pad; nothing if it does not (or is an open drain that lets go).
  [[nodiscard]] std::optional<bool> driven(PinId pin, const Pad& state, const TimerOutput& signal) const;
  [[nodiscard]] TimerOutput signal_at(PinId pin, unsigned function) const;
  void refresh(PinId pin);
  void lead_into_timers(PinId pin, const Pad& state) const;
  void report_duty(PinId pin, Pad& state, const TimerOutput& signal);

  std::array<std::array<Pad, kPinsPerPort>, kPorts> pads_{};
  std::array<std::uint32_t, kPorts> levels_{};                    ///< on the pads, a bit each
  std::unordered_map<std::uint32_t, TimerOutput> timer_outputs_;  ///< by base | channel
  std::function<void(PinId, bool)> output_listener_;
  std::function<void(PinId, std::uint32_t, std::uint32_t)> duty_listener_;
  std::function<void(std::uint32_t, unsigned, bool)> timer_input_listener_;
  std::vector<LevelListener> level_listeners_;
  std::function<std::optional<bool>(PinId)> applied_pull_;
  bool isolated_ = false;
};

}  // namespace microvisor::board
