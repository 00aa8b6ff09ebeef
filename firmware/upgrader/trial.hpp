// The kernel's part in its own trial: it has proven itself when it has reached the cloud, and gives itself up
// when it has run for long enough without.
//
// A kernel that comes to neither (it hangs, it crashes, it loses its power) is counted by preboot, start by
// start.
#pragma once

#include <cstdint>

#include "firmware/storage/flash.hpp"
#include "firmware/vault/store.hpp"

namespace microvisor::firmware::upgrader {

class Trial {
 public:
  /// Microseconds of running within which the cloud has to be reached.
  static constexpr std::uint64_t kTime = 15ull * 60 * 1'000'000;

  Trial(storage::Flash& flash, vault::Store& store) : flash_(flash), store_(store) {}

  /// Reads how it stands. Once, with the store mounted. `ratchet_waits`: the kernel's security ratchet is
  /// above the chip's; the upgrader raises that, at the next reset after the kernel has proven itself.
  void begin(bool ratchet_waits);
  /// There is something to prove: the network is wanted whatever the application says.
  [[nodiscard]] bool running() const { return on_trial_; }
  /// The cloud has been reached. Writes only what is not written yet.
  void prove();
  /// The time is over: asks for the previous kernel. True: the caller resets the chip now. False: there is
  /// none to ask for, and the trial is over.
  [[nodiscard]] bool give_up();

 private:
  storage::Flash& flash_;
  vault::Store& store_;
  bool on_trial_ = false;
  bool ratchet_waits_ = false;
  bool unproven_ = false;  // also after a return, which is asked for once only until a kernel proves itself
};

}  // namespace microvisor::firmware::upgrader
