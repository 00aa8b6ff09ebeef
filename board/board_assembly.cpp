// How the parts of the chip are put together.
#include <algorithm>
#include <string>
#include <utility>

#include "board/board.hpp"
#include "board/bus/chip_map.hpp"
#include "board/bus/register_file.hpp"
#include "board/cpu/system.hpp"
#include "board/debug/semihosting.hpp"
#include "board/fault/fault_injector.hpp"
#include "board/peripherals/caches.hpp"
#include "board/peripherals/dbgmcu.hpp"
#include "board/peripherals/flash.hpp"
#include "board/peripherals/gtzc.hpp"
#include "board/peripherals/ramcfg.hpp"
#include "board/peripherals/syscfg.hpp"

namespace microvisor::board {
namespace {

constexpr unsigned kIcacheInterrupt = 107;
constexpr unsigned kDcacheInterrupt = 111;

void reset_block(Peripheral* block) {
  if (block != nullptr) block->reset(Reset::System);
}

}  // namespace

Board::Board(BoardMemories memories, BoardOptions options, Sram sram)
    : memories_(std::move(memories)),
      options_(std::move(options)),
      core_(bus_, scheduler_),
      sram_(std::move(sram)) {
  memories_.supply().on_cut([this] { scheduler_.interrupt_core(); });
  build_security();
  build_flash();
  build_memory_blocks();
  build_chip();
  place_unmodelled();
  core_.semihosting = options_.semihosting;
  semihosting_ = std::make_unique<Semihosting>(bus_, scheduler_, options_.host_calls);
  bus_.set_observer(&core_);
}

Board::~Board() { bus_.set_observer(nullptr); }

void Board::build_security() {
  gtzc_ = std::make_unique<Gtzc>(core_);
  gtzc_->on_change([this] { bus_.permissions_changed(); });
  for (const auto& [base, block] : gtzc_->blocks()) {
    bus_.place(base, block);
    reset_order_.push_back(block);
  }
}

void Board::build_flash() {
  flash_ = std::make_unique<Flash>(
      memories_.flash(),
      Flash::Ports{
          .scheduler = scheduler_,
          .interrupts = core_,
          .report_registers = [this] { gtzc_->report_illegal_access(kFlashRegisters); },
          .report_array = [this] { gtzc_->report_illegal_access(kFlashMemory); },
          .permissions_changed = [this] { bus_.permissions_changed(); },
          .cells_changed = [this](std::uint32_t cell,
                                  std::uint32_t size) { bus_.memory_changed(kPhysicalFlash + cell, size); },
          .launch_options = [this] { request_reset(ResetCause::OptionLoad); },
          .wipe_memories =
              [this] {
                erase(sram_.main(), kPhysicalSram);
                erase(sram_.sram4(), kPhysicalSram4);
                erase(sram_.backup(), kPhysicalBackup);
                chip_->erase_for_regression();
              }});
}

void Board::build_memory_blocks() {
  const auto permissions_changed = [this] { bus_.permissions_changed(); };
  const auto option_register = [this] { return flash_->active_options().optr; };
  ramcfg_ = std::make_unique<Ramcfg>(Ramcfg::Hooks{.erase = [this](Ram which) { erase(which); },
                                                   .permissions_changed = permissions_changed,
                                                   .option_register = option_register});
  icache_ = std::make_unique<Icache>(InterruptLine{&core_, kIcacheInterrupt}, permissions_changed);
  dcache_ = std::make_unique<Dcache>(InterruptLine{&core_, kDcacheInterrupt});
  syscfg_ =
      std::make_unique<Syscfg>(Syscfg::Hooks{.locks_changed =
                                                 [this](const CoreLocks& locks) {
                                                   core_.signals.lock_secure_vtor_aircr =
                                                       locks.secure_vtor_aircr;
                                                   core_.signals.lock_secure_mpu = locks.secure_mpu;
                                                   core_.signals.lock_sau = locks.sau;
                                                   core_.signals.lock_nonsecure_vtor = locks.nonsecure_vtor;
                                                   core_.signals.lock_nonsecure_mpu = locks.nonsecure_mpu;
                                                 },
                                             .report = [this] { gtzc_->report_illegal_access(kSyscfg); }});
  dbgmcu_ = std::make_unique<Dbgmcu>();
  const std::pair<std::uint32_t, Peripheral*> placed[] = {
      {kFlashRegisters, flash_.get()}, {kRamcfg, ramcfg_.get()}, {kIcache, icache_.get()},
      {kDcache1, dcache_.get()},       {kSyscfg, syscfg_.get()}, {kDbgmcu, dbgmcu_.get()},
  };
  for (const auto& [base, block] : placed) {
    bus_.place(base, block);
    reset_order_.push_back(block);
  }
}

void Board::build_chip() {
  chip_ = make_chip_peripherals(ChipPorts{
      .scheduler = scheduler_,
      .interrupts = core_,
      .bus = bus_,
      .protection = *gtzc_,
      .request_reset = [this](ResetCause cause) { request_reset(cause); },
      .reset_block = [this](std::uint32_t base) { reset_block(bus_.block(base)); },
      .clock_gates_changed = [this] { bus_.permissions_changed(); },
      .option_register = [this] { return flash_->active_options().optr; },
      .backup_domain = memories_.backup_domain(),
      .nor = memories_.nor(),
      .erase_on_tamper =
          [this] {
            erase(Ram::Sram2);
            erase(Ram::Backup);
          },
      .lose_memory = [this](std::uint32_t physical, std::uint32_t size) { erase_at(physical, size); },
      .flash_busy = [this] { return memories_.flash().in_progress().operation != FlashOperation::None; },
      .seed = memories_.identity().seed,
  });
  chip_->clocks().on_change([this] {
    const Clocks& clocks = chip_->clocks();
    set_systick_clocks(core_, scheduler_.instruction_ticks(),
                       period_of(clocks.kernel_clock(Clocks::kSysTickReference)));
  });
  chip_blocks_ = chip_->take_blocks();
  for (const PlacedBlock& placed : chip_blocks_) {
    bus_.place(placed.base, placed.block.get());
    reset_order_.push_back(placed.block.get());
  }
  bus_.attach({.flash = flash_.get(),
               .gtzc = gtzc_.get(),
               .ramcfg = ramcfg_.get(),
               .icache = icache_.get(),
               .sram = &sram_,
               .clocks = &chip_->clocks(),
               .external = {chip_->external(0), chip_->external(1)},
               .unique_id = memories_.identity().uid});
}

void Board::place_unmodelled() {
  for (const ChipBlock& info : chip_blocks()) {
    if (info.guard == Guard::Memory || bus_.block(info.base) != nullptr) continue;
    register_files_.push_back(std::make_unique<RegisterFile>(info, [this](std::string_view name) {
      report("the program uses " + std::string(name) +
             ", which this board does not model: it keeps what is written, and does nothing");
    }));
    bus_.place(info.base, register_files_.back().get());
    reset_order_.push_back(register_files_.back().get());
  }
}

void Board::report(std::string_view line) const {
  if (options_.report) options_.report(line);
}

void Board::erase(Ram which) {
  switch (which) {
    case Ram::Sram1: erase(sram_.main().first(kSram2Offset), kPhysicalSram); break;
    case Ram::Sram2:
      erase(sram_.main().subspan(kSram2Offset, kSram3Offset - kSram2Offset), kPhysicalSram + kSram2Offset);
      break;
    case Ram::Sram3: erase(sram_.main().subspan(kSram3Offset), kPhysicalSram + kSram3Offset); break;
    case Ram::Sram4: erase(sram_.sram4(), kPhysicalSram4); break;
    case Ram::Backup: erase(sram_.backup(), kPhysicalBackup); break;
  }
}

void Board::erase_at(std::uint32_t physical, std::uint32_t size) {
  const std::pair<std::uint32_t, std::span<std::uint8_t>> memories[] = {
      {kPhysicalSram, sram_.main()}, {kPhysicalSram4, sram_.sram4()}, {kPhysicalBackup, sram_.backup()}};
  for (const auto& [start, bytes] : memories) {
    if (physical - start < bytes.size()) return erase(bytes.subspan(physical - start, size), physical);
  }
}

void Board::erase(std::span<std::uint8_t> memory, std::uint32_t physical) {
  std::ranges::fill(memory, std::uint8_t{0});
  bus_.memory_changed(physical, static_cast<std::uint32_t>(memory.size()));
}

}  // namespace microvisor::board
