// A cellular module on a UART: the AT interpreter of 3GPP TS 27.007 and ITU-T V.250, and PPP in data mode.
//
// The module has its own power and life: a reset of the chip neither ends a call nor changes a setting. All
// timing is by events of the board's scheduler. Bytes to the chip leave one per frame time and only while the
// chip is ready (RTS); the module is ready (CTS) from the end of its boot on.
//
// Owned by the Board, lives on its thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "board/bus/edge.hpp"
#include "board/bus/scheduler.hpp"
#include "board/modem/at_parser.hpp"
#include "board/modem/network.hpp"
#include "board/modem/ppp.hpp"

namespace microvisor::board {

/// Moments in the life of the module, from power-on; and what an operator sees of it.
struct ModemSettings {
  Time boot = 150 * 1000 * kTicksPerMicrosecond;        ///< "RDY"
  Time sim_ready = 220 * 1000 * kTicksPerMicrosecond;   ///< "+CPIN: READY"
  Time registered = 400 * 1000 * kTicksPerMicrosecond;  ///< attached to the network
  Time response = 2 * 1000 * kTicksPerMicrosecond;      ///< from the end of a command line to its answer
  Time escape_guard = kTicksPerSecond;                  ///< silence before and after "+++" (V.250 S12)
  bool sim_present = true;
  unsigned signal_quality = 23;  ///< +CSQ, 0 to 31
  std::string imei = "867698040000001";
  std::string imsi = "001010000000001";
  std::string iccid = "89882390000000000017";
};

class AtModem final : public SerialDevice {
 public:
  AtModem(Scheduler& scheduler, Network& network, ModemSettings settings = {});
  ~AtModem() override;
  AtModem(const AtModem&) = delete;
  AtModem& operator=(const AtModem&) = delete;

  /// Solders the module to a UART and powers it on. The port must outlive the module.
  void attach(SerialPort& port);
  /// All of the module; what the network behind it knows of connections is not part of it.
  void serialise(Archive& archive);
  /// Off and on again: everything that is not in the SIM is as new.
  void power_cycle();
  /// The network ends the call, as a loss of coverage with an orderly release does.
  void drop_call();

  void byte_from_chip(std::uint8_t byte) override;
  void chip_ready_changed(bool ready) override;

  [[nodiscard]] bool in_call() const { return mode_ != Mode::Command && mode_ != Mode::Off; }
  /// The network as the module sees it, in one word: "off", "searching", "registered", "dialling", "online".
  [[nodiscard]] std::string_view state_text() const;
  [[nodiscard]] std::uint64_t packets_sent() const { return packets_sent_; }
  [[nodiscard]] std::uint64_t packets_received() const { return packets_received_; }

 private:
  enum class Mode : std::uint8_t {
    Off,
    Command,
    Data,
    Escaped,  ///< "+++": a command mode with a call in the background
  };

  // --- line ---
  void to_chip(std::span<const std::uint8_t> bytes);
  void to_chip(std::string_view text);
  void pump();
  // --- life ---
  void boot_done();
  void sim_done();
  void registration_done();
  // --- data mode ---
  void data_byte(std::uint8_t byte);
  void escape_due();
  void start_call();
  void call_ended();
  void leave_call();
  void packet_for_board(std::span<const std::uint8_t> packet);
  // --- command mode ---
  void command_due();
  void finish(at::Result result);
  void report_registration(std::string_view name, unsigned mode);

  friend class AtCommands;

  Scheduler& scheduler_;
  Network& network_;
  ModemSettings settings_;
  SerialPort* port_ = nullptr;
  std::deque<std::uint8_t> to_chip_;
  PppServer ppp_;
  at::LineReader reader_;
  at::Settings at_;
  std::string pending_line_;
  Mode mode_ = Mode::Off;
  bool sim_ready_ = false;
  bool registered_ = false;
  Time last_byte_ = 0;   // from the chip, in data mode
  unsigned pluses_ = 0;  // of an escape sequence seen so far
  std::uint64_t packets_sent_ = 0;
  std::uint64_t packets_received_ = 0;
  Scheduler::Event byte_event_;
  Scheduler::Event boot_event_;
  Scheduler::Event sim_event_;
  Scheduler::Event registration_event_;
  Scheduler::Event command_event_;
  Scheduler::Event escape_event_;
};

}  // namespace microvisor::board
