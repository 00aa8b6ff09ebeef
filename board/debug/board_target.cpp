#include "board/debug/board_target.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "board/cpu/system.hpp"
#include "board/debug/core_registers.hpp"

namespace microvisor::board {
namespace {

/// Without an end that is a multiple of the page, GDB erases what it must. Flash by both aliases, RAM by all
/// four, everything else as something that can be read and written (RM0456 section 2.3).
constexpr std::string_view kMemoryMap =
    "<?xml version=\"1.0\"?>\n"
    "<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\""
    " \"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n"
    "<memory-map>\n"
    "<memory type=\"flash\" start=\"0x08000000\" length=\"0x200000\">"
    "<property name=\"blocksize\">0x2000</property></memory>\n"
    "<memory type=\"ram\" start=\"0x0a000000\" length=\"0xc0000\"/>\n"
    "<memory type=\"rom\" start=\"0x0bf80000\" length=\"0x28000\"/>\n"
    "<memory type=\"flash\" start=\"0x0c000000\" length=\"0x200000\">"
    "<property name=\"blocksize\">0x2000</property></memory>\n"
    "<memory type=\"ram\" start=\"0x0e000000\" length=\"0xc0000\"/>\n"
    "<memory type=\"ram\" start=\"0x20000000\" length=\"0xc0000\"/>\n"
    "<memory type=\"ram\" start=\"0x28000000\" length=\"0x4000\"/>\n"
    "<memory type=\"ram\" start=\"0x30000000\" length=\"0xc0000\"/>\n"
    "<memory type=\"ram\" start=\"0x38000000\" length=\"0x4000\"/>\n"
    "<memory type=\"ram\" start=\"0x40000000\" length=\"0x20000000\"/>\n"
    "<memory type=\"ram\" start=\"0xe0000000\" length=\"0x100000\"/>\n"
    "</memory-map>\n";

constexpr std::uint32_t kPageMask = kFlashPageSize - 1;

bool is_private(std::uint32_t address) { return address >> 20 == 0xE00; }

/// Both aliases.
bool is_flash(std::uint32_t address, std::uint64_t size) {
  const std::uint32_t offset = (address & ~0x0400'0000U) - 0x0800'0000U;
  return offset < kFlashSize && size <= kFlashSize - offset;
}

/// The widest access that fits at `address` with `left` bytes to go.
unsigned access_size(std::uint32_t address, std::size_t left) {
  for (const unsigned size : {4U, 2U}) {
    if (address % size == 0 && left >= size) return size;
  }
  return 1;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string_view name_of(World world) { return world == kSecure ? "secure" : "nonsecure"; }

}  // namespace

BoardTarget::BoardTarget(Board& board) : board_(board) {
  commands_ = {
      {"help", "", "this list", [this](std::string_view) { return help(); }},
      {"reset", "", "reset the chip and stay at its first instruction",
       [this](std::string_view) {
         return std::string(reset() ? "reset; GDB's view: maintenance flush register-cache\n"
                                    : "the chip cannot boot\n");
       }},
      {"halt-on-reset", "on|off", "halt whenever the chip comes out of a reset",
       [this](std::string_view state) { return set_halt_on_reset(state); }},
      {"world", "[secure|nonsecure|current]", "whose view of 0xE0000000-0xE00FFFFF is shown",
       [this](std::string_view which) { return set_view(which); }},
      {"time", "", "virtual time and instructions since power-on",
       [this](std::string_view) {
         const BoardStatistics now = board_.statistics();
         return fmt::format("{:.9f} s, {} instructions\n", now.virtual_seconds, now.instructions);
       }},
      {"state", "", "what the core does",
       [this](std::string_view) { return fmt::format("{}; resets: {}\n", state(), board_.resets()); }},
  };
}

Halt BoardTarget::halt_now(HaltReason reason) const {
  return {.reason = reason, .watch = board_.core().halting.met, .pc = board_.core().state.r[15]};
}

std::string_view BoardTarget::description() const {
  static const std::string text = target_description();
  return text;
}

std::string_view BoardTarget::memory_map() const { return kMemoryMap; }

std::string BoardTarget::state() const {
  const CoreState& state = board_.core().state;
  const std::string mode = state.handler_mode()
                               ? fmt::format("handler of exception {}", state.ipsr)
                               : fmt::format("{} thread", state.privileged() ? "privileged" : "unprivileged");
  return fmt::format("{}, {}{}", name_of(state.world), mode,
                     state.locked_up ? ", locked up"
                     : state.asleep  ? ", asleep"
                                     : "");
}

unsigned BoardTarget::register_count() const { return static_cast<unsigned>(debug_registers().size()); }

std::string_view BoardTarget::register_name(unsigned number) const { return debug_registers()[number].name; }

std::vector<std::uint8_t> BoardTarget::read_register(unsigned number) const {
  if (number >= register_count()) return {};
  const DebugRegister& reg = debug_registers()[number];
  const std::uint64_t value = reg.get(board_.core(), reg.index);
  std::vector<std::uint8_t> bytes;
  for (unsigned shift = 0; shift < reg.bits; shift += 8) {
    bytes.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  return bytes;
}

bool BoardTarget::write_register(unsigned number, std::span<const std::uint8_t> bytes) {
  if (number >= register_count()) return false;
  const DebugRegister& reg = debug_registers()[number];
  if (bytes.size() * 8 != reg.bits) return false;
  std::uint64_t value = 0;
  for (std::size_t index = bytes.size(); index > 0; --index) value = value << 8 | bytes[index - 1];
  if (reg.set != nullptr) reg.set(board_.core(), reg.index, value);
  return true;
}

World BoardTarget::view() const { return view_.value_or(board_.core().state.world); }

bool BoardTarget::peek(std::uint32_t address, unsigned size, std::uint32_t& value) const {
  if (!is_private(address)) return board_.bus().peek(address, size, value);
  value = board_.core().peek_ppb(address & ~3U, view()) >> 8 * (address & 3);
  return true;
}

bool BoardTarget::poke(std::uint32_t address, unsigned size, std::uint32_t value) {
  if (!is_private(address)) return board_.bus().poke(address, size, value);
  return write_ppb(board_.core(), address, size, view() == kSecure, true, value);
}

std::vector<std::uint8_t> BoardTarget::read_memory(std::uint32_t address, std::uint32_t size) {
  std::vector<std::uint8_t> bytes;
  while (bytes.size() < size) {
    const auto at = static_cast<std::uint32_t>(address + bytes.size());
    const unsigned part = access_size(at, size - bytes.size());
    std::uint32_t value = 0;
    if (!peek(at, part, value)) break;
    for (unsigned index = 0; index < part; ++index) {
      bytes.push_back(static_cast<std::uint8_t>(value >> 8 * index));
    }
  }
  return bytes;
}

bool BoardTarget::write_memory(std::uint32_t address, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const unsigned part = access_size(address, bytes.size());
    std::uint32_t value = 0;
    for (unsigned index = 0; index < part; ++index) value |= std::uint32_t{bytes[index]} << 8 * index;
    if (!poke(address, part, value)) return false;
    address += part;
    bytes = bytes.subspan(part);
  }
  return true;
}

bool BoardTarget::erase_flash(std::uint32_t address, std::uint32_t size) {
  if ((address & kPageMask) != 0 || (size & kPageMask) != 0 || !is_flash(address, size)) return false;
  const std::vector<std::uint8_t> erased(size, 0xFF);
  return write_memory(address, erased);
}

bool BoardTarget::write_flash(std::uint32_t address, std::span<const std::uint8_t> bytes) {
  return is_flash(address, bytes.size()) && write_memory(address, bytes);
}

void BoardTarget::set_breakpoint(std::uint32_t address) { board::set_breakpoint(board_.core(), address); }
void BoardTarget::clear_breakpoint(std::uint32_t address) { board::clear_breakpoint(board_.core(), address); }
void BoardTarget::add_watch(const Watch& watch) { board::add_watch(board_.core(), watch); }
void BoardTarget::remove_watch(const Watch& watch) { board::remove_watch(board_.core(), watch); }

void BoardTarget::halt() { board_.halt(HaltReason::Request); }
void BoardTarget::go_on(bool stepping) { board_.go_on(stepping); }
bool BoardTarget::reset() { return board_.reset_at_once().has_value(); }

void BoardTarget::release() {
  stop_halting(board_.core());
  board_.set_attended(false);
  board_.set_halt_on_reset(false);
  if (board_.halted()) board_.go_on(false);
}

void BoardTarget::kill() { board_.stop(); }

std::optional<std::string> BoardTarget::monitor(std::string_view line) {
  line = trimmed(line);
  const std::string_view name = line.substr(0, line.find(' '));
  const auto found = std::ranges::find(commands_, name, &MonitorCommand::name);
  if (found == commands_.end()) return fmt::format("no such command: {} (see 'monitor help')\n", name);
  return found->run(trimmed(line.substr(name.size())));
}

std::string BoardTarget::help() const {
  std::string text;
  for (const MonitorCommand& command : commands_) {
    text += fmt::format("{:<42} {}\n", fmt::format("{} {}", command.name, command.arguments), command.help);
  }
  return text;
}

std::string BoardTarget::set_view(std::string_view which) {
  if (which == "secure") {
    view_ = kSecure;
  } else if (which == "nonsecure") {
    view_ = kNonSecure;
  } else if (which == "current") {
    view_.reset();
  } else if (!which.empty()) {
    return "world is one of secure, nonsecure, current\n";
  }
  return fmt::format("the core is in {} state, memory is shown as {} code sees it\n",
                     name_of(board_.core().state.world), name_of(view()));
}

std::string BoardTarget::set_halt_on_reset(std::string_view state) {
  if (state != "on" && state != "off") return "halt-on-reset is on or off\n";
  board_.set_halt_on_reset(state == "on");
  return {};
}

}  // namespace microvisor::board
