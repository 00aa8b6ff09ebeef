#include "board/debug/semihosting.hpp"

#include <utility>

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
  kClock = 0x10,
  kTime = 0x11,
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
constexpr std::uint32_t kNoSuchFile = 2;  // ENOENT
constexpr std::uint32_t kConsoleHandle = 1;
constexpr std::uint32_t kLongestText = 64 * 1024;
constexpr Time kTicksPerCentisecond = kTicksPerSecond / 100;

}  // namespace

Semihosting::Semihosting(Bus& bus, const Scheduler& scheduler, std::function<void(std::string_view)> console)
    : bus_(bus), scheduler_(scheduler), console_(std::move(console)) {}

std::optional<int> Semihosting::perform(CoreState& state) {
  const std::uint32_t operation = state.r[0];
  const std::uint32_t argument = state.r[1];
  state.r[15] += 2;
  std::uint32_t result = 0;
  switch (operation) {
    case kOpen: result = open(argument); break;
    case kClose: break;
    case kWriteC: write(text(argument, 1)); break;
    case kWrite0: write(terminated(argument)); break;
    case kWrite: result = write_handle(argument); break;
    case kRead: result = word(argument + 8); break;  // nothing was read: end of file
    case kReadC: result = kFailed; break;
    case kIsError: result = static_cast<std::int32_t>(word(argument)) < 0 ? 1 : 0; break;
    case kIsTty: result = 1; break;
    case kClock: result = static_cast<std::uint32_t>(scheduler_.now() / kTicksPerCentisecond); break;
    case kTime: result = static_cast<std::uint32_t>(scheduler_.now() / kTicksPerSecond); break;
    case kErrorNumber: result = last_error_; break;
    case kExit: return argument == kApplicationExit ? 0 : 1;
    case kExitExtended: return word(argument) == kApplicationExit ? static_cast<int>(word(argument + 4)) : 1;
    case kGetCommandLine:
      bus_.poke(word(argument), 1, 0);
      bus_.poke(argument + 4, 4, 0);
      break;
    case kHeapInfo:  // four zeros: the firmware's own linker script decides
      for (std::uint32_t index = 0; index < 4; ++index) bus_.poke(word(argument) + 4 * index, 4, 0);
      break;
    case kElapsed: {
      const std::uint64_t now = scheduler_.microseconds();
      bus_.poke(argument, 4, static_cast<std::uint32_t>(now));
      bus_.poke(argument + 4, 4, static_cast<std::uint32_t>(now >> 32));
      break;
    }
    case kTickFrequency: result = 1'000'000; break;
    default: result = kFailed; break;
  }
  state.r[0] = result;
  return std::nullopt;
}

std::uint32_t Semihosting::word(std::uint32_t address) const {
  std::uint32_t value = 0;
  (void)bus_.peek(address, 4, value);
  return value;
}

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

std::uint32_t Semihosting::open(std::uint32_t block) {
  if (text(word(block), word(block + 8)) == ":tt") return kConsoleHandle;
  last_error_ = kNoSuchFile;
  return kFailed;
}

void Semihosting::write(std::string_view bytes) const {
  if (console_ && !bytes.empty()) console_(bytes);
}

std::uint32_t Semihosting::write_handle(std::uint32_t block) {
  const std::uint32_t length = word(block + 8);
  if (word(block) != kConsoleHandle) return length;
  const std::string bytes = text(word(block + 4), length);
  write(bytes);
  return length - static_cast<std::uint32_t>(bytes.size());
}

}  // namespace microvisor::board
