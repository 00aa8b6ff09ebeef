#include "board/peripherals/nor_flash.hpp"

#include <algorithm>
#include <utility>

#include "board/bus/event_archive.hpp"
#include "board/peripherals/nor_sfdp.hpp"

namespace microvisor::board {
namespace {

enum Opcode : std::uint8_t {
  kWriteStatus = 0x01,
  kPageProgram3 = 0x02,
  kRead3 = 0x03,
  kWriteDisable = 0x04,
  kReadStatus = 0x05,
  kWriteEnable = 0x06,
  kFastRead3 = 0x0B,
  kFastRead4 = 0x0C,
  kPageProgram4 = 0x12,
  kRead4 = 0x13,
  kReadConfiguration = 0x15,
  kSectorErase3 = 0x20,
  kSectorErase4 = 0x21,
  kReadSecurity = 0x2B,
  kWriteSecurity = 0x2F,
  kResume = 0x30,
  kReadSfdp = 0x5A,
  kChipErase60 = 0x60,
  kResetEnable = 0x66,
  kReadConfiguration2 = 0x71,
  kWriteConfiguration2 = 0x72,
  kReset = 0x99,
  kReadId = 0x9F,
  kReleasePowerDown = 0xAB,
  kSuspend = 0xB0,
  kEnterFourBytes = 0xB7,
  kPowerDown = 0xB9,
  kChipEraseC7 = 0xC7,
  kBlockErase3 = 0xD8,
  kBlockErase4 = 0xDC,
  kExitFourBytes = 0xE9,
  kOctalReadStr = 0xEC,
  kOctalReadDtr = 0xEE,
};

constexpr std::uint8_t kWip = 1, kWel = 2, kBlockProtect = 0x3C, kStatusWritable = 0xBC;
constexpr std::uint8_t kTopBottom = 0x08, kConfigurationWritable = 0x0F;
constexpr std::uint8_t kLockedDown = 0x02, kProgramSuspended = 0x04, kEraseSuspended = 0x08,
                       kProgramFailed = 0x20, kEraseFailed = 0x40;
constexpr std::uint32_t kDefaultProtocol = 0x4000'0000;  // address of a non-volatile byte in CR2
constexpr std::uint8_t kId[3] = {0xC2, 0x85, 0x3A};
constexpr unsigned kDummyCycles[8] = {20, 18, 16, 14, 12, 10, 8, 6};
constexpr unsigned kFastReadDummy = 8;
constexpr unsigned kOctalSfdpDummy = 20;

constexpr std::uint32_t kPage = kNorPageSize, kSector = kNorSectorSize, kBlock = 65'536;
// Typical times of the data sheet.
constexpr Time kPageTime = 150 * kTicksPerMicrosecond;
constexpr Time kSectorTime = 25'000 * kTicksPerMicrosecond;
constexpr Time kBlockTime = 220'000 * kTicksPerMicrosecond;
constexpr Time kChipBlockTime = 150 * kTicksPerSecond / 1024;  // 150 s for 1024 blocks
constexpr Time kStatusTime = 40'000 * kTicksPerMicrosecond;    // given as a maximum only
constexpr Time kResetTime = 40 * kTicksPerMicrosecond;
constexpr Time kResetWhileErasing = 100'000 * kTicksPerMicrosecond;
constexpr Time kWakeTime = 30 * kTicksPerMicrosecond;

/// Address bytes of a command in the SPI protocol.
unsigned spi_address_bytes(std::uint8_t opcode, bool four_byte_mode) {
  switch (opcode) {
    case kRead3:
    case kFastRead3:
    case kPageProgram3:
    case kSectorErase3:
    case kBlockErase3: return four_byte_mode ? 4 : 3;
    case kReadSfdp: return 3;
    case kRead4:
    case kFastRead4:
    case kPageProgram4:
    case kSectorErase4:
    case kBlockErase4:
    case kReadConfiguration2:
    case kWriteConfiguration2: return 4;
    default: return 0;
  }
}

}  // namespace

NorFlash::NorFlash(Scheduler& scheduler, NorCells& cells)
    : scheduler_(scheduler), cells_(cells), done_(scheduler, [this] { operation_done(); }) {}

NorFlash::Protocol NorFlash::protocol() const {
  if ((octal_ & 2) != 0) return Protocol::OctalDtr;
  return (octal_ & 1) != 0 ? Protocol::OctalStr : Protocol::Spi;
}

void NorFlash::power_on() {
  done_.cancel();
  operation_ = Operation::None;
  cells_.power_on();
  security_ = 0;
  octal_ = ~cells_.registers().protocol & 3;
  dqs_ = dummy_code_ = 0;
  write_enabled_ = four_bytes_ = reset_enabled_ = asleep_ = suspended_ = selected_ = false;
  source_ = Source::None;
}

void NorFlash::serialise(Archive& archive) {
  archive(write_enabled_, security_, octal_, dqs_, dummy_code_, four_bytes_, reset_enabled_, asleep_,
          suspended_, selected_, opcode_, command_, source_, cursor_, corrupt_, takes_data_, operation_,
          remaining_);
  auto count = static_cast<std::uint32_t>(written_.size());
  archive(count);
  written_.resize(count);
  archive.raw(written_);
  serialise_event(archive, done_);
}

// --- the wire
// ----------------------------------------------------------------------------------------------------------

/// The opcode, if the command is spoken in the protocol the chip listens to.
std::optional<std::uint8_t> NorFlash::opcode_of(const SerialFlashCommand& command) const {
  const Protocol spoken = command.instruction_lines == 8
                              ? (command.instruction_dtr ? Protocol::OctalDtr : Protocol::OctalStr)
                              : Protocol::Spi;
  const unsigned lines = spoken == Protocol::Spi ? 1 : 8;
  const bool other_lines = (command.address_lines != 0 && command.address_lines != lines) ||
                           (command.data_lines != 0 && command.data_lines != lines);
  if (spoken != protocol() || other_lines) return std::nullopt;
  if (spoken == Protocol::Spi) {
    if (command.instruction_lines != 1 || command.instruction_bytes != 1) return std::nullopt;
    return static_cast<std::uint8_t>(command.instruction);
  }
  // Octal opcodes carry their complement.
  const auto first = static_cast<std::uint8_t>(command.instruction >> 8);
  const auto second = static_cast<std::uint8_t>(command.instruction);
  if (command.instruction_bytes != 2 || (first ^ second) != 0xFF) return std::nullopt;
  return first;
}

/// In octal protocols every address has four bytes, and registers may be asked with one.
bool NorFlash::address_fits(std::uint8_t opcode) const {
  const unsigned sent = command_.address_lines == 0 ? 0 : command_.address_bytes;
  if (protocol() == Protocol::Spi) return sent == spi_address_bytes(opcode, four_bytes_);
  return sent == 4 || (sent == 0 && spi_address_bytes(opcode, false) == 0);
}

void NorFlash::begin(const SerialFlashCommand& command) {
  command_ = command;
  selected_ = true;
  source_ = Source::None;
  cursor_ = command.address;
  corrupt_ = false;
  takes_data_ = false;
  written_.clear();
  const std::optional<std::uint8_t> opcode = opcode_of(command);
  opcode_ = opcode.value_or(0);
  const bool follows_reset_enable = reset_enabled_;
  reset_enabled_ = false;
  if (!opcode || !address_fits(*opcode)) {
    opcode_ = 0;
    return;
  }
  if (opcode_ == kReset && follows_reset_enable) return software_reset();
  if (asleep_ && opcode_ != kReleasePowerDown && opcode_ != kResetEnable) return;
  decode(opcode_);
}

void NorFlash::decode(std::uint8_t opcode) {
  switch (opcode) {  // understood at any time
    case kReadStatus: source_ = Source::Status; return;
    case kReadConfiguration2: source_ = Source::Configuration2; return;
    case kReadSecurity: source_ = Source::Security; return;
    case kResetEnable: reset_enabled_ = true; return;
    case kSuspend: return suspend();
    case kResume: return resume();
    default: break;
  }
  if (busy()) return;
  decode_read(opcode);
  decode_write(opcode);
}

/// Bytes by which data arrives early (negative) or late, if the controller's dummy cycles are not the chip's.
int NorFlash::read_skew(unsigned expected) const {
  const int late = static_cast<int>(command_.dummy_cycles) - static_cast<int>(expected);
  if (command_.data_lines == 8) return command_.data_dtr ? 2 * late : late;
  return late / 8;
}

unsigned NorFlash::array_dummy_cycles() const { return kDummyCycles[dummy_code_ & 7]; }

/// Of the identification in octal protocols (four, one more at double rate).
unsigned NorFlash::register_dummy_cycles() const {
  return protocol() == Protocol::Spi ? 0 : protocol() == Protocol::OctalStr ? 4 : 5;
}

void NorFlash::start_reading(Source source, std::uint32_t address, unsigned expected_dummy) {
  source_ = source;
  corrupt_ = protocol() == Protocol::Spi && command_.dummy_cycles % 8 != expected_dummy % 8;
  cursor_ = address + static_cast<std::uint32_t>(read_skew(expected_dummy));
}

void NorFlash::decode_read(std::uint8_t opcode) {
  const Protocol spoken = protocol();
  const bool spi = spoken == Protocol::Spi;
  const std::uint32_t address = command_.address;
  switch (opcode) {
    case kReadConfiguration: source_ = Source::Configuration; return;
    case kReadId: return start_reading(Source::Id, 0, register_dummy_cycles());
    case kReadSfdp: return start_reading(Source::Sfdp, address, spi ? kFastReadDummy : kOctalSfdpDummy);
    case kRead3:
    case kRead4:
      if (spi) start_reading(Source::Array, address, 0);
      return;
    case kFastRead3:
    case kFastRead4:
      if (spi) start_reading(Source::Array, address, kFastReadDummy);
      return;
    case kOctalReadStr:
      if (spoken == Protocol::OctalStr) start_reading(Source::Array, address, array_dummy_cycles());
      return;
    case kOctalReadDtr:
      if (spoken == Protocol::OctalDtr) start_reading(Source::Array, address, array_dummy_cycles());
      return;
    default: return;
  }
}

void NorFlash::decode_write(std::uint8_t opcode) {
  switch (opcode) {
    case kPageProgram3:
    case kPageProgram4:
    case kWriteStatus:
    case kWriteConfiguration2: takes_data_ = true; break;
    default: break;
  }
}

std::uint8_t NorFlash::configuration2(std::uint32_t address) const {
  switch (address) {
    case 0x000: return octal_;
    case 0x200: return dqs_;
    case 0x300: return dummy_code_;
    case kDefaultProtocol: return cells_.registers().protocol;
    default: return 0;
  }
}

std::uint8_t NorFlash::read() {
  const bool doubled = protocol() == Protocol::OctalDtr;  // registers stand on both edges
  switch (source_) {
    case Source::None: return 0xFF;
    case Source::Array: {
      const std::uint8_t value = cells_.read(cursor_++ % cells_.size());
      return corrupt_ ? static_cast<std::uint8_t>((value >> 1) | 0x80) : value;
    }
    case Source::Status:
      return static_cast<std::uint8_t>(cells_.registers().status | (write_enabled_ ? kWel : 0) |
                                       (busy() ? kWip : 0));
    case Source::Configuration:
      return static_cast<std::uint8_t>(cells_.registers().configuration | (four_bytes_ ? 0x20 : 0));
    case Source::Configuration2: return configuration2(command_.address);
    case Source::Security: return security_ | cells_.registers().security;
    case Source::Sfdp: return sfdp::byte_at(cursor_++);
    case Source::Id: {
      const std::uint32_t index = doubled ? cursor_ / 2 : cursor_;
      ++cursor_;
      return kId[index % std::size(kId)];
    }
  }
  return 0xFF;
}

void NorFlash::write(std::uint8_t byte) {
  if (takes_data_) written_.push_back(byte);
}

void NorFlash::end() {
  if (!selected_) return;
  selected_ = false;
  source_ = Source::None;
  if (operation_ != Operation::None) return;  // nothing new on top of what is running or suspended
  if (asleep_) {
    if (opcode_ != kReleasePowerDown) return;
    asleep_ = false;
    return start_operation(Operation::Recover, kWakeTime);
  }
  switch (opcode_) {
    case kWriteEnable: write_enabled_ = true; break;
    case kWriteDisable: write_enabled_ = false; break;
    case kPowerDown: asleep_ = true; break;
    case kEnterFourBytes: four_bytes_ = true; break;
    case kExitFourBytes: four_bytes_ = false; break;
    case kPageProgram3:
    case kPageProgram4: finish_program(); break;
    case kSectorErase3:
    case kSectorErase4: finish_erase(kSector, kSectorTime); break;
    case kBlockErase3:
    case kBlockErase4: finish_erase(kBlock, kBlockTime); break;
    case kChipErase60:
    case kChipEraseC7: finish_erase(0, kChipBlockTime); break;
    case kWriteStatus: finish_status_write(); break;
    case kWriteConfiguration2: finish_configuration2(); break;
    case kWriteSecurity: finish_security_write(); break;
    default: break;
  }
}

// --- operations
// --------------------------------------------------------------------------------------------------------

/// BP3-0 protect 1, 2, 4 ... 512 blocks or all of them, from the top or (TB) the bottom.
bool NorFlash::is_protected(std::uint32_t address, std::uint32_t size) const {
  const unsigned level = (cells_.registers().status & kBlockProtect) >> 2;
  if (level == 0) return false;
  const std::uint64_t length = level > 10 ? cells_.size() : std::uint64_t{kBlock} << (level - 1);
  const bool bottom = (cells_.registers().configuration & kTopBottom) != 0;
  const std::uint64_t first = bottom ? 0 : cells_.size() - std::min<std::uint64_t>(length, cells_.size());
  const std::uint64_t last = bottom ? length : cells_.size();
  return address < last && std::uint64_t{address} + size > first;
}

void NorFlash::start_operation(Operation operation, Time duration) {
  operation_ = operation;
  done_.after(duration);
}

void NorFlash::finish_program() {
  if (!write_enabled_ || written_.empty()) return;
  const auto address = static_cast<std::uint32_t>(command_.address % cells_.size());
  const std::uint32_t page = address & ~(kPage - 1);
  security_ &= static_cast<std::uint8_t>(~kProgramFailed);
  if (is_protected(page, kPage)) {
    security_ |= kProgramFailed;
    write_enabled_ = false;
    return;
  }
  // Addresses wrap inside the page; what comes last stays.
  std::array<std::uint8_t, kPage> data{};
  data.fill(0xFF);
  for (std::size_t i = 0; i < written_.size(); ++i) data[(address + i) % kPage] = written_[i];
  cells_.begin_program(page, data);
  start_operation(Operation::Program, kPageTime);
}

void NorFlash::finish_erase(std::uint32_t size, Time duration) {
  if (!write_enabled_) return;
  const bool whole_chip = size == 0;
  const std::uint32_t unit = whole_chip ? kBlock : size;
  const auto address =
      whole_chip ? 0 : static_cast<std::uint32_t>(command_.address % cells_.size()) & ~(unit - 1);
  security_ &= static_cast<std::uint8_t>(~kEraseFailed);
  if (is_protected(address, whole_chip ? static_cast<std::uint32_t>(cells_.size()) : unit)) {
    security_ |= kEraseFailed;
    write_enabled_ = false;
    return;
  }
  cells_.begin_erase(address, unit);
  start_operation(whole_chip ? Operation::ChipErase : Operation::Erase, duration);
}

/// Status register and, as second byte, the configuration register; TB can be set once and for all.
void NorFlash::finish_status_write() {
  if (!write_enabled_ || written_.empty()) return;
  NorRegisters next = cells_.registers();
  next.status = written_[0] & kStatusWritable;
  if (written_.size() > 1) {
    next.configuration =
        static_cast<std::uint8_t>((written_[1] & kConfigurationWritable) | (next.configuration & kTopBottom));
  }
  cells_.begin_registers(next);
  start_operation(Operation::WriteRegisters, kStatusTime);
}

/// Volatile, and at once (data sheet, WRCR2): the next command is in the new protocol. Only the protocol
/// after power-on is kept, in bits that can be cleared once.
void NorFlash::finish_configuration2() {
  if (!write_enabled_ || written_.empty()) return;
  if (command_.address == kDefaultProtocol) {
    NorRegisters next = cells_.registers();
    next.protocol &= written_[0];
    cells_.begin_registers(next);
    return start_operation(Operation::WriteRegisters, kStatusTime);
  }
  write_enabled_ = false;
  switch (command_.address) {
    case 0x000: octal_ = written_[0] & 3; break;
    case 0x200: dqs_ = written_[0] & 3; break;
    case 0x300: dummy_code_ = written_[0] & 7; break;
    default: break;
  }
}

/// WRSCUR locks the one-time programmable area down; it takes no data.
void NorFlash::finish_security_write() {
  if (!write_enabled_) return;
  NorRegisters next = cells_.registers();
  next.security |= kLockedDown;
  cells_.begin_registers(next);
  start_operation(Operation::WriteRegisters, kStatusTime);
}

void NorFlash::operation_done() {
  const Operation finished = std::exchange(operation_, Operation::None);
  const std::uint32_t next_block = cells_.in_progress().address + kBlock;
  cells_.complete();
  if (finished == Operation::ChipErase && next_block < cells_.size()) {
    cells_.begin_erase(next_block, kBlock);
    return start_operation(Operation::ChipErase, kChipBlockTime);
  }
  if (finished != Operation::Recover) write_enabled_ = false;
}

void NorFlash::suspend() {
  if (suspended_ || (operation_ != Operation::Program && operation_ != Operation::Erase)) return;
  remaining_ = done_.due() - scheduler_.now();
  done_.cancel();
  suspended_ = true;
  security_ |= operation_ == Operation::Program ? kProgramSuspended : kEraseSuspended;
}

void NorFlash::resume() {
  if (!suspended_) return;
  suspended_ = false;
  security_ &= static_cast<std::uint8_t>(~(kProgramSuspended | kEraseSuspended));
  done_.after(remaining_);
}

/// 66 99: what was under way stops half done; the volatile registers start over.
void NorFlash::software_reset() {
  const bool erasing = operation_ == Operation::Erase || operation_ == Operation::ChipErase;
  opcode_ = 0;
  power_on();
  start_operation(Operation::Recover, erasing ? kResetWhileErasing : kResetTime);
}

}  // namespace microvisor::board
