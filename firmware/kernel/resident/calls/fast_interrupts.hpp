// Interrupt lines that pre-empt Microvisor itself.
#pragma once

#include "firmware/kernel/resident/calls/call.hpp"
#include "firmware/kernel/resident/services.hpp"

namespace microvisor::firmware::kernel::calls {

template <>
struct CallBody<Gate::SetFastInterrupt> {
  static Status run(const abi::SetFastInterruptArguments& a) {
    return services().fast_interrupts.set(a.irqn, services().notifications.uses_line(a.irqn));
  }
};

template <>
struct CallBody<Gate::ClearFastInterrupt> {
  static Status run(const abi::ClearFastInterruptArguments& a) {
    return services().fast_interrupts.clear(a.irqn);
  }
};

template <>
struct CallBody<Gate::EnableFastInterrupt> {
  static Status run(const abi::EnableFastInterruptArguments& a) {
    return services().fast_interrupts.enable(a.irqn, true);
  }
};

template <>
struct CallBody<Gate::DisableFastInterrupt> {
  static Status run(const abi::DisableFastInterruptArguments& a) {
    return services().fast_interrupts.enable(a.irqn, false);
  }
};

template <>
struct CallBody<Gate::EnableAllFastInterrupts> {
  static Status run(const abi::EnableAllFastInterruptsArguments&) {
    services().fast_interrupts.mask(false);
    return Status::OKAY;
  }
};

template <>
struct CallBody<Gate::DisableAllFastInterrupts> {
  static Status run(const abi::DisableAllFastInterruptsArguments&) {
    services().fast_interrupts.mask(true);
    return Status::OKAY;
  }
};

}  // namespace microvisor::firmware::kernel::calls
