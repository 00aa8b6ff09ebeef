// A device whose application makes the calls that a test asks for (guests/caller.c). It is booted once; each
// case begins with a board made of a snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/kernel/call_image.hpp"
#include "tests/kernel/guests/command.h"
#include "tests/kernel/kernel_machine.hpp"

namespace microvisor::tests {

/// What came of a command.
struct Outcome {
  enum class Kind : std::uint8_t {
    Returned,  ///< the application has carried it out
    Ended,     ///< the application was ended, and its next run has started
    Stuck,     ///< neither, in a second of the board's time
    Reset      ///< the chip was reset: the kernel has failed
  };
  Kind kind = Kind::Stuck;
  command result{};
};
[[nodiscard]] std::string to_string(Outcome::Kind kind);
/// Throws if the call has not returned OKAY.
void expect_okay(const Outcome& outcome, const char* call);

[[nodiscard]] const abi::CallShape& shape_of(std::string_view name);

/// Memory that the application can see, and of the kernel's what never changes.
struct MemoryPicture {
  std::vector<std::uint32_t> ram;     ///< kSeen, one behind the other
  std::vector<std::uint32_t> secure;  ///< resident code and constants, unused RAM (canaries)
};

class CallerMachine {
 public:
  /// The board at the moment when the application waits for its first command: all its handles are valid,
  /// four channels, one of each type, and the network interface among them, and the unused RAM of the kernel
  /// holds canaries.
  [[nodiscard]] static const board::Snapshot& ready();

  /// The same, with what this call needs to get far: room for a channel or a log, or the messages that it
  /// reads.
  [[nodiscard]] static const board::Snapshot& ready_for(const abi::CallShape& call,
                                                        Amount amount = Amount::Typical);

  CallerMachine() : CallerMachine(ready()) {}
  explicit CallerMachine(const abi::CallShape& call, Amount amount = Amount::Typical)
      : CallerMachine(ready_for(call, amount)) {}
  explicit CallerMachine(const board::Snapshot& snapshot) : machine_(snapshot) {}

  [[nodiscard]] KernelMachine& machine() { return machine_; }
  [[nodiscard]] board::Board& board() { return machine_.board(); }
  /// All of them (command.h).
  [[nodiscard]] std::array<std::uint32_t, COMMAND_HANDLES> handles();
  /// One of each kind, the channel of the type that this call is for.
  [[nodiscard]] std::array<std::uint32_t, 6> handles_for(const abi::CallShape& call);
  /// The call with good arguments.
  [[nodiscard]] CallImage image_of(const abi::CallShape& call, Amount amount = Amount::Typical,
                                   std::uint32_t arena = ARENA_ADDRESS) {
    return {call, handles_for(call), arena, amount};
  }

  /// Puts structures and command where the application finds them, but for the word that makes it begin.
  void prepare(const CallImage& image, const command& order);
  void prepare(const command& order);
  /// Lets the application begin.
  void begin();
  /// Runs until something has come of it.
  Outcome finish();
  Outcome perform(const CallImage& image, const command& order) {
    prepare(image, order);
    begin();
    return finish();
  }
  /// A simple call gets the right answer: the application, or the one started after it, is being served.
  [[nodiscard]] bool alive();

  [[nodiscard]] command read_command();
  [[nodiscard]] std::uint32_t word(std::uint32_t address) { return machine_.word(address); }
  void poke(std::uint32_t address, std::uint32_t value);
  [[nodiscard]] MemoryPicture picture();
  /// Where in `ram` of a picture this address is; nothing if it is not in it.
  [[nodiscard]] static std::optional<std::size_t> index_of(std::uint32_t address);
  [[nodiscard]] static std::uint32_t address_of(std::size_t index);

  /// A command that makes the call of `image` in ordinary circumstances.
  [[nodiscard]] static command order_for(const CallImage& image, std::uint32_t context = CONTEXT_THREAD);

 private:
  KernelMachine machine_;
};

/// A word of the unused RAM of the kernel.
inline constexpr std::uint32_t kCanary = 0xC0DE'CAFE;
/// Its first address (secure alias), a page aligned to 4 KiB that is there for aiming at.
[[nodiscard]] std::uint32_t canary_address();

}  // namespace microvisor::tests
