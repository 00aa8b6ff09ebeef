#include "board/debug/semihosting.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "board/cpu/state.hpp"

namespace microvisor::board {
namespace {

enum Operation : std::uint32_t {
  kOpen = 0x01,
  kClose = 0x02,
  kWriteC = 0x03,
  kWrite0 = 0x04,
  kWrite = 0x05,
  kRead = 0x06,
  kReadC = 0x07,
  kIsError = 0x08,
  kIsTty = 0x09,
  kSeek = 0x0A,
  kFileLength = 0x0C,
  kTemporaryName = 0x0D,
  kRemove = 0x0E,
  kRename = 0x0F,
  kClock = 0x10,
  kTime = 0x11,
  kSystem = 0x12,
  kErrorNumber = 0x13,
  kGetCommandLine = 0x15,
  kHeapInfo = 0x16,
  kExit = 0x18,
  kExitExtended = 0x20,
  kElapsed = 0x30,
  kTickFrequency = 0x31,
};

constexpr std::uint32_t kApplicationExit = 0x2'0026;  // ADP_Stopped_ApplicationExit
constexpr std::uint32_t kFailed = ~0U;
constexpr std::uint32_t kFirstWritingMode = 4;  // "w"; 0 to 3 are "r", "rb", "r+", "r+b"
constexpr std::uint32_t kLongestText = 64 * 1024;
constexpr std::uint32_t kTicksPerSecondOfElapsed = 1'000'000;
constexpr Time kTicksPerCentisecond = kTicksPerSecond / 100;

/// Magic, and the bits SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR.
constexpr std::string_view kFeatures("SHFB\x03", 5);

// Numbers of newlib's errno.h.
constexpr std::uint32_t kNoSuchFile = 2;
constexpr std::uint32_t kBadFile = 9;
constexpr std::uint32_t kNotPermitted = 13;
constexpr std::uint32_t kBadAddress = 14;
constexpr std::uint32_t kInvalid = 22;
constexpr std::uint32_t kTooManyFiles = 24;
constexpr std::uint32_t kNotSeekable = 29;
constexpr std::uint32_t kNotImplemented = 88;

}  // namespace

Semihosting::Semihosting(Bus& bus, const Scheduler& scheduler, SemihostingPorts ports)
    : bus_(bus), scheduler_(scheduler), ports_(std::move(ports)) {}

std::optional<int> Semihosting::perform(CoreState& state) {
  const std::uint32_t operation = state.r[0];
  const std::uint32_t argument = state.r[1];
  state.r[15] += 2;
  if (operation == kExit) return argument == kApplicationExit ? 0 : 1;
  if (operation == kExitExtended) {
    return word(argument) == kApplicationExit ? static_cast<int>(word(argument + 4)) : 1;
  }
  state.r[0] = operate(operation, argument);
  return std::nullopt;
}

std::uint32_t Semihosting::operate(std::uint32_t operation, std::uint32_t argument) {
  switch (operation) {
    case kOpen: return open(argument);
    case kClose: return close(word(argument));
    case kWriteC: write(text(argument, 1)); return 0;
    case kWrite0: write(terminated(argument)); return 0;
    case kWrite: return write_file(argument);
    case kRead: return read_file(argument);
    case kReadC: return read_character();
    case kIsError: return static_cast<std::int32_t>(word(argument)) < 0 ? 1 : 0;
    case kIsTty: return is_terminal(word(argument));
    case kSeek: return seek(argument);
    case kFileLength: return length(word(argument));
    case kTemporaryName:
    case kRemove:
    case kRename:
    case kSystem: return fail(kNotPermitted);
    case kClock: return static_cast<std::uint32_t>(scheduler_.now() / kTicksPerCentisecond);
    case kTime: return static_cast<std::uint32_t>(scheduler_.now() / kTicksPerSecond);
    case kErrorNumber: return last_error_;
    case kGetCommandLine: return command_line(argument);
    case kHeapInfo: return heap(argument);
    case kElapsed: return elapsed(argument);
    case kTickFrequency: return kTicksPerSecondOfElapsed;
    default: return fail(kNotImplemented);
  }
}

std::uint32_t Semihosting::fail(std::uint32_t error) {
  last_error_ = error;
  return kFailed;
}

// --- files ------------------------------------------------------------------------------------------------

std::uint32_t Semihosting::open(std::uint32_t block) {
  const std::string name = text(word(block), word(block + 8));
  const std::uint32_t mode = word(block + 4);
  File opened = File::Closed;
  if (name == ":tt") opened = mode < kFirstWritingMode ? File::Input : File::Output;
  if (name == ":semihosting-features" && mode < 2) opened = File::Features;
  if (opened == File::Closed) return fail(kNoSuchFile);
  const auto free = std::ranges::find(files_, File::Closed);
  if (free == files_.end()) return fail(kTooManyFiles);
  *free = opened;
  if (opened == File::Features) features_position_ = 0;
  return static_cast<std::uint32_t>(free - files_.begin()) + 1;
}

Semihosting::File Semihosting::file(std::uint32_t handle) const {
  return handle - 1 < kHandles ? files_[handle - 1] : File::Closed;
}

std::uint32_t Semihosting::close(std::uint32_t handle) {
  if (file(handle) == File::Closed) return fail(kBadFile);
  files_[handle - 1] = File::Closed;
  return 0;
}

/// The result counts what was not written.
std::uint32_t Semihosting::write_file(std::uint32_t block) {
  const std::uint32_t length = word(block + 8);
  if (file(word(block)) != File::Output) {
    last_error_ = kBadFile;
    return length;
  }
  std::uint32_t done = 0;
  while (done < length) {
    const std::string bytes = text(word(block + 4) + done, length - done);
    if (bytes.empty()) break;
    write(bytes);
    done += static_cast<std::uint32_t>(bytes.size());
  }
  return length - done;
}

/// The result counts what was not read; all of it at the end of the file.
std::uint32_t Semihosting::read_file(std::uint32_t block) {
  const std::uint32_t length = word(block + 8);
  std::string bytes;
  switch (file(word(block))) {
    case File::Input: {
      bytes.resize(std::min(length, kLongestText));
      bytes.resize(ports_.input && length != 0 ? ports_.input(bytes) : 0);
      break;
    }
    case File::Features:
      bytes = kFeatures.substr(features_position_, length);
      features_position_ += bytes.size();
      break;
    case File::Output:
    case File::Closed: last_error_ = kBadFile; return length;
  }
  if (!put(word(block + 4), bytes)) {
    last_error_ = kBadAddress;
    return length;
  }
  return length - static_cast<std::uint32_t>(bytes.size());
}

std::uint32_t Semihosting::read_character() {
  char letter = 0;
  const bool read = ports_.input && ports_.input({&letter, 1}) == 1;
  return read ? static_cast<unsigned char>(letter) : kFailed;
}

std::uint32_t Semihosting::seek(std::uint32_t block) {
  const std::uint32_t position = word(block + 4);
  switch (file(word(block))) {
    case File::Features:
      if (position > kFeatures.size()) return fail(kInvalid);
      features_position_ = position;
      return 0;
    case File::Input:
    case File::Output: return fail(kNotSeekable);
    case File::Closed: break;
  }
  return fail(kBadFile);
}

std::uint32_t Semihosting::length(std::uint32_t handle) {
  switch (file(handle)) {
    case File::Features: return static_cast<std::uint32_t>(kFeatures.size());
    case File::Input:
    case File::Output: return 0;
    case File::Closed: break;
  }
  return fail(kBadFile);
}

std::uint32_t Semihosting::is_terminal(std::uint32_t handle) {
  switch (file(handle)) {
    case File::Features: return 0;
    case File::Input:
    case File::Output: return 1;
    case File::Closed: break;
  }
  return fail(kBadFile);
}

// --- the machine ------------------------------------------------------------------------------------------

std::uint32_t Semihosting::command_line(std::uint32_t block) {
  const std::string& line = ports_.command_line;
  if (word(block + 4) < line.size() + 1) return fail(kInvalid);
  if (!put(word(block), {line.c_str(), line.size() + 1})) return fail(kBadAddress);
  bus_.poke(block + 4, 4, static_cast<std::uint32_t>(line.size()));
  return 0;
}

/// Four zeros: the firmware's own linker script decides.
std::uint32_t Semihosting::heap(std::uint32_t block) {
  constexpr std::string_view kZeros("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
  return put(word(block), kZeros) ? 0 : fail(kBadAddress);
}

std::uint32_t Semihosting::elapsed(std::uint32_t block) {
  const std::uint64_t now = scheduler_.microseconds();
  const bool written = bus_.poke(block, 4, static_cast<std::uint32_t>(now)) &&
                       bus_.poke(block + 4, 4, static_cast<std::uint32_t>(now >> 32));
  return written ? 0 : fail(kBadAddress);
}

void Semihosting::write(std::string_view bytes) const {
  if (ports_.console && !bytes.empty()) ports_.console(bytes);
}

std::uint32_t Semihosting::word(std::uint32_t address) const {
  std::uint32_t value = 0;
  (void)bus_.peek(address, 4, value);
  return value;
}

/// As much as there is memory, at most kLongestText.
std::string Semihosting::text(std::uint32_t address, std::uint32_t length) const {
  std::string bytes;
  for (std::uint32_t index = 0; index < length && index < kLongestText; ++index) {
    std::uint32_t value = 0;
    if (!bus_.peek(address + index, 1, value)) break;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

std::string Semihosting::terminated(std::uint32_t address) const {
  std::string bytes;
  for (std::uint32_t value = 0; bytes.size() < kLongestText && bus_.peek(address, 1, value) && value != 0;
       ++address) {
    bytes += static_cast<char>(value);
  }
  return bytes;
}

bool Semihosting::put(std::uint32_t address, std::string_view bytes) {
  return std::ranges::all_of(
      bytes, [&](char byte) { return bus_.poke(address++, 1, static_cast<unsigned char>(byte)); });
}

}  // namespace microvisor::board
