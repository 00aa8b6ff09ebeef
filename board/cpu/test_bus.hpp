// A flat bus for tests of the core: plain memories, and one window of registers that a test drives.
//
// Every access is legal. The register window has no direct span, so it shows the slow path; `busy` makes a
// memory answer Stall, as a flash bank does while it is being erased.
#pragma once

#include <cstring>
#include <functional>
#include <vector>

#include "board/bus/bus.hpp"

namespace microvisor::board {

class TestBus final : public Bus {
 public:
  struct Memory {
    std::uint32_t base = 0;
    std::uint32_t physical = 0;
    bool writable = true;
    bool busy = false;
    std::vector<std::uint8_t> bytes;
  };
  /// Called for accesses to the register window: offset, write or read, value. False is a bus error.
  using RegisterHook = std::function<bool(std::uint32_t offset, bool write, std::uint32_t& value)>;

  static constexpr std::uint32_t kRegisters = 0x4000'0000;
  static constexpr std::uint32_t kRegistersSize = 0x1000;

  Memory& add(std::uint32_t base, std::uint32_t size) {
    const std::uint32_t physical = memories_.empty() ? 0 : next_physical_;
    next_physical_ = physical + size;
    memories_.push_back({.base = base, .physical = physical, .writable = true, .busy = false, .bytes = {}});
    memories_.back().bytes.resize(size);
    return memories_.back();
  }

  /// The memory that the `index`-th add() has made.
  Memory& memory(std::size_t index) { return memories_[index]; }

  RegisterHook on_register;
  std::uint64_t asked = 0;  ///< how often read(), write() and direct() have been called
  Time stall_end = 0;

  Outcome read(std::uint32_t address, unsigned size, const Access&, std::uint32_t& value) override {
    ++asked;
    value = 0;
    if (address - kRegisters < kRegistersSize) return registers(address, false, value);
    Memory* memory = find(address, size);
    if (memory == nullptr) return Outcome::BusError;
    if (memory->busy) return Outcome::Stall;
    std::memcpy(&value, &memory->bytes[address - memory->base], size);
    return Outcome::Ok;
  }

  Outcome write(std::uint32_t address, unsigned size, const Access&, std::uint32_t value) override {
    ++asked;
    if (address - kRegisters < kRegistersSize) return registers(address, true, value);
    Memory* memory = find(address, size);
    if (memory == nullptr) return Outcome::BusError;
    if (memory->busy) return Outcome::Stall;
    if (memory->writable) std::memcpy(&memory->bytes[address - memory->base], &value, size);
    return Outcome::Ok;
  }

  std::optional<DirectSpan> direct(std::uint32_t address, const Access&) override {
    ++asked;
    Memory* memory = find(address, 1);
    if (memory == nullptr || memory->busy) return std::nullopt;
    return DirectSpan{.host = memory->bytes.data(),
                      .base = memory->base,
                      .size = static_cast<std::uint32_t>(memory->bytes.size()),
                      .writable = memory->writable,
                      .physical = memory->physical};
  }

  [[nodiscard]] Time stalled_until() const override { return stall_end; }

  [[nodiscard]] bool peek(std::uint32_t address, unsigned size, std::uint32_t& value) const override {
    value = 0;
    const Memory* memory = const_cast<TestBus*>(this)->find(address, size);
    if (memory == nullptr) return false;
    std::memcpy(&value, &memory->bytes[address - memory->base], size);
    return true;
  }

  bool poke(std::uint32_t address, unsigned size, std::uint32_t value) override {
    Memory* memory = find(address, size);
    if (memory == nullptr) return false;
    std::memcpy(&memory->bytes[address - memory->base], &value, size);
    if (observer_ != nullptr) observer_->memory_changed(memory->physical + (address - memory->base), size);
    return true;
  }

  void set_observer(BusObserver* observer) override { observer_ = observer; }

  /// Tells the core that permissions or direct spans have changed.
  void announce() {
    if (observer_ != nullptr) observer_->permissions_changed();
  }

 private:
  Outcome registers(std::uint32_t address, bool write, std::uint32_t& value) const {
    if (!on_register) return Outcome::BusError;
    return on_register(address - kRegisters, write, value) ? Outcome::Ok : Outcome::BusError;
  }

  Memory* find(std::uint32_t address, unsigned size) {
    for (Memory& memory : memories_) {
      const std::uint64_t offset = address - memory.base;
      if (offset + size <= memory.bytes.size()) return &memory;
    }
    return nullptr;
  }

  std::vector<Memory> memories_;
  std::uint32_t next_physical_ = 0;
  BusObserver* observer_ = nullptr;
};

}  // namespace microvisor::board
