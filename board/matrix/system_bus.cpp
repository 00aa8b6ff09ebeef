#include "board/matrix/system_bus.hpp"

#include <cstring>
#include <stdexcept>

#include "board/memory/system_memory.hpp"
#include "board/peripherals/caches.hpp"
#include "board/peripherals/flash.hpp"
#include "board/peripherals/gtzc.hpp"
#include "board/peripherals/ramcfg.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kFlashWindow = 0x0800'0000;  // bit 26 clear; secure alias 0x0C00'0000
constexpr std::uint32_t kSramCodeWindow = 0x0A00'0000;
constexpr std::uint32_t kCodeAlias = 0x0400'0000;

constexpr std::uint8_t sram_index(std::uint32_t offset) {
  return offset < kSram2Offset ? 0 : offset < kSram3Offset ? 1 : 2;
}
constexpr std::uint32_t kSramStart[] = {0, kSram2Offset, kSram3Offset, 0};

}  // namespace

SystemBus::SystemBus() {
  for (const ChipBlock& info : chip_blocks()) slots_.push_back({&info, nullptr});
}

void SystemBus::place(std::uint32_t base, Peripheral* block) {
  const ChipBlock* info = block_with_base(base);
  if (info == nullptr) throw std::logic_error(std::string(block->name()) + " has no place in the chip map");
  slots_[static_cast<std::size_t>(info - chip_blocks().data())].block = block;
}

Peripheral* SystemBus::block(std::uint32_t base) const {
  const ChipBlock* info = block_with_base(base);
  return info == nullptr ? nullptr : slots_[static_cast<std::size_t>(info - chip_blocks().data())].block;
}

/// LPDMA1 has one port into the SmartRun domain and sees nothing else: SRAM4, AHB3 and APB3. The private
/// peripheral bus belongs to the core (RM0456 2.1, 18.1).
SystemBus::Place SystemBus::decode(std::uint32_t address, Master master) const {
  const Place place = decode_all(address, master);
  if (master == Master::Core) return place;
  const bool smart_run =
      place.region == Region::Sram4 || (place.region == Region::Registers && place.offset >> 24 == 0x46);
  const bool private_bus = place.region == Region::Registers && place.offset >> 28 == 0xE;
  return private_bus || (master == Master::Lpdma && !smart_run) ? Place{} : place;
}

SystemBus::Place SystemBus::decode_all(std::uint32_t address, Master master) const {
  switch (address >> 28) {
    case 0x0:
    case 0x1: return decode_code_bus(address, master);
    case 0x2:
    case 0x3: {
      const std::uint32_t offset = address & 0x0FFF'FFFF;
      if (offset < kSramSize) return {Region::Sram, sram_index(offset), offset};
      if (offset - 0x0800'0000 < kSram4Size) return {Region::Sram4, 3, offset - 0x0800'0000};
      return {};
    }
    case 0x4:
    case 0x5: {
      const std::uint32_t plain = address & ~kSecureAlias;
      if (plain - kBackupSram < kBackupSramSize) return {Region::Backup, 0, plain - kBackupSram};
      return {Region::Registers, 0, plain};
    }
    case 0x7: return {Region::External, 1, address & 0x0FFF'FFFF};
    case 0x9: return {Region::External, 0, address & 0x0FFF'FFFF};
    case 0xE: return {Region::Registers, 0, address};
    default: return {};
  }
}

SystemBus::Place SystemBus::decode_code_bus(std::uint32_t address, Master master) const {
  if (master == Master::Core && parts_.icache->remaps()) {  // ICACHE stands before the core only
    if (const auto target = parts_.icache->remap(address)) return decode_all(*target, master);
  }
  if (address - kSystemMemory < kSystemMemorySize) {
    if (address - kOtpBase < kOtpSize) return {Region::Otp, 0, address - kOtpBase};
    return {Region::System, 0, address - kSystemMemory};
  }
  const std::uint32_t plain = address & ~kCodeAlias;
  if (plain - kFlashWindow < kFlashSize) return {Region::Flash, 0, plain - kFlashWindow};
  if (plain - kSramCodeWindow < kSramSize) {
    const std::uint32_t offset = plain - kSramCodeWindow;
    return {Region::Sram, sram_index(offset), offset};
  }
  return {};
}

std::uint8_t* SystemBus::host_of(const Place& place, unsigned size) const {
  const auto inside = [&](std::span<std::uint8_t> memory) {
    return place.offset + size <= memory.size() ? memory.data() + place.offset : nullptr;
  };
  switch (place.region) {
    case Region::Sram: return inside(parts_.sram->main());
    case Region::Sram4: return inside(parts_.sram->sram4());
    case Region::Backup: return inside(parts_.sram->backup());
    default: return nullptr;
  }
}

Violation SystemBus::check(const Place& place, const Access& access) const {
  switch (place.region) {
    case Region::Sram:
    case Region::Sram4:
      return parts_.gtzc->sram(place.index).check(place.offset - kSramStart[place.index], access);
    case Region::Backup: return parts_.gtzc->check_region(WatermarkMemory::BackupSram, place.offset, access);
    case Region::External:
      return parts_.gtzc->check_region(
          place.index == 0 ? WatermarkMemory::Octospi1 : WatermarkMemory::Octospi2, place.offset, access);
    default: return Violation::None;
  }
}

Violation SystemBus::check_block(const ChipBlock& info, const Access& access) const {
  if (access.fetch) return Violation::FetchFromRegisters;
  if (info.guard != Guard::Securable) return Violation::None;
  if (!access.secure && parts_.gtzc->secure(info.flag)) return Violation::NonSecureToSecure;
  if (!access.privileged && parts_.gtzc->privileged(info.flag)) return Violation::Unprivileged;
  return Violation::None;
}

bool SystemBus::clocked(const ChipBlock& info) const {
  return !info.enable.exists() || parts_.clocks->enabled(info.base);
}

const SystemBus::Slot* SystemBus::slot_of(std::uint32_t address) const {
  const ChipBlock* info = block_at(address);
  if (info == nullptr) return nullptr;
  const Slot& slot = slots_[static_cast<std::size_t>(info - chip_blocks().data())];
  return slot.block == nullptr ? nullptr : &slot;
}

GtzcBit SystemBus::flag_of(const Place& place) {
  static constexpr std::uint32_t kSrams[] = {kSram1, kSram2, kSram3, kSram4};
  const ChipBlock* info = nullptr;
  switch (place.region) {
    case Region::Sram:
    case Region::Sram4: info = block_with_base(kSrams[place.index]); break;
    case Region::Backup: info = block_with_base(kBackupSram); break;
    case Region::External:
      info = block_with_base(place.index == 0 ? kOctospi1Memory : kOctospi2Memory);
      break;
    default: break;
  }
  return info == nullptr ? GtzcBit{} : info->flag;
}

Outcome SystemBus::refuse(Violation violation, const Access& access, Kind kind, GtzcBit flag) const {
  const Policy policy = policy_of(violation);
  const bool flagged = access.fetch         ? policy.flag_on_fetch
                       : kind == Kind::Read ? policy.flag_on_read
                                            : policy.flag_on_write;
  if (flagged) parts_.gtzc->report(flag);
  return (access.fetch ? policy.fetch : policy.data) == Reaction::BusError ? Outcome::BusError : Outcome::Ok;
}

Outcome SystemBus::read(std::uint32_t address, unsigned size, const Access& access, std::uint32_t& value) {
  value = 0;
  const Place place = decode(address, access.master);
  switch (place.region) {
    case Region::None: return refuse(Violation::Unmapped, access, Kind::Read, {});
    case Region::Flash: return parts_.flash->read_array(place.offset, size, access, value);
    case Region::Otp: return parts_.flash->read_otp(place.offset, size, value);
    case Region::System: value = system_word(place.offset, size); return Outcome::Ok;
    case Region::Registers: return read_block(place.offset, size, access, value);
    default: break;
  }
  if (const Violation violation = check(place, access); violation != Violation::None) {
    return refuse(violation, access, Kind::Read, flag_of(place));
  }
  if (place.region == Region::External) {
    ExternalMemory* external = parts_.external[place.index];
    return external == nullptr ? Outcome::BusError : external->read(place.offset, size, value);
  }
  const std::uint8_t* host = host_of(place, size);
  if (host == nullptr) return Outcome::BusError;
  if (place.region == Region::Backup && !clocked(*block_with_base(kBackupSram))) return Outcome::Ok;
  std::memcpy(&value, host, size);
  return Outcome::Ok;
}

Outcome SystemBus::write(std::uint32_t address, unsigned size, const Access& access, std::uint32_t value) {
  const Place place = decode(address, access.master);
  switch (place.region) {
    case Region::None: return refuse(Violation::Unmapped, access, Kind::Write, {});
    case Region::Flash: return parts_.flash->write_array(place.offset, size, access, value);
    case Region::Otp: return parts_.flash->write_otp(place.offset, size, access, value);
    case Region::System: return Outcome::BusError;
    case Region::Registers: return write_block(place.offset, size, access, value);
    default: break;
  }
  if (const Violation violation = check(place, access); violation != Violation::None) {
    return refuse(violation, access, Kind::Write, flag_of(place));
  }
  if (place.region == Region::External) {
    ExternalMemory* external = parts_.external[place.index];
    return external == nullptr ? Outcome::BusError : external->write(place.offset, size, value);
  }
  std::uint8_t* host = host_of(place, size);
  if (host == nullptr) return Outcome::BusError;
  if (place.region == Region::Backup && !clocked(*block_with_base(kBackupSram))) return Outcome::Ok;
  if (place.index == 1 && place.region == Region::Sram &&
      parts_.ramcfg->sram2_write_protected(place.offset - kSram2Offset)) {
    return Outcome::Ok;
  }
  std::memcpy(host, &value, size);
  if (access.master != Master::Core && place.region != Region::Backup) {
    memory_changed((place.region == Region::Sram ? kPhysicalSram : kPhysicalSram4) + place.offset, size);
  }
  return Outcome::Ok;
}

Outcome SystemBus::read_block(std::uint32_t address, unsigned size, const Access& access,
                              std::uint32_t& value) const {
  const Slot* slot = slot_of(address);
  if (slot == nullptr) return refuse(Violation::Unmapped, access, Kind::Read, {});
  if (const Violation violation = check_block(*slot->info, access); violation != Violation::None) {
    return refuse(violation, access, Kind::Read, slot->info->flag);
  }
  if (!clocked(*slot->info)) return Outcome::Ok;
  return slot->block->read(address - slot->info->base, size, access, value);
}

Outcome SystemBus::write_block(std::uint32_t address, unsigned size, const Access& access,
                               std::uint32_t value) const {
  const Slot* slot = slot_of(address);
  if (slot == nullptr) return refuse(Violation::Unmapped, access, Kind::Write, {});
  if (const Violation violation = check_block(*slot->info, access); violation != Violation::None) {
    return refuse(violation, access, Kind::Write, slot->info->flag);
  }
  if (!clocked(*slot->info)) return Outcome::Ok;
  return slot->block->write(address - slot->info->base, size, access, value);
}

std::optional<DirectSpan> SystemBus::direct(std::uint32_t address, const Access& access) {
  const Place place = decode(address);
  if (place.region == Region::Flash) {
    auto span = parts_.flash->direct(place.offset, access);
    if (span) span->base += address - place.offset;
    return span;
  }
  if (place.region != Region::Sram && place.region != Region::Sram4) return std::nullopt;
  const Mpcbb& checker = parts_.gtzc->sram(place.index);
  const std::uint32_t inside = place.offset - kSramStart[place.index];
  if (checker.check(inside, access) != Violation::None) return std::nullopt;
  const auto [first, end] = checker.alike(inside);
  const std::uint32_t start = kSramStart[place.index] + first;
  const bool main = place.region == Region::Sram;
  const bool frozen = main && place.index == 1 && parts_.ramcfg->sram2_any_write_protected();
  return DirectSpan{.host = (main ? parts_.sram->main() : parts_.sram->sram4()).data() + start,
                    .base = address - place.offset + start,
                    .size = end - first,
                    .writable = !frozen,
                    .physical = (main ? kPhysicalSram : kPhysicalSram4) + start};
}

std::optional<RegisterWindow> SystemBus::register_window(std::uint32_t address, const Access& access) {
  const Place place = decode(address);
  if (place.region != Region::Registers) return std::nullopt;
  const Slot* slot = slot_of(place.offset);
  if (slot == nullptr || check_block(*slot->info, access) != Violation::None || !clocked(*slot->info)) {
    return std::nullopt;
  }
  return RegisterWindow{
      .block = slot->block, .base = address - (place.offset - slot->info->base), .size = slot->info->size};
}

Time SystemBus::stalled_until() const { return parts_.flash->stalled_until(); }

std::uint32_t SystemBus::system_word(std::uint32_t offset, unsigned size) const {
  std::uint32_t value = 0;
  for (unsigned index = 0; index < size; ++index) {
    value |= std::uint32_t{system_memory_byte(kSystemMemory + offset + index, parts_.unique_id)}
             << (index * 8);
  }
  return value;
}

bool SystemBus::peek(std::uint32_t address, unsigned size, std::uint32_t& value) const {
  value = 0;
  const Place place = decode(address);
  switch (place.region) {
    case Region::None:
    case Region::External: return false;  // reading it is a transfer on the wire
    case Region::System: value = system_word(place.offset, size); return true;
    case Region::Otp:
      std::memcpy(&value,
                  parts_.flash->cells().row(kOtpCells + place.offset).data() + place.offset % kFlashRowSize,
                  size);
      return true;
    case Region::Flash:
      if (place.offset + size > kFlashSize) return false;
      std::memcpy(&value, parts_.flash->cells().array().data() + parts_.flash->cell_of(place.offset), size);
      return true;
    case Region::Registers: {
      const Slot* slot = slot_of(place.offset);
      if (slot == nullptr) return false;
      value = slot->block->peek((place.offset - slot->info->base) & ~3U) >> ((place.offset & 3) * 8);
      if (size < 4) value &= (1U << (size * 8)) - 1;
      return true;
    }
    default: break;
  }
  const std::uint8_t* host = host_of(place, size);
  if (host != nullptr) std::memcpy(&value, host, size);
  return host != nullptr;
}

bool SystemBus::poke(std::uint32_t address, unsigned size, std::uint32_t value) {
  const Place place = decode(address);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
  switch (place.region) {
    case Region::Flash: {
      if (place.offset + size > kFlashSize) return false;
      const std::uint32_t cell = parts_.flash->cell_of(place.offset);
      parts_.flash->cells().load(cell, {bytes, size});
      memory_changed(kPhysicalFlash + cell, size);
      return true;
    }
    case Region::Registers: {
      const Slot* slot = slot_of(place.offset);
      return slot != nullptr &&
             slot->block->write(place.offset - slot->info->base, size, Access{}, value) == Outcome::Ok;
    }
    default: break;
  }
  std::uint8_t* host = host_of(place, size);
  if (host == nullptr) return false;
  std::memcpy(host, bytes, size);
  if (place.region != Region::Backup) {
    memory_changed((place.region == Region::Sram ? kPhysicalSram : kPhysicalSram4) + place.offset, size);
  }
  return true;
}

void SystemBus::permissions_changed() const {
  if (observer_ != nullptr) observer_->permissions_changed();
}

void SystemBus::memory_changed(std::uint32_t physical, std::uint32_t size) const {
  if (observer_ != nullptr) observer_->memory_changed(physical, size);
}

}  // namespace microvisor::board
