// What the tests of the DMA controllers stand on: a bus of test memory with a data register, a place that
// fails and one that is busy, and a controller on it. Registers: RM0456 (Rev 6) sections 17.8 and 18.8.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <deque>
#include <functional>
#include <vector>

#include "board/peripherals/dma.hpp"
#include "board/peripherals/test_bench.hpp"

namespace microvisor::board::testing {

inline constexpr std::uint32_t kMemory = 0x2000'0000;
inline constexpr std::uint32_t kDevice = 0x4000'4424;  // a data register
inline constexpr std::uint32_t kFault = 0x6000'0000;   // answers with an error
inline constexpr std::uint32_t kBusy = 0x0800'0000;    // stalls until a moment

// Registers
inline constexpr std::uint32_t kSeccfgr = 0x00, kPrivcfgr = 0x04, kRcfglockr = 0x08, kMisr = 0x0C,
                               kSmisr = 0x10;
constexpr std::uint32_t channel(unsigned x) { return 0x50 + 0x80 * x; }
inline constexpr std::uint32_t kLbar = 0x00, kFcr = 0x0C, kSr = 0x10, kCr = 0x14, kTr1 = 0x40, kTr2 = 0x44,
                               kBr1 = 0x48, kSar = 0x4C, kDar = 0x50, kTr3 = 0x54, kBr2 = 0x58, kLlr = 0x7C;
// CxSR
inline constexpr std::uint32_t kIdle = bit(0), kTcf = bit(8), kHtf = bit(9), kDtef = bit(10), kUlef = bit(11),
                               kUsef = bit(12), kSuspf = bit(13), kTof = bit(14);
// CxCR
inline constexpr std::uint32_t kEnable = bit(0), kResetChannel = bit(1), kSuspend = bit(2), kLsm = bit(16);
// CxTR1
inline constexpr std::uint32_t kByte = 0, kHalf = 1, kWord = 2, kSinc = bit(3), kDinc = bit(19),
                               kSsec = bit(15), kDsec = bit(31);
inline constexpr std::uint32_t kPam1 = 1U << 11, kPack = 2U << 11, kSbx = bit(13), kDbx = bit(26),
                               kDhx = bit(27);
constexpr std::uint32_t widths(std::uint32_t source, std::uint32_t destination) {
  return source | destination << 16;
}
inline constexpr std::uint32_t kWordCopy = kWord | kWord << 16 | kSinc | kDinc;
// CxTR2
inline constexpr std::uint32_t kSoftware = bit(9), kDestinationRequest = bit(10), kBlockRequest = bit(11);
constexpr std::uint32_t complete_mode(std::uint32_t mode) { return mode << 30; }
// CxLLR
inline constexpr std::uint32_t kUt1 = bit(31), kUt2 = bit(30), kUb1 = bit(29), kUsa = bit(28), kUda = bit(27),
                               kUll = bit(16);
inline constexpr std::uint32_t kAll = kUt1 | kUt2 | kUb1 | kUsa | kUda | kUll;

/// 64 KiB of memory, one data register, one place that fails and one that is busy. Remembers who came how.
class DmaBus final : public Bus {
 public:
  struct Log {
    std::uint32_t address;
    unsigned size;
    bool write;
    Access access;
    std::uint32_t value;
  };
  explicit DmaBus(Scheduler& scheduler) : scheduler_(scheduler) {}

  Outcome read(std::uint32_t address, unsigned size, const Access& access, std::uint32_t& value) override {
    value = 0;
    if (address - kBusy < 0x1000 && scheduler_.now() < busy_until) return Outcome::Stall;
    if (address == kFault) return Outcome::BusError;
    if (address == kDevice) {
      if (!incoming.empty()) {
        value = incoming.front();
        incoming.pop_front();
      }
      if (after_device) after_device();
    } else {
      std::memcpy(&value, at(address), size);
    }
    log.push_back({address, size, false, access, value});
    return Outcome::Ok;
  }
  Outcome write(std::uint32_t address, unsigned size, const Access& access, std::uint32_t value) override {
    if (address == kFault) return Outcome::BusError;
    log.push_back({address, size, true, access, value});
    if (address == kDevice) {
      outgoing.push_back(value);
      if (after_device) after_device();
    } else {
      std::memcpy(at(address), &value, size);
    }
    return Outcome::Ok;
  }
  std::optional<DirectSpan> direct(std::uint32_t, const Access&) override { return std::nullopt; }
  Time stalled_until() const override { return busy_until; }
  bool peek(std::uint32_t, unsigned, std::uint32_t&) const override { return false; }
  bool poke(std::uint32_t, unsigned, std::uint32_t) override { return false; }
  void set_observer(BusObserver*) override {}

  std::uint8_t* at(std::uint32_t address) { return memory.data() + (address & 0xFFFF); }
  void put(std::uint32_t address, std::uint32_t word) { std::memcpy(at(address), &word, 4); }
  std::uint32_t get(std::uint32_t address) {
    std::uint32_t word = 0;
    std::memcpy(&word, at(address), 4);
    return word;
  }

  std::array<std::uint8_t, 0x1'0000> memory{};
  std::deque<std::uint32_t> incoming;
  std::vector<std::uint32_t> outgoing;
  std::function<void()> after_device;
  std::vector<Log> log;
  Time busy_until = 0;

 private:
  Scheduler& scheduler_;
};

class DmaTest : public ::testing::Test {
 protected:
  DmaTest() { signals.connect(DmaLine::Usart2Rx, request); }

  static constexpr Time kCycle = kTicksPerSecond / 160'000'000;

  /// Plain copy by channel `x`, enabled at once.
  void copy(unsigned x, std::uint32_t from, std::uint32_t to, std::uint32_t bytes,
            std::uint32_t tr1 = kWordCopy, std::uint32_t tr2 = kSoftware, std::uint32_t cr = kEnable) {
    set_up(x, from, to, bytes, tr1, tr2);
    write(dma, channel(x) + kCr, cr);
  }
  void set_up(unsigned x, std::uint32_t from, std::uint32_t to, std::uint32_t bytes, std::uint32_t tr1,
              std::uint32_t tr2) {
    write(dma, channel(x) + kTr1, tr1);
    write(dma, channel(x) + kTr2, tr2);
    write(dma, channel(x) + kBr1, bytes);
    write(dma, channel(x) + kSar, from);
    write(dma, channel(x) + kDar, to);
  }
  std::uint32_t reg(unsigned x, std::uint32_t offset) { return read(dma, channel(x) + offset); }
  std::uint32_t status(unsigned x) { return reg(x, kSr) & 0xFFFF; }
  void settle() { run_for(scheduler, milliseconds(10)); }
  void fill(std::uint32_t address, std::initializer_list<std::uint8_t> bytes) {
    std::copy(bytes.begin(), bytes.end(), bus.at(address));
  }

  Scheduler scheduler;
  FixedClocks clocks;
  RecordedLines lines;
  DmaBus bus{scheduler};
  DmaSignals signals;
  DmaRequest request;
  unsigned illegal = 0;
  Dma dma{Dma::kGpdma1, scheduler, clocks, bus, lines, signals, [this] { ++illegal; }};
};

}  // namespace microvisor::board::testing
