// Status bits are those of SFSR, CFSR and HFSR (Armv8-M Architecture Reference Manual, D1.2).
#include "firmware/kernel/end_text.hpp"

#include <cstdint>

namespace microvisor::firmware::kernel {

namespace {

struct Bit {
  std::uint32_t mask;
  const char* text;
};

constexpr Bit kSecureFaults[] = {
    {1u << 0, "branch into Microvisor"},
    {1u << 1, "damaged exception frame"},
    {1u << 2, "invalid exception return"},
    {1u << 3, "access to Microvisor's memory"},
    {1u << 5, "floating-point state of Microvisor"},
    {1u << 7, "floating-point state"},
};
constexpr Bit kFaults[] = {
    {1u << 0, "instruction fetch not allowed"},
    {1u << 1, "data access not allowed"},
    {1u << 3, "memory fault on exception return"},
    {1u << 4, "memory fault on exception entry"},
    {1u << 8, "bus error on instruction fetch"},
    {3u << 9, "bus error"},
    {1u << 11, "bus error on exception return"},
    {1u << 12, "bus error on exception entry"},
    {1u << 16, "undefined instruction"},
    {1u << 17, "branch to an address without Thumb bit"},
    {1u << 18, "invalid exception return"},
    {1u << 19, "coprocessor or FPU not available"},
    {1u << 20, "stack overflow"},
    {1u << 24, "unaligned access"},
    {1u << 25, "division by zero"},
};
constexpr std::uint32_t kDebugEvent = 1u << 31;  // HFSR
constexpr std::uint32_t kVectorFault = 1u << 1;

class Line {
 public:
  explicit Line(std::span<char> to) : to_(to) {}
  Line& text(const char* s) {
    while (*s != 0 && length_ < to_.size()) to_[length_++] = *s++;
    return *this;
  }
  Line& hex(std::uint32_t value) {
    text("0x");
    for (int shift = 28; shift >= 0; shift -= 4) digit((value >> shift) & 15);
    return *this;
  }
  Line& number(std::uint32_t value) {
    if (value >= 10) number(value / 10);
    digit(value % 10);
    return *this;
  }
  [[nodiscard]] std::size_t length() const { return length_; }

 private:
  void digit(std::uint32_t value) {
    if (length_ < to_.size()) to_[length_++] = "0123456789abcdef"[value];
  }
  std::span<char> to_;
  std::size_t length_ = 0;
};

const char* find(std::span<const Bit> bits, std::uint32_t status) {
  for (const Bit& bit : bits) {
    if ((status & bit.mask) != 0) return bit.text;
  }
  return nullptr;
}

const char* reason_of_fault(const ApplicationEnd& end) {
  if (const char* text = find(kSecureFaults, end.sfsr)) return text;
  if (const char* text = find(kFaults, end.cfsr_nonsecure)) return text;
  if (const char* text = find(kFaults, end.cfsr)) return text;
  if ((end.hfsr & kDebugEvent) != 0) return "breakpoint instruction without debugger";
  if ((end.hfsr & kVectorFault) != 0) return "exception vector cannot be read";
  return "exception that could not be taken";
}

}  // namespace

std::size_t describe_end(const ApplicationEnd& end, const char* touched, std::span<char> to) {
  Line line(to);
  line.text("application crashed: ");
  if (end.cause == EndCause::ReservedResource) {
    line.text("access to ").text(touched).text(", which is Microvisor's");
  } else if (end.cause == EndCause::HandlerDoesNotReturn) {
    line.text("an interrupt handler does not return");
  } else if (end.cause == EndCause::ContextSwitch) {
    line.text("context switch out of Microvisor's background work");
  } else if (end.cause == EndCause::CompatibilityMode) {
    line.text("context switch out of Microvisor's background work, restarted in compatibility mode");
  } else if (end.cause == EndCause::FastInterruptHangs) {
    line.text("a fast interrupt does not return");
  } else if (end.cause == EndCause::FastInterruptFlood) {
    line.text("fast interrupts take more than half of the processor");
  } else {
    line.text(reason_of_fault(end));
  }
  if (end.address_known) line.text(" at address ").hex(end.address);
  if (end.frame_known) {
    line.text(", pc ").hex(end.pc).text(", lr ").hex(end.lr);
    const std::uint32_t exception = end.xpsr & 0x1FF;
    if (exception != 0) line.text(", in exception ").number(exception);
  }
  return line.length();
}

std::size_t describe_kernel_failure(abi::WakeReason reason, const Retained& retained, std::span<char> to) {
  Line line(to);
  switch (reason) {
    case abi::WakeReason::MICROVISORWATCHDOG:
      line.text("Microvisor hung: its watchdog reset the device");
      break;
    case abi::WakeReason::MICROVISOROUTOFMEMORY: line.text("Microvisor ran out of memory: reset"); break;
    default: line.text("Microvisor failed: reset"); break;
  }
  if (retained.crash_code != 0)
    line.text(", exception ").number(retained.crash_code).text(", detail ").hex(retained.crash_detail);
  return line.length();
}

}  // namespace microvisor::firmware::kernel
