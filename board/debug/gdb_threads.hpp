// GDB's threads: the tasks of an RTOS if the target runs one that is known, else the core alone.
//
// The core is thread 1, until tasks are found; then the task that runs is, so that the thread GDB has known
// does not vanish. Further tasks get numbers as they are seen. Lists are walked when GDB asks for them, at
// most once a halt, and not at all after mere steps; which task runs is told by PSPLIM, which a stop brings
// with it, as long as that is the stack limit of a task that is known.
//
// Belongs to a GdbSession.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/debug/debug_target.hpp"
#include "board/debug/gdb_packet.hpp"
#include "board/debug/rtos_tasks.hpp"
#include "board/debug/saved_context.hpp"

namespace microvisor::board {

class GdbThreads {
 public:
  explicit GdbThreads(DebugTarget& target) : target_(target) {}

  /// qSymbol: GDB offers to look symbols up, or tells one. The answer asks for the next.
  [[nodiscard]] std::string answer_symbol(gdb::Arguments arguments);

  /// The target goes on, or is another than before: what was read counts no more.
  void went_on(bool stepping);
  /// The thread that the core is at.
  [[nodiscard]] unsigned running();
  [[nodiscard]] std::vector<unsigned> all();
  /// A thread id as packets have them. -1 and 0 mean any, an absent one too.
  [[nodiscard]] bool exists(std::string_view id);
  /// One line.
  [[nodiscard]] std::string describe(std::string_view id);

  /// Registers are those of this thread from now on, until the target goes on.
  void select(std::string_view id);
  /// The selected thread is the one that runs: registers are the core's.
  [[nodiscard]] bool core_selected();
  /// Hexadecimal, an x for each digit of what is not known.
  [[nodiscard]] std::string register_text(unsigned number);

 private:
  [[nodiscard]] std::optional<unsigned> number_of(std::string_view id);
  [[nodiscard]] const RtosTask* task_of(unsigned thread) const;
  [[nodiscard]] unsigned thread_of(std::uint32_t block);
  [[nodiscard]] std::optional<std::uint32_t> running_by_stack_limit() const;
  [[nodiscard]] std::optional<unsigned> register_named(std::string_view name) const;
  [[nodiscard]] std::string text_of_core(unsigned number) const;
  [[nodiscard]] std::string text_of_task(const SavedContext& context, unsigned number) const;
  void walk();
  void forget();
  void look_for_changes();
  [[nodiscard]] const std::optional<SavedContext>& context_of(unsigned thread);

  DebugTarget& target_;
  RtosSymbols symbols_;
  std::optional<RtosCensus> census_;
  std::vector<RtosTask> tasks_;                // empty: the core is all there is
  std::map<std::uint32_t, unsigned> threads_;  // by control block
  bool checked_ = false;                       // no task has come or gone since the lists were walked
  bool walked_ = false;                        // since the halt
  std::optional<unsigned> selected_;           // nothing: the one that runs
  std::map<unsigned, std::optional<SavedContext>> contexts_;
};

}  // namespace microvisor::board
