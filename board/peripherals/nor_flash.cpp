#include "board/peripherals/nor_flash.hpp"

#include <algorithm>

#include "board/peripherals/event_archive.hpp"

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
  kResume = 0x30,
  kChipErase60 = 0x60,
  kResetEnable = 0x66,
  kReadConfiguration2 = 0x71,
  kWriteConfiguration2 = 0x72,
  kReset = 0x99,
  kReadId = 0x9F,
  kReleasePowerDown = 0xAB,
  kSuspend = 0xB0,
  kPowerDown = 0xB9,
  kChipEraseC7 = 0xC7,
  kBlockErase3 = 0xD8,
  kBlockErase4 = 0xDC,
  kOctalReadStr = 0xEC,
  kOctalReadDtr = 0xEE,
};

constexpr std::uint8_t kWip = 1, kWel = 2, kBlockProtect = 0x3C, kStatusWritable = 0xBC;
constexpr std::uint8_t kProgramSuspended = 0x04, kEraseSuspended = 0x08, kProgramFailed = 0x20,
                       kEraseFailed = 0x40;
constexpr std::uint8_t kId[3] = {0xC2, 0x85, 0x3A};
constexpr unsigned kDummyCycles[8] = {20, 18, 16, 14, 12, 10, 8, 6};
constexpr unsigned kFastReadDummy = 8;

constexpr std::uint32_t kPage = 256, kSector = 4096, kBlock = 65'536;
// Typical times of the data sheet.
constexpr Time kPageTime = 150 * kTicksPerMicrosecond;
constexpr Time kSectorTime = 25'000 * kTicksPerMicrosecond;
constexpr Time kBlockTime = 220'000 * kTicksPerMicrosecond;
constexpr Time kChipBlockTime = 150 * kTicksPerSecond / 1024;  // 150 s for 1024 blocks
constexpr Time kStatusTime = 40'000 * kTicksPerMicrosecond;    // given as a maximum only
constexpr Time kResetTime = 40 * kTicksPerMicrosecond;
constexpr Time kResetWhileErasing = 100'000 * kTicksPerMicrosecond;

}  // namespace

NorFlash::NorFlash(Scheduler& scheduler, NorArray cells)
    : scheduler_(scheduler), cells_(cells), done_(scheduler, [this] { operation_done(); }) {}

NorFlash::Protocol NorFlash::protocol() const {
  if ((octal_ & 2) != 0) return Protocol::OctalDtr;
  return (octal_ & 1) != 0 ? Protocol::OctalStr : Protocol::Spi;
}

void NorFlash::power_on() {
  done_.cancel();
  operation_ = Operation::None;
  status_ = 0;
  security_ = 0;
  octal_ = dqs_ = dummy_code_ = 0;
  reset_enabled_ = asleep_ = suspended_ = selected_ = false;
  source_ = Source::None;
}

void NorFlash::serialise(Archive& archive) {
  archive(status_, configuration_, security_, octal_, dqs_, dummy_code_, reset_enabled_, asleep_, suspended_,
          selected_, opcode_, command_, source_, cursor_, corrupt_, takes_data_, operation_, target_,
          target_size_, page_, remaining_, noise_);
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
  if (spoken != protocol()) return std::nullopt;
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
  if (!opcode) return;
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
    case kReleasePowerDown: asleep_ = false; return;
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

void NorFlash::decode_read(std::uint8_t opcode) {
  const bool octal = protocol() != Protocol::Spi;
  unsigned dummy = 0;
  switch (opcode) {
    case kReadConfiguration: source_ = Source::Configuration; return;
    case kReadId:
      source_ = Source::Id;
      cursor_ = 0;
      return;
    case kRead3:
    case kRead4:
      if (octal) return;
      break;
    case kFastRead3:
    case kFastRead4:
      if (octal) return;
      dummy = kFastReadDummy;
      break;
    case kOctalReadStr:
      if (protocol() != Protocol::OctalStr) return;
      dummy = kDummyCycles[dummy_code_ & 7];
      break;
    case kOctalReadDtr:
      if (protocol() != Protocol::OctalDtr) return;
      dummy = kDummyCycles[dummy_code_ & 7];
      break;
    default: return;
  }
  if (command_.address_lines == 0) return;
  source_ = Source::Array;
  corrupt_ = !octal && (command_.dummy_cycles % 8) != (dummy % 8);
  cursor_ = command_.address + static_cast<std::uint32_t>(read_skew(dummy));
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
    case Source::Status: return static_cast<std::uint8_t>(status_ | (busy() ? kWip : 0));
    case Source::Configuration: return configuration_;
    case Source::Configuration2: return configuration2(command_.address);
    case Source::Security: return security_;
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
  if (operation_ != Operation::None || asleep_) return;  // nothing new on top of what is running or suspended
  switch (opcode_) {
    case kWriteEnable: status_ |= kWel; break;
    case kWriteDisable: status_ &= static_cast<std::uint8_t>(~kWel); break;
    case kPowerDown: asleep_ = true; break;
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
    default: break;
  }
}

// --- operations
// --------------------------------------------------------------------------------------------------------

/// BP3-0 protect 1, 2, 4 ... 512 blocks or all of them, from the top or (TB) the bottom.
bool NorFlash::is_protected(std::uint32_t address, std::uint32_t size) const {
  const unsigned level = (status_ & kBlockProtect) >> 2;
  if (level == 0) return false;
  const std::uint64_t length = level > 10 ? cells_.size() : std::uint64_t{kBlock} << (level - 1);
  const bool bottom = (configuration_ & 0x08) != 0;
  const std::uint64_t first = bottom ? 0 : cells_.size() - std::min<std::uint64_t>(length, cells_.size());
  const std::uint64_t last = bottom ? length : cells_.size();
  return address < last && std::uint64_t{address} + size > first;
}

void NorFlash::start_operation(Operation operation, Time duration) {
  operation_ = operation;
  done_.after(duration);
}

/// Leaves [address, address + size) as it is in the middle of an erase: some bits have come back to 1, some
/// not.
void NorFlash::weaken(std::uint32_t address, std::uint32_t size) {
  for (std::uint32_t offset = 0; offset < size; ++offset) {
    noise_ ^= noise_ << 13;
    noise_ ^= noise_ >> 7;
    noise_ ^= noise_ << 17;
    const std::uint8_t value = cells_.read(address + offset);
    if (value != 0xFF) cells_.poke(address + offset, static_cast<std::uint8_t>(value | (noise_ & 0xFF)));
  }
}

void NorFlash::finish_program() {
  if ((status_ & kWel) == 0 || command_.address_lines == 0 || written_.empty()) return;
  const auto address = static_cast<std::uint32_t>(command_.address % cells_.size());
  target_ = address & ~(kPage - 1);
  target_size_ = kPage;
  security_ &= static_cast<std::uint8_t>(~kProgramFailed);
  if (is_protected(target_, kPage)) {
    security_ |= kProgramFailed;
    status_ &= static_cast<std::uint8_t>(~kWel);
    return;
  }
  // Addresses wrap inside the page; what comes last stays.
  page_.fill(0xFF);
  for (std::size_t i = 0; i < written_.size(); ++i) page_[(address + i) % kPage] = written_[i];
  // Half-way through, about half of the bits to be cleared are.
  for (std::uint32_t i = 0; i < kPage; ++i) {
    noise_ = noise_ * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    if (page_[i] != 0xFF) cells_.program(target_ + i, static_cast<std::uint8_t>(page_[i] | (noise_ >> 56)));
  }
  start_operation(Operation::Program, kPageTime);
}

void NorFlash::finish_erase(std::uint32_t size, Time duration) {
  if ((status_ & kWel) == 0) return;
  const bool whole_chip = size == 0;
  const std::uint32_t unit = whole_chip ? kBlock : size;
  target_ = whole_chip ? 0 : static_cast<std::uint32_t>(command_.address % cells_.size()) & ~(unit - 1);
  target_size_ = unit;
  security_ &= static_cast<std::uint8_t>(~kEraseFailed);
  if (is_protected(target_, whole_chip ? static_cast<std::uint32_t>(cells_.size()) : unit)) {
    security_ |= kEraseFailed;
    status_ &= static_cast<std::uint8_t>(~kWel);
    return;
  }
  weaken(target_, target_size_);
  start_operation(whole_chip ? Operation::ChipErase : Operation::Erase, duration);
}

void NorFlash::finish_status_write() {
  if ((status_ & kWel) == 0 || written_.empty()) return;
  page_[0] = written_[0];
  page_[1] = written_.size() > 1 ? written_[1] : configuration_;
  start_operation(Operation::WriteStatus, kStatusTime);
}

/// Volatile, and at once (data sheet, WRCR2): the next command is in the new protocol.
void NorFlash::finish_configuration2() {
  if ((status_ & kWel) == 0 || written_.empty()) return;
  status_ &= static_cast<std::uint8_t>(~kWel);
  switch (command_.address) {
    case 0x000: octal_ = written_[0] & 3; break;
    case 0x200: dqs_ = written_[0] & 3; break;
    case 0x300: dummy_code_ = written_[0] & 7; break;
    default: break;
  }
}

void NorFlash::next_chip_block() {
  target_ += kBlock;
  weaken(target_, kBlock);
  start_operation(Operation::ChipErase, kChipBlockTime);
}

void NorFlash::operation_done() {
  const Operation finished = operation_;
  operation_ = Operation::None;
  switch (finished) {
    case Operation::Program:
      for (std::uint32_t i = 0; i < kPage; ++i) {
        if (page_[i] != 0xFF) cells_.program(target_ + i, page_[i]);
      }
      break;
    case Operation::Erase: cells_.erase(target_, target_size_); break;
    case Operation::ChipErase:
      cells_.erase(target_, target_size_);
      if (target_ + kBlock < cells_.size()) return next_chip_block();
      break;
    case Operation::WriteStatus:
      status_ = page_[0] & kStatusWritable;
      configuration_ = page_[1] & 0x0F;
      break;
    default: break;
  }
  status_ &= static_cast<std::uint8_t>(~kWel);
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
