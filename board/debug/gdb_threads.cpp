// Packets: GDB manual, E.2 (H, T), E.4 (qSymbol, qfThreadInfo, qThreadExtraInfo).
#include "board/debug/gdb_threads.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace microvisor::board {

namespace {

constexpr unsigned kCore = 1;

std::optional<RtosSymbol> symbol_named(std::string_view name) {
  for (std::size_t i = 0; i < kRtosSymbols; ++i) {
    if (name == name_of(static_cast<RtosSymbol>(i))) return static_cast<RtosSymbol>(i);
  }
  return std::nullopt;
}

std::uint32_t little_endian(const std::vector<std::uint8_t>& bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < 4; ++i) value |= std::uint32_t{bytes[i]} << 8 * i;
  return value;
}

/// All tasks have it in common with the core, whichever it is at.
bool is_shared(std::string_view name) {
  for (const std::string_view shared : {"msp", "primask", "basepri", "faultmask"}) {
    if (name.starts_with(shared)) return true;
  }
  return false;
}

bool means_any(std::string_view id) { return id.empty() || id == "0" || id == "-1"; }

}  // namespace

std::string GdbThreads::answer_symbol(gdb::Arguments arguments) {
  std::size_t next = 0;
  if (arguments.rest() == ":") {
    symbols_ = {};
    forget();
  } else {
    std::uint32_t address = 0;
    const bool known = arguments.number(address);
    const auto name = arguments.literal(":") ? gdb::from_hex(arguments.rest()) : std::nullopt;
    if (!name) return "OK";
    const auto symbol = symbol_named({reinterpret_cast<const char*>(name->data()), name->size()});
    if (!symbol) return "OK";
    if (known) symbols_.set(*symbol, address);
    next = static_cast<std::size_t>(*symbol) + 1;
    // Without the first there is no FreeRTOS.
    if (!symbols_[RtosSymbol::CurrentTask]) return "OK";
  }
  return next == kRtosSymbols ? "OK" : "qSymbol:" + gdb::to_hex(name_of(static_cast<RtosSymbol>(next)));
}

void GdbThreads::went_on(bool stepping) {
  if (!stepping) checked_ = false;
  walked_ = false;
  selected_.reset();
  contexts_.clear();
}

void GdbThreads::forget() {
  census_.reset();
  tasks_.clear();
  threads_.clear();
}

void GdbThreads::walk() {
  if (walked_) return;
  walked_ = checked_ = true;
  census_ = read_census(target_, symbols_);
  if (!census_) return forget();
  if (threads_.empty()) threads_[census_->running] = kCore;
  tasks_ = read_tasks(target_, symbols_, *census_).value_or(std::vector<RtosTask>{});
  for (const RtosTask& task : tasks_) static_cast<void>(thread_of(task.block));
}

/// Walks the lists if tasks may have come or gone.
void GdbThreads::look_for_changes() {
  if (checked_ || !symbols_.complete()) return;
  const auto now = read_census(target_, symbols_);
  const bool same = now && census_ && !tasks_.empty() && now->same_tasks(*census_);
  same ? void(checked_ = true) : walk();
}

unsigned GdbThreads::thread_of(std::uint32_t block) {
  const auto found = threads_.find(block);
  if (found != threads_.end()) return found->second;
  unsigned last = kCore;
  for (const auto& [task, thread] : threads_) last = std::max(last, thread);
  return threads_[block] = last + 1;
}

const RtosTask* GdbThreads::task_of(unsigned thread) const {
  const auto found = std::find_if(tasks_.begin(), tasks_.end(), [&](const RtosTask& task) {
    const auto known = threads_.find(task.block);
    return known != threads_.end() && known->second == thread;
  });
  return found == tasks_.end() ? nullptr : &*found;
}

std::optional<unsigned> GdbThreads::register_named(std::string_view name) const {
  for (unsigned number = 0; number < target_.register_count(); ++number) {
    if (target_.register_name(number) == name) return number;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> GdbThreads::running_by_stack_limit() const {
  const auto number = register_named("psplim");
  if (tasks_.empty() || !number || !target_.knows_register(*number)) return std::nullopt;
  const std::uint32_t limit = little_endian(target_.read_register(*number));
  const auto has_it = [&](const RtosTask& task) { return task.stack_limit == limit; };
  if (limit == 0 || std::count_if(tasks_.begin(), tasks_.end(), has_it) != 1) return std::nullopt;
  return std::find_if(tasks_.begin(), tasks_.end(), has_it)->block;
}

unsigned GdbThreads::running() {
  if (!symbols_.complete()) return kCore;
  if (const auto block = running_by_stack_limit()) return thread_of(*block);
  const auto now = read_census(target_, symbols_);
  if (!now || threads_.find(now->running) == threads_.end()) walk();
  return tasks_.empty() || !now ? kCore : thread_of(now->running);
}

std::vector<unsigned> GdbThreads::all() {
  look_for_changes();
  if (tasks_.empty()) return {kCore};
  std::vector<unsigned> threads;
  for (const RtosTask& task : tasks_) threads.push_back(thread_of(task.block));
  std::sort(threads.begin(), threads.end());
  return threads;
}

std::optional<unsigned> GdbThreads::number_of(std::string_view id) {
  gdb::Arguments text(id);
  std::uint32_t number = 0;
  if (!text.number(number) || !text.done()) return std::nullopt;
  if (tasks_.empty() ? number != kCore : task_of(number) == nullptr) return std::nullopt;
  return number;
}

bool GdbThreads::exists(std::string_view id) { return means_any(id) || number_of(id).has_value(); }

std::string GdbThreads::describe(std::string_view id) {
  if (!tasks_.empty()) walk();
  const auto thread = number_of(id);
  const RtosTask* task = thread ? task_of(*thread) : nullptr;
  if (task == nullptr) return target_.state();
  std::string text = fmt::format("{}, priority {}, {}", task->name, task->priority, name_of(task->state));
  if (task->state == RtosState::Running) text += ", " + target_.state();
  return text;
}

void GdbThreads::select(std::string_view id) { selected_ = means_any(id) ? std::nullopt : number_of(id); }

bool GdbThreads::core_selected() { return !selected_ || *selected_ == running(); }

const std::optional<SavedContext>& GdbThreads::context_of(unsigned thread) {
  const auto found = contexts_.find(thread);
  if (found != contexts_.end()) return found->second;
  auto& context = contexts_[thread];
  const RtosTask* task = task_of(thread);
  const auto top = task != nullptr ? read_word(target_, task->block) : std::nullopt;
  if (top) {
    context = read_saved_context(*top, [this](std::uint32_t address, std::uint32_t count) {
      return read_words(target_, address, count);
    });
  }
  return context;
}

std::string GdbThreads::text_of_core(unsigned number) const {
  std::string text = gdb::to_hex(target_.read_register(number));
  return target_.knows_register(number) ? text : std::string(text.size(), 'x');
}

/// Banked registers may be there by the names of their worlds too: those of the task's are its own.
std::string GdbThreads::text_of_task(const SavedContext& context, unsigned number) const {
  const std::string_view own = context.secure ? "_s" : "_ns", others = context.secure ? "_ns" : "_s";
  std::string_view name = target_.register_name(number);
  if (name.ends_with(others)) return text_of_core(number);
  if (name.ends_with(own)) name.remove_suffix(own.size());
  if (const auto value = context.value(name)) return gdb::to_hex(*value);
  if (is_shared(name)) return text_of_core(register_named(std::string(name) += own).value_or(number));
  return std::string(2 * target_.read_register(number).size(), 'x');
}

std::string GdbThreads::register_text(unsigned number) {
  if (core_selected()) return text_of_core(number);
  const auto& context = context_of(*selected_);
  return context ? text_of_task(*context, number)
                 : std::string(2 * target_.read_register(number).size(), 'x');
}

}  // namespace microvisor::board
