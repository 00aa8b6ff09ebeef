#include "board/debug/gdb_session.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace microvisor::board {

using gdb::Arguments;

namespace {

constexpr const char* kBadArgument = "E16";  // EINVAL
constexpr const char* kBadAddress = "E0e";   // EFAULT
constexpr const char* kNoRoom = "E1c";       // ENOSPC
constexpr std::uint32_t kLargestWatch = 0x1'0000;
constexpr unsigned kSignalInterrupt = 2;
constexpr unsigned kSignalTrap = 5;
constexpr unsigned kSignalAbort = 6;
constexpr unsigned kSignalSegmentation = 11;
constexpr unsigned kStackPointer = 13;
constexpr unsigned kProgramCounter = 15;

unsigned signal_of(HaltReason reason) {
  switch (reason) {
    case HaltReason::Request: return kSignalInterrupt;
    case HaltReason::LockedUp: return kSignalAbort;
    case HaltReason::Fault: return kSignalSegmentation;
    case HaltReason::Step:
    case HaltReason::Breakpoint:
    case HaltReason::Watchpoint:
    case HaltReason::Reset:
    case HaltReason::RecordingBegins:
    case HaltReason::RecordingEnds: return kSignalTrap;
  }
  return kSignalTrap;
}

/// What a stop reply says of a recording that does not go on in this direction (GDB manual, E.3).
std::string_view log_edge(HaltReason reason) {
  if (reason == HaltReason::RecordingBegins) return "replaylog:begin;";
  return reason == HaltReason::RecordingEnds ? "replaylog:end;" : "";
}

std::string_view watch_name(const Watch& watch) {
  if (!watch.reads) return "watch";
  return watch.writes ? "awatch" : "rwatch";
}

/// "ADDRESS,LENGTH" in front.
bool take_range(Arguments& arguments, std::uint32_t& address, std::uint32_t& length) {
  return arguments.number(address) && arguments.literal(",") && arguments.number(length);
}

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

/// The packets, each a function from its arguments to its answer.
struct GdbCommands {
  using Reply = GdbSession::Reply;
  using Function = Reply (*)(GdbSession&, Arguments);

  struct Command {
    std::string_view name;
    bool alone;  ///< nothing may follow the name
    Function function;
  };
  /// The first that fits is taken.
  static const Command kAll[];

  static Reply nothing_to_do(GdbSession&, Arguments) { return "OK"; }
  static Reply unsupported(GdbSession&, Arguments) { return ""; }

  // --- the connection -------------------------------------------------------------------------------------
  static Reply supported(GdbSession& session, Arguments) {
    return fmt::format(
        "PacketSize={:x};QStartNoAckMode+;qXfer:features:read+;qXfer:memory-map:read+;"
        "vContSupported+{}",
        gdb::kLargestPacket, session.target_.reversible() ? ";ReverseStep+;ReverseContinue+" : "");
  }

  static Reply no_acknowledgements(GdbSession& session, Arguments) {
    session.reply("OK");
    session.acknowledges_ = false;
    return std::nullopt;
  }

  static Reply extend(GdbSession& session, Arguments) {
    session.extended_ = true;
    return "OK";
  }

  static Reply detach(GdbSession& session, Arguments) {
    session.over_ = true;
    session.target_.release();
    return "OK";
  }

  static Reply kill(GdbSession& session, Arguments) {
    session.over_ = true;
    session.target_.kill();
    return std::nullopt;
  }

  /// In extended mode a killed program can be run again: the board stays, halted.
  static Reply kill_process(GdbSession& session, Arguments) {
    if (session.extended_) return "OK";
    session.over_ = true;
    session.target_.kill();
    return "OK";
  }

  static Reply restart(GdbSession& session, Arguments) {
    if (!session.target_.reset()) return kBadArgument;
    session.threads_.went_on(false);
    session.halt_ = {.reason = HaltReason::Reset, .watch = {}, .pc = 0};
    return session.stop_reply();
  }

  static Reply restart_silently(GdbSession& session, Arguments) {
    session.target_.reset();
    session.threads_.went_on(false);
    return std::nullopt;
  }

  static Reply transfer_features(GdbSession& session, Arguments arguments) {
    return transfer(session.target_.description(), arguments);
  }

  static Reply transfer_memory_map(GdbSession& session, Arguments arguments) {
    return transfer(session.target_.memory_map(), arguments);
  }

  static Reply transfer(std::string_view document, Arguments arguments) {
    std::uint32_t offset = 0;
    std::uint32_t length = 0;
    if (!take_range(arguments, offset, length) || !arguments.done()) return kBadArgument;
    // Escapes may double what is sent.
    return gdb::window(document, offset, std::min<std::uint32_t>(length, gdb::kLargestPacket / 2 - 1));
  }

  // --- threads --------------------------------------------------------------------------------------------
  static Reply choose_thread(GdbSession& session, Arguments arguments) {
    const bool for_registers = arguments.literal("g");
    if (!for_registers && !arguments.literal("c")) return kBadArgument;
    if (!session.threads_.exists(arguments.rest())) return kBadArgument;
    if (for_registers) session.threads_.select(arguments.rest());
    return "OK";
  }
  static Reply thread_alive(GdbSession& session, Arguments arguments) {
    return session.threads_.exists(arguments.rest()) ? "OK" : kBadArgument;
  }
  static Reply first_threads(GdbSession& session, Arguments) {
    std::string text;
    for (const unsigned thread : session.threads_.all())
      text += fmt::format("{}{:x}", text.empty() ? "m" : ",", thread);
    return text;
  }
  static Reply more_threads(GdbSession&, Arguments) { return "l"; }
  static Reply current_thread(GdbSession& session, Arguments) {
    return fmt::format("QC{:x}", session.threads_.running());
  }
  static Reply thread_info(GdbSession& session, Arguments arguments) {
    if (!session.threads_.exists(arguments.rest())) return kBadArgument;
    return gdb::to_hex(session.threads_.describe(arguments.rest()));
  }
  static Reply symbol(GdbSession& session, Arguments arguments) {
    return session.threads_.answer_symbol(arguments);
  }
  static Reply attached(GdbSession&, Arguments) { return "1"; }  // so that quitting detaches

  // --- registers ------------------------------------------------------------------------------------------
  static Reply read_all(GdbSession& session, Arguments) {
    std::string text;
    for (unsigned number = 0; number < session.target_.register_count(); ++number) {
      text += session.threads_.register_text(number);
    }
    return text;
  }

  static Reply write_all(GdbSession& session, Arguments arguments) {
    const auto bytes = gdb::from_hex(arguments.rest());
    if (!bytes || !session.threads_.core_selected()) return kBadArgument;
    std::vector<std::size_t> sizes;
    std::size_t total = 0;
    for (unsigned number = 0; number < session.target_.register_count(); ++number) {
      sizes.push_back(session.target_.read_register(number).size());
      total += sizes.back();
    }
    if (total != bytes->size()) return kBadArgument;
    auto rest = std::span<const std::uint8_t>(*bytes);
    for (unsigned number = 0; number < sizes.size(); ++number) {
      session.target_.write_register(number, rest.first(sizes[number]));
      rest = rest.subspan(sizes[number]);
    }
    return "OK";
  }

  static Reply read_one(GdbSession& session, Arguments arguments) {
    std::uint32_t number = 0;
    if (!arguments.number(number) || !arguments.done() || number >= session.target_.register_count()) {
      return kBadArgument;
    }
    return session.threads_.register_text(number);
  }

  static Reply write_one(GdbSession& session, Arguments arguments) {
    std::uint32_t number = 0;
    if (!arguments.number(number) || !arguments.literal("=")) return kBadArgument;
    const auto bytes = gdb::from_hex(arguments.rest());
    const bool can = bytes && session.threads_.core_selected();
    return can && session.target_.write_register(number, *bytes) ? "OK" : kBadArgument;
  }

  // --- memory ---------------------------------------------------------------------------------------------
  static Reply read_memory(GdbSession& session, Arguments arguments) {
    std::uint32_t address = 0;
    std::uint32_t length = 0;
    if (!take_range(arguments, address, length) || !arguments.done()) return kBadArgument;
    length = std::min<std::uint32_t>(length, gdb::kLargestPacket / 2);
    const auto bytes = session.target_.read_memory(address, length);
    return bytes.empty() && length != 0 ? kBadAddress : gdb::to_hex(bytes);
  }

  static Reply write_memory(GdbSession& session, Arguments arguments) {
    std::uint32_t address = 0;
    std::uint32_t length = 0;
    if (!take_range(arguments, address, length) || !arguments.literal(":")) return kBadArgument;
    const auto bytes = gdb::from_hex(arguments.rest());
    if (!bytes || bytes->size() != length) return kBadArgument;
    return session.target_.write_memory(address, *bytes) ? "OK" : kBadAddress;
  }

  static Reply write_binary(GdbSession& session, Arguments arguments) {
    std::uint32_t address = 0;
    std::uint32_t length = 0;
    if (!take_range(arguments, address, length) || !arguments.literal(":")) return kBadArgument;
    if (arguments.rest().size() != length) return kBadArgument;
    return session.target_.write_memory(address, as_bytes(arguments.rest())) ? "OK" : kBadAddress;
  }

  static Reply erase_flash(GdbSession& session, Arguments arguments) {
    std::uint32_t address = 0;
    std::uint32_t length = 0;
    if (!take_range(arguments, address, length) || !arguments.done()) return kBadArgument;
    return session.target_.erase_flash(address, length) ? "OK" : kBadAddress;
  }

  static Reply write_flash(GdbSession& session, Arguments arguments) {
    std::uint32_t address = 0;
    if (!arguments.number(address) || !arguments.literal(":")) return kBadArgument;
    return session.target_.write_flash(address, as_bytes(arguments.rest())) ? "OK" : "E.memtype";
  }

  // --- breakpoints and watchpoints ------------------------------------------------------------------------
  static Reply insert(GdbSession& session, Arguments arguments) { return change(session, arguments, true); }
  static Reply remove(GdbSession& session, Arguments arguments) { return change(session, arguments, false); }

  static Reply change(GdbSession& session, Arguments arguments, bool inserted) {
    std::uint32_t type = 0;
    std::uint32_t address = 0;
    std::uint32_t size = 0;
    if (!arguments.number(type) || !arguments.literal(",")) return kBadArgument;
    if (!take_range(arguments, address, size) || !arguments.done()) return kBadArgument;
    DebugTarget& target = session.target_;
    if (type <= 1) {
      if (inserted && !target.takes_breakpoint(address)) return kNoRoom;
      inserted ? target.set_breakpoint(address) : target.clear_breakpoint(address);
      return "OK";
    }
    if (type > 4) return "";
    if (size == 0 || size > kLargestWatch) return kBadArgument;
    const Watch watch{.address = address, .size = size, .reads = type != 2, .writes = type != 3};
    if (inserted && !target.takes_watch(watch)) return kNoRoom;
    inserted ? target.add_watch(watch) : target.remove_watch(watch);
    return "OK";
  }

  // --- running --------------------------------------------------------------------------------------------
  static Reply last_stop(GdbSession& session, Arguments) { return session.stop_reply(); }

  static Reply go_on(GdbSession& session, Arguments arguments) { return resume(session, arguments, false); }
  static Reply step(GdbSession& session, Arguments arguments) { return resume(session, arguments, true); }
  static Reply go_on_with_signal(GdbSession& session, Arguments arguments) {
    return without_signal(session, arguments, false);
  }
  static Reply step_with_signal(GdbSession& session, Arguments arguments) {
    return without_signal(session, arguments, true);
  }

  /// c and s, with an address where to go on.
  static Reply resume(GdbSession& session, Arguments arguments, bool stepping) {
    std::uint32_t address = 0;
    if (!arguments.done()) {
      if (!arguments.number(address) || !arguments.done()) return kBadArgument;
      std::array<std::uint8_t, 4> bytes{};
      for (unsigned index = 0; index < 4; ++index) {
        bytes[index] = static_cast<std::uint8_t>(address >> 8 * index);
      }
      session.target_.write_register(kProgramCounter, bytes);
    }
    session.resume(stepping);
    return std::nullopt;
  }

  /// C and S: a chip has no signals.
  static Reply without_signal(GdbSession& session, Arguments arguments, bool stepping) {
    std::uint32_t signal = 0;
    if (!arguments.number(signal)) return kBadArgument;
    arguments.literal(";");
    return resume(session, arguments, stepping);
  }

  static Reply step_back(GdbSession& session, Arguments) { return go_back(session, true); }
  static Reply continue_back(GdbSession& session, Arguments) { return go_back(session, false); }
  static Reply go_back(GdbSession& session, bool stepping) {
    if (!session.target_.reversible()) return "";
    session.wait();
    session.target_.go_back(stepping);
    session.interrupt_again();
    return std::nullopt;
  }

  static Reply cont_actions(GdbSession&, Arguments) { return "vCont;c;C;s;S;t;r"; }

  /// vCont: the first action for a thread that there is. It is the core's, whichever task that is at.
  static Reply cont(GdbSession& session, Arguments arguments) {
    while (!arguments.done()) {
      Arguments action(arguments.until(';'));
      Arguments what(action.until(':'));
      if (!session.threads_.exists(action.rest())) continue;
      return act(session, what);
    }
    return kBadArgument;
  }

  static Reply act(GdbSession& session, Arguments what) {
    std::uint32_t first = 0;
    std::uint32_t end = 0;
    const std::string_view kind = what.rest().substr(0, 1);
    what.literal(kind);
    bool understood = kind == "c" || kind == "s";
    if (kind == "C" || kind == "S") understood = what.number(first);  // a chip has no signals
    if (kind == "r") understood = take_range(what, first, end);
    if (!understood || !what.done()) return kBadArgument;
    if (kind == "r") return step_through(session, first, end);
    session.resume(kind != "c" && kind != "C");
    return std::nullopt;
  }

  static Reply step_through(GdbSession& session, std::uint32_t first, std::uint32_t end) {
    session.threads_.went_on(true);
    if (session.target_.step_through(first, end)) {
      session.wait();
      session.interrupt_again();
      return std::nullopt;
    }
    session.resume(true);
    if (!session.interrupted_) session.range_ = {first, end};
    return std::nullopt;
  }

  // --- monitor --------------------------------------------------------------------------------------------
  static Reply monitor(GdbSession& session, Arguments arguments) {
    const auto bytes = gdb::from_hex(arguments.rest());
    if (!bytes) return kBadArgument;
    const auto output =
        session.target_.monitor({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
    if (!output) return "";
    if (output->empty()) return "OK";
    return gdb::to_hex(std::string_view(*output).substr(0, gdb::kLargestPacket / 2));
  }
};

const GdbCommands::Command GdbCommands::kAll[] = {
    {"?", true, last_stop},
    {"!", true, extend},
    {"g", true, read_all},
    {"G", false, write_all},
    {"p", false, read_one},
    {"P", false, write_one},
    {"m", false, read_memory},
    {"M", false, write_memory},
    {"X", false, write_binary},
    {"Z", false, insert},
    {"z", false, remove},
    {"c", false, go_on},
    {"s", false, step},
    {"C", false, go_on_with_signal},
    {"S", false, step_with_signal},
    {"bs", true, step_back},
    {"bc", true, continue_back},
    {"vCont?", true, cont_actions},
    {"vCont;", false, cont},
    {"vFlashErase:", false, erase_flash},
    {"vFlashWrite:", false, write_flash},
    {"vFlashDone", true, nothing_to_do},
    {"vKill;", false, kill_process},
    {"vRun;", false, restart},
    {"R", false, restart_silently},
    {"k", true, kill},
    {"D", false, detach},
    {"H", false, choose_thread},
    {"T", false, thread_alive},
    {"QStartNoAckMode", true, no_acknowledgements},
    {"qSupported", false, supported},
    {"qXfer:features:read:target.xml:", false, transfer_features},
    {"qXfer:memory-map:read::", false, transfer_memory_map},
    {"qfThreadInfo", true, first_threads},
    {"qsThreadInfo", true, more_threads},
    {"qThreadExtraInfo,", false, thread_info},
    {"qC", true, current_thread},
    {"qAttached", false, attached},
    {"qSymbol:", false, symbol},
    {"qRcmd,", false, monitor},
};

GdbSession::GdbSession(DebugTarget& target, Send send, const Halt& halt)
    : target_(target), threads_(target), send_(std::move(send)), halt_(halt) {}

void GdbSession::receive(std::string_view bytes) {
  using Event = gdb::PacketReader::Event;
  reader_.take(bytes, [this](Event event, const std::string& data) {
    if (over_) return;
    switch (event) {
      case Event::Acknowledged: break;
      case Event::Refused:
        if (acknowledges_) send_(last_sent_);
        break;
      case Event::Damaged:
        if (acknowledges_) send_("-");
        break;
      case Event::Interrupt:
        range_.reset();
        interrupted_ = true;  // before the target is told, since some halt at once
        if (waiting_) target_.halt();
        break;
      case Event::Packet:
        if (acknowledges_) send_("+");
        handle(data);
        break;
    }
  });
}

void GdbSession::handle(const std::string& packet) {
  if (waiting_) return reply(kBadArgument);
  for (const auto& [name, alone, function] : GdbCommands::kAll) {
    if (alone ? packet != name : !packet.starts_with(name)) continue;
    if (const auto answer = function(*this, Arguments(std::string_view(packet).substr(name.size())))) {
      reply(*answer);
    }
    return;
  }
  reply("");
}

void GdbSession::reply(std::string_view data) {
  last_sent_ = gdb::make_packet(data);
  send_(last_sent_);
}

void GdbSession::resume(bool stepping) {
  wait();
  threads_.went_on(stepping);
  target_.go_on(stepping);
  interrupt_again();
}

void GdbSession::wait() {
  waiting_ = true;
  range_.reset();
  console(std::exchange(kept_, {}));
}

/// A Ctrl-C that comes between two steps which GDB makes of one command is for the next of them (GDB manual,
/// Interrupts).
void GdbSession::interrupt_again() {
  if (interrupted_) target_.halt();
}

void GdbSession::halted(const Halt& halt) {
  halt_ = halt;
  if (!waiting_) return;
  // GDB goes on by itself from a stop whose condition does not hold, and Ctrl-C would be lost with that.
  if (std::exchange(interrupted_, false)) halt_.reason = HaltReason::Request;
  const bool stepped_on = halt.reason == HaltReason::Step && range_;
  if (stepped_on && halt.pc >= range_->first && halt.pc < range_->second) return target_.go_on(true);
  if (halt.reason == HaltReason::LockedUp) console("The core is locked up.\n");
  if (halt.reason == HaltReason::Reset) console("The chip came out of a reset.\n");
  waiting_ = false;
  range_.reset();
  reply(stop_reply());
}

std::string GdbSession::stop_reply() {
  threads_.select({});
  std::string text = fmt::format(
      "T{:02x}thread:{:x};", halt_.signal != 0 ? halt_.signal : signal_of(halt_.reason), threads_.running());
  if (halt_.reason == HaltReason::Watchpoint) {
    text += fmt::format("{}:{:08x};", watch_name(halt_.watch), halt_.watch.address);
  }
  text += log_edge(halt_.reason);
  for (const unsigned number : {kStackPointer, kProgramCounter}) {
    if (!target_.knows_register(number)) continue;
    text += fmt::format("{:02x}:{};", number, gdb::to_hex(target_.read_register(number)));
  }
  return text;
}

void GdbSession::console(std::string_view text) {
  constexpr std::size_t kPiece = gdb::kLargestPacket / 2 - 1;
  if (!waiting_) {
    kept_ += text;
    if (kept_.size() > kPiece) kept_.erase(0, kept_.size() - kPiece);
    return;
  }
  for (; !text.empty(); text.remove_prefix(std::min(kPiece, text.size()))) {
    reply("O" + gdb::to_hex(text.substr(0, kPiece)));
  }
}

void GdbSession::exited(int status) {
  if (!waiting_) return;
  waiting_ = false;
  over_ = true;
  reply(fmt::format("W{:02x}", static_cast<unsigned>(status) & 0xFF));
}

}  // namespace microvisor::board
