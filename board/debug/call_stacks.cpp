#include "board/debug/call_stacks.hpp"

#include <algorithm>

#include "board/cpu/exceptions.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t without_thumb(std::uint32_t address) { return address & ~1U; }

}  // namespace

CallStacks::CallStacks(const CoreState& state, CallListener& listener)
    : state_(state), listener_(listener), threads_(1), in_thread_(!state.handler_mode()) {}

void CallStacks::entered(std::string_view name) {
  const Frame frame{name, state_.world, state_.r[13], without_thumb(state_.r[14])};
  Stack& stack = current();
  const auto is_over = [&](const Frame& open) {
    if (open.world != frame.world) return false;
    const bool tail_call = open.stack_pointer == frame.stack_pointer;
    return tail_call ? open.return_address != frame.return_address : open.stack_pointer < frame.stack_pointer;
  };
  while (!stack.frames.empty() && is_over(stack.frames.back())) close(stack, stack.frames.size() - 1);
  // A loop to the first instruction, or one that has faulted and is tried again.
  if (!stack.frames.empty() && stack.frames.back() == frame) return;
  if (stack.track == kNoTrack) stack.track = ++tracks_;
  stack.frames.push_back(frame);
  listener_.function_began(stack.track, name);
}

void CallStacks::close(Stack& stack, std::size_t depth) {
  while (stack.frames.size() > depth) {
    listener_.function_ended(stack.track, stack.frames.back().name);
    stack.frames.pop_back();
  }
}

/// Closes what returns to `address` here and now, with all that it has called; false if there is nothing.
bool CallStacks::close_returned(Stack& stack, std::uint32_t address) {
  const auto returns = [&](const Frame& open) {
    return open.world == state_.world && open.return_address == address && open.stack_pointer == state_.r[13];
  };
  auto found = std::ranges::find_if(stack.frames.rbegin(), stack.frames.rend(), returns);
  if (found == stack.frames.rend()) return false;
  // What it was a tail call of returns with it.
  while (found + 1 != stack.frames.rend() && returns(*(found + 1))) ++found;
  close(stack, static_cast<std::size_t>(stack.frames.rend() - found) - 1);
  return true;
}

void CallStacks::returned(std::uint32_t address) {
  if (close_returned(current(), address) || !handlers_.empty()) return;
  // A thread whose stack pointer was moved while it was interrupted.
  for (std::size_t other = 0; other < threads_.size(); ++other) {
    if (other == thread_ || !close_returned(threads_[other], address)) continue;
    thread_ = other;
    return;
  }
}

void CallStacks::crossed(std::uint32_t address) {
  Stack& stack = current();
  const auto returns = [&](const Frame& open) {
    if (open.world == state_.world) return false;
    const bool there = open.return_address == address || open.return_address == kFncReturn;
    const auto& [main, process] = state_.stack[open.world];
    return there && (open.stack_pointer == main || open.stack_pointer == process);
  };
  const auto found = std::ranges::find_if(stack.frames.rbegin(), stack.frames.rend(), returns);
  if (found != stack.frames.rend()) {
    close(stack, static_cast<std::size_t>(stack.frames.rend() - found) - 1);
  }
}

void CallStacks::handler_entered() {
  const std::uint32_t exc_return = state_.r[14];
  if (in_thread_ && (exc_return & kExcReturnThread) != 0) {
    Stack& thread = threads_[thread_];
    thread.world = (exc_return & kExcReturnSecureStack) != 0 ? kSecure : kNonSecure;
    // SPSEL of EXC_RETURN is that of the handler's world; the other world's stays in CONTROL (DDI0553,
    // EXC_RETURN).
    const bool process = thread.world == state_.world ? (exc_return & kExcReturnProcessStack) != 0
                                                      : state_.process_stack[thread.world];
    thread.kind = process ? kProcess : kMain;
    thread.interrupted_at = state_.stack_pointer(thread.world, thread.kind);
  }
  in_thread_ = false;
  handlers_.push_back({.track = CallListener::kHandlers});
}

void CallStacks::handler_ended() {
  if (handlers_.empty()) return;
  close(handlers_.back(), 0);
  handlers_.pop_back();
  for (const World world : {kNonSecure, kSecure}) {
    for (const StackKind kind : {kMain, kProcess}) {
      before_return_[world][kind] = state_.stack_pointer(world, kind);
    }
  }
}

void CallStacks::exception_returned() {
  if (state_.handler_mode() || in_thread_) return;
  in_thread_ = true;
  const World world = state_.world;
  const StackKind kind = state_.stack_kind();
  const std::uint32_t frame = before_return_[world][kind];
  const auto is_it = [&](const Stack& thread) {
    // There is one main stack, whatever has been done to it.
    return thread.world == world && thread.kind == kind && (kind == kMain || thread.interrupted_at == frame);
  };
  const auto found = std::ranges::find_if(threads_, is_it);
  thread_ = static_cast<std::size_t>(found - threads_.begin());
  if (found == threads_.end()) threads_.emplace_back();
}

void CallStacks::end_all() {
  while (!handlers_.empty()) handler_ended();
  for (Stack& thread : threads_) close(thread, 0);
  threads_.resize(1);
  thread_ = 0;
  in_thread_ = true;
}

}  // namespace microvisor::board
