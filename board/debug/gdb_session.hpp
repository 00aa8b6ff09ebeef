// One connection of a GDB: what each packet asks for and what it is answered (GDB manual, appendix E.2 to
// E.12).
//
// Pure but for the target: bytes come in by receive() and go out by `send`. While the target runs, the other
// side may only interrupt it; the answer to what let it run is sent when it halts. A packet that is not
// understood gets the empty answer, one that is wrong an error, and neither changes anything.
//
// Lives on the target's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "board/debug/debug_target.hpp"
#include "board/debug/gdb_packet.hpp"
#include "board/debug/gdb_threads.hpp"

namespace microvisor::board {

class GdbSession {
 public:
  using Send = std::function<void(std::string_view bytes)>;

  /// The target is to be halted, as `halt` says, or to halt without having been told to.
  GdbSession(DebugTarget& target, Send send, const Halt& halt = {});

  void receive(std::string_view bytes);
  /// The target has halted.
  void halted(const Halt& halt);
  /// Text for GDB's console. GDB hears it only while it waits for the target; the last of it is kept until
  /// then.
  void console(std::string_view text);
  /// The target's program has ended with this status.
  void exited(int status);
  /// GDB has detached or killed: the connection can be closed.
  [[nodiscard]] bool over() const { return over_; }

 private:
  friend struct GdbCommands;                 // gdb_session.cpp: one function a packet
  using Reply = std::optional<std::string>;  ///< nothing: no answer now

  void handle(const std::string& packet);
  void reply(std::string_view data);
  [[nodiscard]] std::string stop_reply();
  void resume(bool stepping);
  void wait();
  void interrupt_again();

  DebugTarget& target_;
  GdbThreads threads_;
  Send send_;
  gdb::PacketReader reader_;
  std::string last_sent_;
  Halt halt_;
  bool waiting_ = false;      ///< GDB waits for the target to halt
  bool interrupted_ = false;  ///< Ctrl-C has come since the last stop
  std::string kept_;          ///< text that came while it did not
  bool acknowledges_ = true;
  bool extended_ = false;
  bool over_ = false;
  /// vCont;r: addresses in which stepping goes on by itself.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> range_;
};

}  // namespace microvisor::board
