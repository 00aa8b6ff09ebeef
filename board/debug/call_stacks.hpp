// Which functions are open, as their first instructions and the places they return to are reached.
//
// A function is open from its first instruction until its return address is reached with the stack pointer it
// began with (AAPCS32, 6.2.1.1), or until a stack pointer above that shows that it has gone another way. Each
// exception has a stack of open functions of its own, and so has each thread. A thread is recognised by the
// stack pointer at which an exception interrupted it, so the tasks of an RTOS are told apart without knowing
// the RTOS. A function that another one branches to as its last act is open inside it.
//
// Lives with the tracer that calls it, on the board's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "board/cpu/state.hpp"

namespace microvisor::board {

/// Told in the order of nesting: what begins last on a track ends first.
class CallListener {
 public:
  static constexpr unsigned kHandlers = 0;  ///< the track of all exceptions; threads are 1, 2 ...
  virtual ~CallListener() = default;
  virtual void function_began(unsigned track, std::string_view name) = 0;
  virtual void function_ended(unsigned track, std::string_view name) = 0;
};

class CallStacks {
 public:
  CallStacks(const CoreState& state, CallListener& listener);

  /// The first instruction of a function is next. The name must live as long as this.
  void entered(std::string_view name);
  /// An instruction that something may return to is next.
  void returned(std::uint32_t address);
  /// The world has changed by a call or a return to `address`.
  void crossed(std::uint32_t address);
  /// The handler's first instruction is next.
  void handler_entered();
  /// The latest exception ends; the stacks are still as the handler leaves them.
  void handler_ended();
  /// An exception return has been completed.
  void exception_returned();
  void end_all();

 private:
  struct Frame {
    std::string_view name;
    World world;
    std::uint32_t stack_pointer, return_address;
    friend bool operator==(const Frame&, const Frame&) = default;
  };
  struct Stack {
    unsigned track = kNoTrack;
    World world = kSecure;  ///< with `kind` and `interrupted_at`: where an exception has put its frame
    StackKind kind = kMain;
    std::uint32_t interrupted_at = 0;
    std::vector<Frame> frames = {};
  };
  static constexpr unsigned kNoTrack = ~0U;  ///< no function has been seen there yet

  [[nodiscard]] Stack& current() { return handlers_.empty() ? threads_[thread_] : handlers_.back(); }
  void close(Stack& stack, std::size_t depth);
  bool close_returned(Stack& stack, std::uint32_t address);

  const CoreState& state_;
  CallListener& listener_;
  std::vector<Stack> threads_;
  std::size_t thread_ = 0;  ///< the one that runs, or was interrupted
  bool in_thread_ = true;
  unsigned tracks_ = 0;
  std::vector<Stack> handlers_;
  std::array<std::array<std::uint32_t, 2>, 2> before_return_{};  ///< stack pointers by world and kind
};

}  // namespace microvisor::board
