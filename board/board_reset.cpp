// Power-on, resets, and where the chip starts (RM0456 sections 3.4 boot, 11.3 reset).
#include <algorithm>
#include <string>

#include "board/board.hpp"
#include "board/cpu/system.hpp"
#include "board/debug/elf_image.hpp"
#include "board/debug_authentication.hpp"
#include "board/fault/fault_injector.hpp"
#include "board/peripherals/flash.hpp"
#include "board/peripherals/ramcfg.hpp"
#include "board/peripherals/syscfg.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kSecureFlash = 0x0C00'0000;
constexpr std::uint32_t kVectorAlignment = 128;

tl::unexpected<BoardError> unbootable(std::string reason) {
  return tl::unexpected(BoardError{BoardError::Kind::Unbootable, std::move(reason)});
}

std::string_view name_of(ResetCause cause) {
  switch (cause) {
    case ResetCause::PowerOn: return "power-on";
    case ResetCause::Pin: return "pin";
    case ResetCause::Software: return "software";
    case ResetCause::IndependentWatchdog: return "independent watchdog";
    case ResetCause::WindowWatchdog: return "window watchdog";
    case ResetCause::OptionLoad: return "option bytes loaded";
    case ResetCause::LowPower: return "illegal low-power mode";
    case ResetCause::Standby: return "wake-up from Standby";
  }
  return "unknown";
}

bool in_flash(std::uint32_t address) { return (address & ~0x0400'0000U) - 0x0800'0000U < kFlashSize; }

}  // namespace

tl::expected<std::unique_ptr<Board>, BoardError> Board::create(BoardMemories memories, BoardOptions options) {
  memories.flash().power_on();
  std::unique_ptr<Board> board(new Board(std::move(memories), std::move(options), Sram()));
  if (auto done = board->perform_reset(ResetCause::PowerOn); !done) return tl::unexpected(done.error());
  return board;
}

tl::expected<void, BoardError> Board::power_cycle() {
  memories_.supply().restore();
  memories_.flash().power_on();
  sram_.power_on();
  bus_.memory_changed(kPhysicalSram, kSramSize);
  bus_.memory_changed(kPhysicalSram4, kSram4Size);
  ++resets_;
  return perform_reset(ResetCause::PowerOn);
}

BoardMemories Board::take_memories() {
  faults_.reset();
  memories_.supply().on_cut({});
  memories_.supply().restore();
  return std::move(memories_);
}

tl::expected<void, BoardError> Board::boot_image(const LoadedImage& image) {
  const auto flash_segment = std::ranges::find_if(
      image.segments, [](const LoadedImage::Segment& segment) { return in_flash(segment.address); });
  const std::uint32_t start =
      flash_segment != image.segments.end() ? flash_segment->address : image.segments.front().address;
  if (start % kVectorAlignment != 0) {
    return tl::unexpected(
        BoardError{BoardError::Kind::BadImage, "its vector table is not aligned to 128 bytes"});
  }
  OptionBytes options = memories_.flash().options();
  options.secure_boot = start;
  memories_.flash().set_options(options);
  // Power first, then the segments: those in SRAM would not survive it.
  if (auto cycled = power_cycle(); !cycled) return cycled;
  for (const auto& [address, bytes] : image.segments) {
    for (std::size_t done = 0; done < bytes.size(); ++done) {
      if (bus_.poke(address + static_cast<std::uint32_t>(done), 1, bytes[done])) continue;
      return tl::unexpected(
          BoardError{BoardError::Kind::BadImage, "it has a segment outside the chip's memory"});
    }
  }
  resets_ = 0;
  core_.reset(start);
  return {};
}

void Board::request_reset(ResetCause cause) {
  if (!wanted_reset_) wanted_reset_ = cause;
  scheduler_.interrupt_core();
}

tl::expected<void, BoardError> Board::perform_reset(ResetCause cause) {
  leave_sleep();  // out of Standby it asks for the reset that is happening
  wanted_reset_.reset();
  locked_up_since_.reset();
  erase_for_reset(cause);
  const Reset kind = cause == ResetCause::PowerOn   ? Reset::PowerOn
                     : cause == ResetCause::Standby ? Reset::Standby
                                                    : Reset::System;
  chip_->note_reset(cause);
  flash_->reset(kind);  // loads the option bytes that others look at
  for (Peripheral* block : reset_order_) {
    if (block != flash_.get()) block->reset(kind);
  }
  const auto address = boot_address();
  if (!address) return tl::unexpected(address.error());
  core_.reset(*address);
  set_debug_authentication(core_, debug_inputs());
  if (core_.tracer != nullptr) core_.tracer->reset(name_of(cause));
  if (cause != ResetCause::PowerOn) {
    ++resets_;
    report("reset: " + std::string(name_of(cause)));
  }
  if (reset_listener_) reset_listener_(cause);
  if (halt_on_reset_ || core_.halting.stepping) halt(HaltReason::Reset);
  return {};
}

DebugAuthentication Board::debug_inputs() const {
  const std::uint32_t level = flash_->active_options().rdp();
  DebugAuthentication inputs = debug_policy_of(level).inputs;
  if (level == optr::kRdpLevel2) inputs.noninvasive = options_.watchpoints_at_rdp2;
  return inputs;
}

void Board::erase_for_reset(ResetCause cause) {
  if (cause == ResetCause::PowerOn) return;  // nothing there yet
  const std::uint32_t options = memories_.flash().options().optr;
  const bool main = (options & optr::kSramKept) == 0;
  const bool sram2 = (options & optr::kSram2Kept) == 0;
  if (main) {
    erase(Ram::Sram1);
    erase(Ram::Sram3);
    erase(Ram::Sram4);
  }
  if (sram2) erase(Ram::Sram2);
}

tl::expected<std::uint32_t, BoardError> Board::boot_address() const {
  const OptionBytes& options = flash_->active_options();
  if (!options.trustzone()) return unbootable("TrustZone is switched off in the option bytes (TZEN = 0)");
  const bool locked = (options.secure_boot & kBootLock) != 0;
  const bool by_option = (options.optr & optr::kBootPin) == 0;
  const bool option_says_services = by_option && (options.optr & optr::kBoot0) == 0;
  if (!locked && (option_says_services || syscfg_->boots_security_services())) {
    return unbootable("the chip would start the root security services, which are not part of this board");
  }
  const std::uint32_t address = options.secure_boot & kBootAddressMask;
  // Above RDP level 0 only secure user flash can be booted (DS13086 tables 7 and 8).
  if (options.rdp() != optr::kRdpLevel0 && address - kSecureFlash >= kFlashSize) {
    return unbootable("SECBOOTADD0 is outside secure flash while read-out protection is on");
  }
  std::uint32_t probe = 0;
  if (!bus_.peek(address, 4, probe)) return unbootable("SECBOOTADD0 leads to no memory");
  return address;
}

}  // namespace microvisor::board
