// The blocks of the chip, built and wired: who tells whom what, apart from the bus.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "board/peripherals/aes.hpp"
#include "board/peripherals/backup_domain.hpp"
#include "board/peripherals/crc.hpp"
#include "board/peripherals/crs.hpp"
#include "board/peripherals/dma.hpp"
#include "board/peripherals/dma_signals.hpp"
#include "board/peripherals/exti.hpp"
#include "board/peripherals/gpio.hpp"
#include "board/peripherals/hash.hpp"
#include "board/peripherals/i2c.hpp"
#include "board/peripherals/lptim.hpp"
#include "board/peripherals/nor_flash.hpp"
#include "board/peripherals/octospi.hpp"
#include "board/peripherals/pka.hpp"
#include "board/peripherals/pwr.hpp"
#include "board/peripherals/rcc.hpp"
#include "board/peripherals/registry.hpp"
#include "board/peripherals/rng.hpp"
#include "board/peripherals/root_key.hpp"
#include "board/peripherals/rtc.hpp"
#include "board/peripherals/saes.hpp"
#include "board/peripherals/tamp.hpp"
#include "board/peripherals/timer.hpp"
#include "board/peripherals/usart.hpp"
#include "board/peripherals/watchdogs.hpp"

namespace microvisor::board {
namespace {

/// Internal tamper event of SAES, AES, PKA and RNG (RM0456 64.3.2).
constexpr unsigned kCryptographicFault = 9;
constexpr std::uint32_t kUcpd1 = 0x4000'DC00;

/// Owned by the Board, which also owns the blocks once it has taken them; neither outlives the other's use.
class Chip final : public ChipPeripherals {
 public:
  explicit Chip(const ChipPorts& ports)
      : ports_(ports), domain_(backup_domain_in(ports.backup_domain)), nor_(ports.scheduler, ports.nor) {
    build_clocks_and_power();
    build_dma();
    build_pins();
    build_timers();
    build_low_power_timers();
    build_serial();
    build_external_memory();
    build_backup_domain();
    build_others();
    build_cryptography();
  }

  std::vector<PlacedBlock> take_blocks() override { return std::move(blocks_); }
  Clocks& clocks() override { return *rcc_; }
  Pins& pins() override { return pins_; }
  PowerModes& power() override { return *pwr_; }
  void note_reset(ResetCause cause) override { rcc_->note_reset(cause); }
  void erase_for_regression() override {
    tamp_->erase_backup_registers();
    pka_->erase();
  }
  SerialPort* serial(std::uint32_t base) override { return find(serial_, base); }
  I2cBus* i2c(std::uint32_t base) override { return find(i2c_, base); }
  ExternalMemory* external(unsigned index) override { return index < 2 ? octospi_[index] : nullptr; }

 private:
  template <typename Interface>
  static Interface* find(const std::map<std::uint32_t, Interface*>& all, std::uint32_t base) {
    const auto found = all.find(base);
    return found == all.end() ? nullptr : found->second;
  }
  /// Builds a block, remembers where it stands, and gives back what it is.
  template <typename Block, typename... Arguments>
  Block* place(std::uint32_t base, Arguments&&... arguments) {
    auto block = std::make_unique<Block>(std::forward<Arguments>(arguments)...);
    Block* result = block.get();
    blocks_.push_back({base, std::move(block)});
    return result;
  }
  std::function<void()> reporter(std::uint32_t base) {
    return [this, base] { ports_.protection.report_illegal_access(base); };
  }

  void build_clocks_and_power();
  void build_dma();
  void build_pins();
  void build_timers();
  void build_low_power_timers();
  void build_serial();
  void build_external_memory();
  void build_backup_domain();
  void build_others();
  void build_cryptography();
  void tampered();
  void change_power_mode(PowerMode mode);
  [[nodiscard]] bool stop_held_up() const;
  [[nodiscard]] bool secure_block(std::uint32_t base) const;

  ChipPorts ports_;
  BackupDomain& domain_;
  PinMatrix pins_;
  DmaSignals dma_signals_;
  std::vector<PlacedBlock> blocks_;
  Rcc* rcc_ = nullptr;
  Pwr* pwr_ = nullptr;
  std::array<Dma*, 2> dma_{};
  Exti* exti_ = nullptr;
  IndependentWatchdog* watchdog_ = nullptr;
  Rtc* rtc_ = nullptr;
  Tamp* tamp_ = nullptr;
  Rng* rng_ = nullptr;
  Hash* hash_ = nullptr;
  Aes* aes_ = nullptr;
  Saes* saes_ = nullptr;
  Pka* pka_ = nullptr;
  NorFlash nor_;
  OctospiManager* manager_ = nullptr;
  std::array<Octospi*, 2> octospi_{};
  std::map<std::uint32_t, Gpio*> gpio_;
  std::map<std::uint32_t, SerialPort*> serial_;
  std::map<std::uint32_t, I2cBus*> i2c_;
};

void Chip::build_clocks_and_power() {
  rcc_ = place<Rcc>(Rcc::kBase, ports_.scheduler, ports_.interrupts, domain_.bdcr, Rcc::Board{},
                    Rcc::Hooks{.reset_block = ports_.reset_block,
                               .reset_backup_domain =
                                   [this] {
                                     rtc_->reset_backup_domain();
                                     tamp_->reset_backup_domain();
                                     pwr_->reset_backup_domain();
                                   },
                               .backup_writable = [this] { return pwr_->backup_writable(); },
                               .secure_block = [this](std::uint32_t base) { return secure_block(base); },
                               .report_illegal_access = reporter(Rcc::kBase),
                               .gates_changed = ports_.clock_gates_changed});
  pwr_ = place<Pwr>(Pwr::kBase, ports_.interrupts, domain_.pwr_bdcr1,
                    Pwr::Hooks{.mode_changed = [this](PowerMode mode) { change_power_mode(mode); },
                               .held_up = [this] { return stop_held_up(); },
                               .lose_memory = ports_.lose_memory,
                               .request_reset = ports_.request_reset,
                               .system_clock_secure = [this] { return rcc_->system_clock_secure(); },
                               .power_delivery_secure = [this] { return ports_.protection.secure(kUcpd1); },
                               .secure_pins =
                                   [this](unsigned port) {
                                     const auto found = gpio_.find(Gpio::base_of(port));
                                     return found == gpio_.end() ? 0 : found->second->secure_pins();
                                   },
                               .pin_level = [this](PinId pin) { return pins_.level(pin); },
                               .option_register = ports_.option_register,
                               .report_illegal_access = reporter(Pwr::kBase)});
}

void Chip::change_power_mode(PowerMode mode) {
  rcc_->set_power_mode(mode);
  watchdog_->set_power_mode(mode);
  pins_.set_isolated(mode >= PowerMode::Stop3);
}

/// A Stop mode waits for the flash and for a DMA controller that is at work (RM0456 10.7.4, 10.7.6).
bool Chip::stop_held_up() const {
  if (ports_.flash_busy && ports_.flash_busy()) return true;
  return std::ranges::any_of(dma_, [this](const Dma* controller) {
    return controller->has_work() && rcc_->bus_clock(controller->base()) != 0;
  });
}

void Chip::build_dma() {
  const Dma::Shape* shapes[] = {&Dma::kGpdma1, &Dma::kLpdma1};
  for (unsigned index = 0; index < 2; ++index) {
    const Dma::Shape& shape = *shapes[index];
    dma_[index] = place<Dma>(shape.base, shape, ports_.scheduler, *rcc_, ports_.bus, ports_.interrupts,
                             dma_signals_, reporter(shape.base));
  }
}

void Chip::build_pins() {
  for (unsigned port = 0; port < PinMatrix::kPorts; ++port) {
    const std::uint32_t base = Gpio::base_of(port);
    gpio_[base] = place<Gpio>(base, port, pins_);
  }
  place<LowPowerGpio>(LowPowerGpio::kBase);
  exti_ = place<Exti>(Exti::kBase, ports_.interrupts,
                      Exti::Hooks{.report_illegal_access = reporter(Exti::kBase),
                                  .selected = [this](unsigned line, bool level) {
                                    if (line < 8)
                                      dma_signals_.set_trigger(numbered(DmaTrigger::Exti0, line), level);
                                  }});
  pins_.set_applied_pull([this](PinId pin) { return pwr_->applied_pull(pin); });
  pins_.on_level_change([this](PinId pin, bool level) {
    if (pwr_->mode() < PowerMode::Stop3) exti_->pin_changed(pin, level);  // without supply from there on
    pwr_->pin_changed(pin, level);
  });
}

void Chip::build_timers() {
  std::map<std::uint32_t, Timer*> timers;
  for (const Timer::Shape& shape : Timer::timers()) {
    auto* timer = place<Timer>(shape.base, shape, ports_.scheduler, *rcc_, ports_.interrupts);
    timers[shape.base] = timer;
    timer->on_output([this, base = shape.base](unsigned channel, const TimerOutput& output) {
      pins_.set_timer_output(base, channel, output);
    });
    timer->on_dma([this, base = shape.base](TimerRequest request, unsigned count) {
      if (const auto line = timer_line(base, request)) dma_signals_.pulse(*line, count);
    });
    if (shape.dma_trigger) {
      timer->on_trigger_output([this, trigger = *shape.dma_trigger] { dma_signals_.strobe(trigger); });
    }
  }
  for (const auto& [base, timer] : timers) {
    Timer::TriggerSources sources{};
    for (std::size_t i = 0; i < sources.size(); ++i)
      sources[i] = Timer::kTriggerBases[i] == base ? nullptr : timers.at(Timer::kTriggerBases[i]);
    timer->connect_triggers(sources);
  }
  pins_.on_timer_input(
      [timers](std::uint32_t base, unsigned input, bool level) { timers.at(base)->set_input(input, level); });
}

void Chip::build_low_power_timers() {
  for (const LowPowerTimer::Shape& shape : LowPowerTimer::timers()) {
    auto* timer = place<LowPowerTimer>(shape.base, shape, ports_.scheduler, *rcc_, ports_.interrupts);
    timer->connect({.request_dma =
                        [this, line = shape.dma_update] {
                          if (line) dma_signals_.pulse(*line);
                        },
                    .output =
                        [this, outputs = shape.outputs](unsigned channel, bool level) {
                          if (outputs[channel]) dma_signals_.set_trigger(*outputs[channel], level);
                        }});
  }
  place<Crs>(Crs::kBase, ports_.scheduler, ports_.interrupts, [this] { return test(domain_.bdcr, 1); });
}

void Chip::build_serial() {
  for (const Usart::Shape& shape : Usart::ports()) {
    auto* port = place<Usart>(shape.base, shape, ports_.scheduler, *rcc_, ports_.interrupts);
    dma_signals_.connect(shape.dma_receive, port->dma_receive());
    dma_signals_.connect(shape.dma_transmit, port->dma_transmit());
    serial_[shape.base] = port;
  }
  for (const I2c::Shape& shape : I2c::buses()) {
    auto* bus = place<I2c>(shape.base, shape, ports_.scheduler, *rcc_, ports_.interrupts);
    dma_signals_.connect(shape.dma_receive, bus->dma_receive());
    dma_signals_.connect(shape.dma_transmit, bus->dma_transmit());
    i2c_[shape.base] = bus;
  }
}

void Chip::build_external_memory() {
  manager_ = place<OctospiManager>(OctospiManager::kBase, nor_);
  for (unsigned index = 0; index < 2; ++index) {
    const Octospi::Shape& shape = Octospi::kControllers[index];
    octospi_[index] = place<Octospi>(shape.base, shape, ports_.scheduler, *rcc_, ports_.interrupts,
                                     [this, index] { return manager_->device_of(index); });
    dma_signals_.connect(shape.dma, octospi_[index]->dma());
  }
}

void Chip::build_backup_domain() {
  const auto writable = [this] { return pwr_->backup_writable(); };
  const auto event_of = [this](bool rtc) {
    return [this, rtc](bool level) { pwr_->set_backup_event(rtc, level); };
  };
  rtc_ = place<Rtc>(Rtc::kBase, ports_.scheduler, *rcc_, ports_.interrupts, domain_.rtc,
                    Rtc::Hooks{.writable = writable,
                               .event = event_of(true),
                               .report_illegal_access = reporter(Rtc::kBase),
                               .flags_changed = [this](std::uint32_t flags) {
                                 dma_signals_.set_trigger(DmaTrigger::RtcAlarmA, test(flags, 0));
                                 dma_signals_.set_trigger(DmaTrigger::RtcAlarmB, test(flags, 1));
                                 dma_signals_.set_trigger(DmaTrigger::RtcWakeup, test(flags, 2));
                               }});
  tamp_ = place<Tamp>(
      Tamp::kBase, ports_.interrupts, domain_.tamp,
      Tamp::Hooks{.writable = writable,
                  .erase_memories = [this] { tampered(); },
                  .event = event_of(false),
                  .report_illegal_access = reporter(Tamp::kBase),
                  .boot_key_read = [this](unsigned index,
                                          std::uint32_t value) { saes_->boot_key_read(index, value); }});
}

void Chip::build_others() {
  rng_ =
      place<Rng>(Rng::kBase, ports_.scheduler, *rcc_, ports_.interrupts, ports_.seed, domain_.noise_position);
  place<Crc>(Crc::kBase);
  watchdog_ = place<IndependentWatchdog>(
      IndependentWatchdog::kBase, ports_.scheduler, ports_.interrupts,
      IndependentWatchdog::Hooks{
          .request_reset = [this] { ports_.request_reset(ResetCause::IndependentWatchdog); },
          .started = [this] { rcc_->force_lsi(true); },
          .option_register = ports_.option_register});
  place<WindowWatchdog>(WindowWatchdog::kBase, ports_.scheduler, *rcc_, ports_.interrupts,
                        [this] { ports_.request_reset(ResetCause::WindowWatchdog); });
}

void Chip::build_cryptography() {
  const auto random_alive = [this] { return rng_->alive(); };
  hash_ = place<Hash>(Hash::kBase, ports_.scheduler, *rcc_, ports_.interrupts);
  saes_ = place<Saes>(
      Saes::kBase, ports_.scheduler, *rcc_, ports_.interrupts,
      Saes::Hooks{.random_alive = random_alive,
                  .block_secure = [this] { return ports_.protection.secure(Saes::kBase); },
                  .root_key = [this] { return root_key(ports_.seed, ports_.option_register()); }});
  aes_ = place<Aes>(Aes::kBase, ports_.scheduler, *rcc_, ports_.interrupts, *saes_);
  pka_ = place<Pka>(Pka::kBase, ports_.scheduler, *rcc_, ports_.interrupts,
                    Pka::Hooks{.random_alive = random_alive,
                               .fault = [this] { tamp_->internal_event(kCryptographicFault); }});
  dma_signals_.connect(DmaLine::HashIn, hash_->dma_in());
  dma_signals_.on_transfer_end(DmaLine::HashIn, [this] { hash_->dma_transfer_complete(); });
  dma_signals_.connect(DmaLine::AesIn, aes_->dma_in());
  dma_signals_.connect(DmaLine::AesOut, aes_->dma_out());
  dma_signals_.connect(DmaLine::SaesIn, saes_->dma_in());
  dma_signals_.connect(DmaLine::SaesOut, saes_->dma_out());
}

/// What a tamper event erases (RM0456 64.3.8).
void Chip::tampered() {
  if (ports_.erase_on_tamper) ports_.erase_on_tamper();
  hash_->reset(Reset::System);
  aes_->erase_key();
  saes_->erase_key();
  pka_->erase();
}

/// What RCC has to know of a block to guard its clock bits (RM0456 11.5.1).
bool Chip::secure_block(std::uint32_t base) const {
  if (const auto port = gpio_.find(base); port != gpio_.end()) return port->second->has_secure_pin();
  if (base == Pwr::kBase) return pwr_->has_secure_function();
  for (const Dma* controller : dma_) {
    if (controller != nullptr && base == controller->base()) return controller->has_secure_channel();
  }
  if (base == Rtc::kBase || base == Tamp::kBase) {
    return domain_.rtc.seccfgr != 0 || domain_.tamp.seccfgr != 0;
  }
  return ports_.protection.secure(base);
}

}  // namespace

std::unique_ptr<ChipPeripherals> make_chip_peripherals(const ChipPorts& ports) {
  return std::make_unique<Chip>(ports);
}

}  // namespace microvisor::board
