// Host tests' stand-in for the chip: an application's memory at its real addresses, interrupt lines, a clock
// and registers.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "firmware/kernel/resident/application_memory.hpp"
#include "firmware/kernel/resident/platform.hpp"

namespace microvisor::firmware::kernel {

/// One per test; the functions of application_memory.hpp, notifications.hpp, platform.hpp and worker.hpp
/// speak of the newest one.
class FakeApplication {
 public:
  static constexpr Address kRam = 0x2000'0000;
  static constexpr std::uint32_t kRamSize = 0x4'0000;
  static constexpr Address kFlash = 0x0800'0000;
  static constexpr std::uint32_t kFlashSize = 0x1000;

  FakeApplication();
  ~FakeApplication();
  FakeApplication(const FakeApplication&) = delete;
  FakeApplication& operator=(const FakeApplication&) = delete;

  template <typename T>
  void write(Address address, const T& value) {
    std::memcpy(at(address), &value, sizeof value);
  }
  template <typename T>
  [[nodiscard]] T read(Address address) {
    T value;
    std::memcpy(&value, at(address), sizeof value);
    return value;
  }
  void write_text(Address address, std::string_view text) {
    std::memcpy(at(address), text.data(), text.size());
  }

  /// Host address of application memory.
  std::uint8_t* at(Address address);

  std::uint64_t now = 1'000'000;
  std::array<bool, 128> pending{};
  std::array<bool, 128> active{};
  std::array<unsigned, 128> pended{};  // times each line was pended
  std::array<bool, 128> fast{};
  std::array<bool, 128> enabled{};  // by let_line_interrupt
  std::array<std::uint8_t, 128> priorities{};
  Address vector_table = kFlash;
  std::map<std::uint32_t, std::uint32_t> registers;
  std::vector<EndRequest> end_requests;
  bool flash_busy = false;
  bool ready_to_stop = true;
  std::vector<abi::PowerSavingMode> power_saves;
  std::vector<abi::DeepSleepMode> deep_sleeps;
  unsigned wakes = 0;
  unsigned storage_jobs = 0;  // times one was posted
  unsigned held_back = 0;
  unsigned status_changes = 0;
  std::uint32_t largest_copy = 0;      // by one copy function call
  std::function<void()> after_atomic;  // the worker's last Atomic has ended

 private:
  std::vector<std::uint8_t> ram_ = std::vector<std::uint8_t>(kRamSize, 0xA5);
  std::vector<std::uint8_t> flash_ = std::vector<std::uint8_t>(kFlashSize, 0xFF);
};

}  // namespace microvisor::firmware::kernel
