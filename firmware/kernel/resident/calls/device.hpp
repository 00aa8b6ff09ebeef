// The device itself: its name, the reserved registers that may be looked at, and the call that does nothing.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/peripheral_access.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::NoOp> {
  static Status run(const abi::NoOpArguments&) { return Status::OKAY; }
};

template <>
struct CallBody<Gate::GetDeviceId> {
  static Status run(const abi::GetDeviceIdArguments& a) {
    if (a.len != kDeviceIdSize) return Status::INVALIDBUFFERSIZE;
    return tell(a.buf, services().device_id);
  }
};

template <>
struct CallBody<Gate::PeriphPeek32> {
  static Status run(const abi::PeriphPeek32Arguments& a) {
    const RegisterRule* rule = find_register_rule(a.reg);
    if (rule == nullptr) return Status::PERIPHERALACCESSFAULT;
    if (!application_can_write(a.output, sizeof(std::uint32_t))) return Status::PARAMETERFAULT;
    return tell_checked(a.output, read_reserved_register(a.reg) & rule->readable);
  }
};

template <>
struct CallBody<Gate::PeriphPoke32> {
  static Status run(const abi::PeriphPoke32Arguments& a) {
    const RegisterRule* rule = find_register_rule(a.reg);
    if (rule == nullptr) return Status::PERIPHERALACCESSFAULT;
    if (rule->writable == 0) return Status::OKAY;
    const std::uint32_t old = read_reserved_register(a.reg);
    const std::uint32_t value = poked(*rule, old, a.mask, a.xorvalue);
    if (value != old) write_reserved_register(a.reg, value);
    return Status::OKAY;
  }
};

}  // namespace microvisor::firmware::kernel::calls
