// System calls: from a slot and four registers to a status.
#pragma once

#include <cstdint>

#include "abi/interface.hpp"
#include "firmware/kernel/resident/restarts.hpp"

namespace microvisor::firmware::kernel {

/// What a call knows about its caller.
struct Caller {
  bool in_interrupt = false;
  std::uint32_t stack_pointer = 0;
  std::uint32_t lr = 0;
};

/// Performs the call of `slot` and sets `status`. False: it has not finished, the caller is to make it again.
/// Short: copies at most 1 KiB.
[[nodiscard]] bool perform_call(unsigned slot, const abi::Registers& registers, const Caller& caller,
                                abi::Status& status);

}  // namespace microvisor::firmware::kernel
