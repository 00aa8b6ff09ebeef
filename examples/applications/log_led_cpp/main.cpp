// The same as log_led_c in C++20: a line in the log and the LED on PA5 toggled once a second.
//
// Shows: static construction before main, types around registers, no heap, no exceptions.
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "mv_syscalls.h"

namespace {

struct Register {
  std::uintptr_t address;
  [[nodiscard]] std::uint32_t get() const { return *reinterpret_cast<volatile std::uint32_t*>(address); }
  void set(std::uint32_t value) const { *reinterpret_cast<volatile std::uint32_t*>(address) = value; }
  void change(std::uint32_t mask, std::uint32_t bits) const { set((get() & ~mask) | bits); }
};

/// An output pin of a GPIO port. RM0456 section 13.4.
class OutputPin {
 public:
  constexpr OutputPin(std::uintptr_t port, unsigned pin) : port_(port), pin_(pin) {}
  void start() const { Register{port_}.change(3u << (2 * pin_), 1u << (2 * pin_)); }
  void set(bool level) const { Register{port_ + 0x18}.set(level ? 1u << pin_ : 1u << (pin_ + 16)); }

 private:
  std::uintptr_t port_;
  unsigned pin_;
};

/// The application log. Lines go to whoever streams the log of this device.
class Log {
 public:
  Log() { ready_ = mvServerLoggingInit(buffer_.data(), buffer_.size()) == MV_STATUS_OKAY; }
  void line(std::string_view text) const {
    if (ready_)
      mvServerLog(reinterpret_cast<const std::uint8_t*>(text.data()),
                  static_cast<std::uint16_t>(text.size()));
  }

 private:
  alignas(512) static inline std::array<std::uint8_t, 4096> buffer_;
  bool ready_ = false;
};

std::uint64_t microseconds() {
  std::uint64_t now = 0;
  mvGetMicroseconds(&now);
  return now;
}

constexpr std::uint32_t kRccAhb2Enr1 = 0x4602'0C8C;
constexpr OutputPin kLed{0x4202'0000, 5};
const Log log_stream;

}  // namespace

int main() {
  mvPeriphPoke32(kRccAhb2Enr1, 1u << 0, 1u << 0);  // GPIOA
  kLed.start();
  std::array<char, 64> line{};
  std::uint64_t next = microseconds();
  for (unsigned count = 0;; ++count) {
    while (microseconds() < next) {
    }
    next += 1'000'000;
    kLed.set(count % 2 == 0);
    const int length = std::snprintf(line.data(), line.size(), "log_led_cpp tick %u", count);
    log_stream.line({line.data(), static_cast<std::size_t>(length)});
  }
}
