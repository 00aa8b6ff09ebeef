// What developer's machine and device say to each other in a debug session, in its plain text: commands,
// answers and events (FORMAT.md). Reader and writer for both sides: no heap, nothing outside the spans they
// are given.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace microvisor::protocol::debug {

inline constexpr std::size_t kMaximumMessage = 2048;  ///< bytes of plain text in one record
inline constexpr std::size_t kMaximumBreakpoints = 64;
inline constexpr std::size_t kMaximumWatchpoints = 4;
/// Of stack and code together that come with a stop, bytes: answers still fit beside it.
inline constexpr std::size_t kMaximumSurroundings = 1536;

enum class Opcode : std::uint8_t {
  Status = 0x01,
  Configure = 0x02,
  ReadMemory = 0x03,
  WriteMemory = 0x04,
  WriteRegister = 0x05,
  SetBreakpoints = 0x06,
  SetWatchpoints = 0x07,
  Continue = 0x08,
  Step = 0x09,
  StepRange = 0x0A,
  Halt = 0x0B,
  Restart = 0x0C,
  Detach = 0x0D,
  KeepAlive = 0x0E,
};

/// A command. Fields that FORMAT.md does not give it are not written, and 0 when it has been read.
struct Command {
  Opcode opcode{};
  std::uint32_t address = 0;
  std::uint32_t end = 0;                                           ///< StepRange: the first address behind it
  std::uint32_t value = 0;                                         ///< WriteRegister
  std::uint16_t count = 0;                                         ///< ReadMemory: bytes
  std::uint8_t width = 0;                                          ///< of each access: 1, 2, 4; 0: any
  std::uint8_t number = 0;                                         ///< WriteRegister: a Register
  bool halt = false;                                               ///< Restart: before the first instruction
  std::uint16_t stack_bytes = 0, code_before = 0, code_after = 0;  ///< Configure
  /// WriteMemory: the bytes. SetBreakpoints, SetWatchpoints: the entries as they are written. In the message.
  std::span<const std::uint8_t> data{};
};

enum class Status : std::uint8_t {
  Ok = 0,
  Refused = 1,      ///< not the application's
  NotHalted = 2,    ///< only while the application is halted
  Unsupported = 3,  ///< unknown opcode, or a value this device has no use for
  NoRoom = 4,       ///< the answer does not fit the message
  TooMany = 5,      ///< breakpoints or watchpoints
  BusFault = 6,     ///< the access ended in a fault
  NoApplication = 7,
};

/// What Status is answered with.
struct DeviceStatus {
  std::uint8_t state = 0;  ///< 0 runs, 1 halted, 2 there is no application or it has not been started
  std::uint8_t hardware_breakpoints = 0;
  std::uint8_t breakpoints = 0;  ///< beyond those of the hardware the application runs by single steps
  std::uint8_t watchpoints = 0;
  std::uint32_t kernel_version_number = 0;
  friend bool operator==(const DeviceStatus&, const DeviceStatus&) = default;
};

struct Answer {
  Opcode opcode{};
  Status status = Status::Ok;
  DeviceStatus device{};                 ///< Status
  std::span<const std::uint8_t> data{};  ///< ReadMemory. In the message.
};

/// Numbers of registers, for WriteRegister and as indices of Stopped::registers. Those of the Non-secure side
/// where there are two.
enum class Register : std::uint8_t {
  R0 = 0,  // to R12
  Sp = 13,
  Lr = 14,
  Pc = 15,
  Xpsr = 16,
  Msp = 17,
  Psp = 18,
  Msplim = 19,
  Psplim = 20,
  Primask = 21,
  Basepri = 22,
  Faultmask = 23,
  Control = 24,
  Fpscr = 25,
  S0 = 26,  // to S31
  Count = 58,
};
using Registers = std::array<std::uint32_t, static_cast<std::size_t>(Register::Count)>;

enum class StopReason : std::uint8_t {
  Halt = 1,
  Breakpoint = 2,
  Watchpoint = 3,
  Step = 4,
  Fault = 5,
  BreakpointInstruction = 6,  ///< BKPT in the application
  Start = 7,                  ///< before its first instruction
};

/// The application stands still.
struct Stopped {
  StopReason reason{};
  std::uint32_t address = 0;              ///< data address of a watchpoint or a fault; 0: not known
  std::uint32_t fault_status = 0;         ///< CFSR (Armv8-M ARM, D1.2)
  std::uint32_t secure_fault_status = 0;  ///< SFSR
  Registers registers{};
  std::uint32_t stack_address = 0;
  std::span<const std::uint8_t> stack{};
  std::uint32_t code_address = 0;
  std::span<const std::uint8_t> code{};
};

enum class EndReason : std::uint8_t { TakenOver = 1, Installation = 2, DeviceRestarts = 3 };

enum class ItemKind : std::uint8_t { Answer, Stopped, Restarted, Ended };

/// One thing the device says; `kind` tells which of the others counts.
struct Item {
  ItemKind kind{};
  Answer answer{};
  Stopped stopped{};
  std::uint8_t wake_reason = 0;  ///< Restarted: MvWakeReason
  EndReason end_reason{};        ///< Ended
};

/// Watchpoint as in SetWatchpoints.
struct Watchpoint {
  static constexpr std::uint8_t kRead = 1, kWrite = 2;
  std::uint32_t address = 0;
  std::uint8_t size = 0;    ///< bytes: 1, 2 or 4, and `address` a multiple of it
  std::uint8_t access = 0;  ///< kRead, kWrite or both
  friend bool operator==(const Watchpoint&, const Watchpoint&) = default;
};
inline constexpr std::size_t kBreakpointBytes = 4, kWatchpointBytes = 6;

/// Appends to a span, whole fields or nothing.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : out_(out) {}
  /// False, and nothing is written, if it does not fit.
  [[nodiscard]] bool put(const Command& command);
  [[nodiscard]] bool put(const Answer& answer);
  [[nodiscard]] bool put(const Stopped& stopped);
  [[nodiscard]] bool put_restarted(std::uint8_t wake_reason);
  [[nodiscard]] bool put_ended(EndReason reason);
  /// The data of a ReadMemory answer that put(Answer) would have room for now.
  [[nodiscard]] std::size_t room_for_data() const;
  /// Where `size` bytes of what is put next may be got together without a buffer of their own: the end of the
  /// room, from where they are moved to their place. Empty if there is not so much.
  [[nodiscard]] std::span<std::uint8_t> end_of_room(std::size_t size) {
    return size <= out_.size() - size_ ? out_.last(size) : std::span<std::uint8_t>{};
  }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  template <class Fields>
  [[nodiscard]] bool whole(Fields fields);
  [[nodiscard]] bool number(std::uint32_t value, std::size_t bytes);
  [[nodiscard]] bool bytes(std::span<const std::uint8_t> data);
  [[nodiscard]] bool counted(std::span<const std::uint8_t> data);

  std::span<std::uint8_t> out_;
  std::size_t size_ = 0;
};

/// Takes a message apart. What it gives lies in the message.
class Reader {
 public:
  enum class Result : std::uint8_t {
    Taken,
    End,        ///< the message has been read whole
    Unknown,    ///< an opcode of another version: nothing behind it can be read (it is in `opcode`)
    Malformed,  ///< ends within a field, or has a value that no version has
  };
  explicit Reader(std::span<const std::uint8_t> message) : rest_(message) {}
  [[nodiscard]] Result next(Command& command);
  [[nodiscard]] Result next(Item& item);

 private:
  [[nodiscard]] bool take_fields(Command& command);
  [[nodiscard]] bool take_answer(Answer& answer);
  [[nodiscard]] bool take_stopped(Stopped& stopped);
  template <class Number>
  [[nodiscard]] bool number(Number& value);
  [[nodiscard]] bool bytes(std::size_t size, std::span<const std::uint8_t>& data);
  [[nodiscard]] bool counted(std::span<const std::uint8_t>& data);
  Result finish(bool good);

  std::span<const std::uint8_t> rest_;
};

/// Entry `index` of SetBreakpoints; there are `data.size() / kBreakpointBytes`.
[[nodiscard]] std::uint32_t breakpoint_at(std::span<const std::uint8_t> data, std::size_t index);
/// Entry `index` of SetWatchpoints; there are `data.size() / kWatchpointBytes`.
[[nodiscard]] Watchpoint watchpoint_at(std::span<const std::uint8_t> data, std::size_t index);
/// Entries as they are written.
void write_breakpoint(std::uint32_t address, std::span<std::uint8_t, kBreakpointBytes> out);
void write_watchpoint(const Watchpoint& watchpoint, std::span<std::uint8_t, kWatchpointBytes> out);

}  // namespace microvisor::protocol::debug
