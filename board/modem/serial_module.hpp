// What a communication module on a UART is, whatever its radio: an AT interpreter in command mode (ITU-T
// V.250), PPP in data mode, and a life of its own.
//
// The module has its own power: a reset of the chip neither ends a call nor changes a setting. All timing is
// by events of the board's scheduler. Bytes to the chip leave one per frame time and only while the chip is
// ready (RTS); the module is ready (CTS) from the end of its boot on. Owned by whoever owns the board, lives
// on its thread.
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

class SerialModule : public SerialDevice {
 public:
  ~SerialModule() override;
  SerialModule(const SerialModule&) = delete;
  SerialModule& operator=(const SerialModule&) = delete;

  /// Solders the module to a UART and powers it on. The port must outlive the module.
  void attach(SerialPort& port);
  /// All of the module; what the network behind it knows of connections is not part of it.
  virtual void serialise(Archive& archive);
  /// Off and on again: everything that is not kept is as new.
  virtual void power_cycle();
  /// The network ends the call, with an orderly release.
  void drop_call();
  /// The network is gone in the middle of the call: the module says so, and PPP learns nothing.
  void lose_carrier();

  void byte_from_chip(std::uint8_t byte) override;
  void chip_ready_changed(bool ready) override;

  [[nodiscard]] bool in_call() const { return mode_ != Mode::Command && mode_ != Mode::Off; }
  /// The network as the module sees it, in one word, of which "off", "dialling" and "online" are common.
  [[nodiscard]] std::string_view state_text() const;
  [[nodiscard]] std::uint64_t packets_sent() const { return packets_sent_; }
  [[nodiscard]] std::uint64_t packets_received() const { return packets_received_; }

 protected:
  enum class Mode : std::uint8_t {
    Off,
    Command,
    Data,
    Escaped,  ///< "+++": a command mode with a call in the background
  };
  struct Times {
    Time response;      ///< from the end of a command line to its answer
    Time escape_guard;  ///< silence before and after "+++" (V.250 S12)
  };

  SerialModule(Scheduler& scheduler, Network& network, std::uint32_t address, Times times,
               at::LineReader reader);

  /// Executes a command line (without "AT").
  virtual at::Result execute(const std::string& line) = 0;
  /// state_text() outside of calls.
  [[nodiscard]] virtual std::string_view idle_text() const = 0;
  /// A call may be set up now.
  [[nodiscard]] virtual bool reachable() const = 0;

  void to_chip(std::span<const std::uint8_t> bytes);
  void to_chip(std::string_view text);
  /// A line in the form that ATV has chosen.
  void information(std::string_view text);
  void finish(at::Result result);
  /// A line is being worked on.
  [[nodiscard]] bool answering() const { return command_event_.armed(); }
  /// The module has started: it takes commands from now on, and says `greeting`.
  void start(std::string_view greeting);
  /// ATD, ATH and ATO, the same in every module.
  at::Result dial(const at::Command& command);
  at::Result connect();
  at::Result hang_up();
  at::Result online();
  void leave_call();

  Scheduler& scheduler_;
  at::Settings at_;
  Mode mode_ = Mode::Off;

 private:
  void pump();
  void data_byte(std::uint8_t byte);
  void escape_due();
  void start_call();
  void call_ended();
  void packet_for_board(std::span<const std::uint8_t> packet);
  void command_due();

  Network& network_;
  Times times_;
  SerialPort* port_ = nullptr;
  std::deque<std::uint8_t> to_chip_;
  PppServer ppp_;
  at::LineReader reader_;
  std::string pending_line_;
  Time last_byte_ = 0;   // from the chip, in data mode
  unsigned pluses_ = 0;  // of an escape sequence seen so far
  std::uint64_t packets_sent_ = 0;
  std::uint64_t packets_received_ = 0;
  Scheduler::Event byte_event_;
  Scheduler::Event command_event_;
  Scheduler::Event escape_event_;
};

}  // namespace microvisor::board
