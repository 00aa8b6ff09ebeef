// Structures as FreeRTOS documents them for 32-bit ports (list.h, tasks.c), in words:
//   List_t      number of items, index, end item: value, next, previous (and owner, container, if
//               configUSE_MINI_LIST_ITEM is 0)
//   ListItem_t  value, next, previous, owner (the control block), container (the list)
//   TCB_t       top of stack, [MPU settings], state item, event item, priority, stack, name
#include "board/debug/rtos_tasks.hpp"

#include <algorithm>
#include <map>

namespace microvisor::board {

namespace {

constexpr std::uint32_t kWord = 4;
constexpr std::uint32_t kMostTasks = 256, kMostPriorities = 256, kLongestName = 32;
// Of a List_t and a ListItem_t, in words.
constexpr std::uint32_t kEndItem = 2, kItemWords = 5;
constexpr std::uint32_t kNext = 1, kPrevious = 2, kOwner = 3, kContainer = 4;
// Of a TCB_t, in bytes from its state item.
constexpr std::uint32_t kEventItem = 20, kPriority = 40, kStack = 44, kName = 48;
constexpr std::uint32_t kLargestHead = 1024;  // of the control block: what stands before its state item

struct Name {
  RtosSymbol symbol;
  std::string_view name;
};
constexpr Name kNames[] = {
    {RtosSymbol::CurrentTask, "pxCurrentTCB"},
    {RtosSymbol::ReadyLists, "pxReadyTasksLists"},
    {RtosSymbol::DelayedList1, "xDelayedTaskList1"},
    {RtosSymbol::DelayedList2, "xDelayedTaskList2"},
    {RtosSymbol::PendingReadyList, "xPendingReadyList"},
    {RtosSymbol::TaskCount, "uxCurrentNumberOfTasks"},
    {RtosSymbol::SuspendedList, "xSuspendedTaskList"},
    {RtosSymbol::TerminationList, "xTasksWaitingTermination"},
    {RtosSymbol::TaskNumber, "uxTaskNumber"},
    {RtosSymbol::SchedulerRunning, "xSchedulerRunning"},
};
static_assert(std::size(kNames) == kRtosSymbols);

struct Item {
  std::uint32_t address = 0;
  std::uint32_t owner = 0;
};

/// The items of a list, if it is one.
std::optional<std::vector<Item>> read_list(DebugTarget& target, std::uint32_t list) {
  const auto head = read_words(target, list, kEndItem + kPrevious + 1);
  if (!head || list % kWord != 0 || (*head)[0] > kMostTasks) return std::nullopt;
  const std::uint32_t end = list + kEndItem * kWord;
  std::vector<Item> items;
  std::uint32_t before = end;
  std::uint32_t at = (*head)[kEndItem + kNext];
  while (at != end) {
    if (items.size() == (*head)[0] || at % kWord != 0) return std::nullopt;
    const auto item = read_words(target, at, kItemWords);
    if (!item || (*item)[kPrevious] != before || (*item)[kContainer] != list) return std::nullopt;
    items.push_back({at, (*item)[kOwner]});
    before = at;
    at = (*item)[kNext];
  }
  if (items.size() != (*head)[0] || (*head)[kEndItem + kPrevious] != before) return std::nullopt;
  return items;
}

/// Walks all lists and puts together what they say.
class Walk {
 public:
  Walk(DebugTarget& target, const RtosSymbols& symbols) : target_(target), symbols_(symbols) {}

  /// False: something is not as it should be.
  bool run() {
    return ready_lists() && list(RtosSymbol::DelayedList1, RtosState::Blocked) &&
           list(RtosSymbol::DelayedList2, RtosState::Blocked) &&
           list(RtosSymbol::SuspendedList, RtosState::Suspended) &&
           list(RtosSymbol::TerminationList, RtosState::Deleted) && pending_ready() && head_ != 0;
  }
  [[nodiscard]] const std::map<std::uint32_t, RtosState>& states() const { return states_; }
  /// Bytes of a control block before its state item.
  [[nodiscard]] std::uint32_t head() const { return head_; }

 private:
  /// Items that are state items of their owners; the first says where those stand.
  bool take(const std::vector<Item>& items, RtosState state) {
    for (const Item& item : items) {
      const std::uint32_t head = item.address - item.owner;
      if (head_ == 0 && head != 0 && head <= kLargestHead && head % kWord == 0) head_ = head;
      if (head != head_ || head_ == 0 || states_.size() >= kMostTasks) return false;
      if (!states_.emplace(item.owner, state).second) return false;
    }
    return true;
  }

  bool list(RtosSymbol symbol, RtosState state) {
    const auto address = symbols_[symbol];
    if (!address) return true;
    const auto items = read_list(target_, *address);
    return items && take(*items, state);
  }

  /// Their number is not to be had: they end where the next known variable begins, or no list stands.
  bool ready_lists() {
    const std::uint32_t first = *symbols_[RtosSymbol::ReadyLists];
    const std::uint32_t end = next_variable(first);
    const std::uint32_t size = size_of_list(first);
    for (std::uint32_t priority = 0; priority < kMostPriorities; ++priority) {
      const std::uint32_t at = first + priority * size;
      const auto items = at + size <= end ? read_list(target_, at) : std::nullopt;
      if (!items) return priority != 0;
      if (!take(*items, RtosState::Ready)) return false;
    }
    return true;
  }
  /// The end item has an owner and a container, or has not.
  std::uint32_t size_of_list(std::uint32_t first) {
    constexpr std::uint32_t kSmall = 5 * kWord, kFull = 7 * kWord;
    return !read_list(target_, first + kSmall) && read_list(target_, first + kFull) ? kFull : kSmall;
  }
  std::uint32_t next_variable(std::uint32_t behind) const {
    std::uint32_t next = ~std::uint32_t{0};
    for (const Name& name : kNames) {
      const auto address = symbols_[name.symbol];
      if (address && *address > behind) next = std::min(next, *address);
    }
    return next;
  }

  /// Tasks that became ready while the scheduler was suspended: their event items, and they are in another
  /// list too.
  bool pending_ready() {
    const auto items = read_list(target_, *symbols_[RtosSymbol::PendingReadyList]);
    if (!items) return false;
    for (const Item& item : *items) {
      if (head_ == 0 || item.address - item.owner != head_ + kEventItem) return false;
      states_[item.owner] = RtosState::Ready;
    }
    return true;
  }

  DebugTarget& target_;
  const RtosSymbols& symbols_;
  std::uint32_t head_ = 0;
  std::map<std::uint32_t, RtosState> states_;
};

/// Printable up to its end; nothing if it is no name.
std::optional<std::string> name_from(std::span<const std::uint8_t> bytes) {
  std::string name;
  for (const std::uint8_t byte : bytes) {
    if (byte == 0) return name.empty() ? std::nullopt : std::optional(name);
    if (byte < 0x20 || byte > 0x7E) return std::nullopt;
    name.push_back(static_cast<char>(byte));
  }
  return std::nullopt;
}

std::uint32_t word_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  return bytes[at] | std::uint32_t{bytes[at + 1]} << 8 | std::uint32_t{bytes[at + 2]} << 16 |
         std::uint32_t{bytes[at + 3]} << 24;
}

/// A blocked task that waits without a limit is in the list of the suspended ones, and in that of an event.
RtosState state_of(RtosState listed, std::uint32_t event_list) {
  return listed == RtosState::Suspended && event_list != 0 ? RtosState::Blocked : listed;
}

std::optional<RtosTask> read_task(DebugTarget& target, std::uint32_t block, std::uint32_t head,
                                  RtosState listed) {
  const auto bytes = target.read_memory(block, head + kName + kLongestName);
  if (bytes.size() != head + kName + kLongestName) return std::nullopt;
  const auto name = name_from(std::span(bytes).subspan(head + kName));
  if (!name) return std::nullopt;
  return RtosTask{.block = block,
                  .saved_stack_pointer = word_at(bytes, 0),
                  .stack_limit = word_at(bytes, head + kStack),
                  .priority = word_at(bytes, head + kPriority),
                  .state = state_of(listed, word_at(bytes, head + kEventItem + kContainer * kWord)),
                  .name = *name};
}

}  // namespace

std::string_view name_of(RtosSymbol symbol) { return kNames[static_cast<std::size_t>(symbol)].name; }

std::string_view name_of(RtosState state) {
  constexpr std::string_view kStates[] = {"running", "ready", "blocked", "suspended", "deleted"};
  return kStates[static_cast<std::size_t>(state)];
}

bool RtosSymbols::complete() const {
  return std::all_of(addresses_.begin(), addresses_.begin() + static_cast<int>(RtosSymbol::SuspendedList),
                     [](const auto& address) { return address.has_value(); });
}

std::optional<std::vector<std::uint32_t>> read_words(DebugTarget& target, std::uint32_t address,
                                                     std::uint32_t count) {
  const auto bytes = target.read_memory(address, count * kWord);
  if (bytes.size() != count * kWord) return std::nullopt;
  std::vector<std::uint32_t> words;
  for (std::uint32_t i = 0; i < count; ++i) words.push_back(word_at(bytes, i * kWord));
  return words;
}

std::optional<std::uint32_t> read_word(DebugTarget& target, std::uint32_t address) {
  const auto words = read_words(target, address, 1);
  return words ? std::optional(words->front()) : std::nullopt;
}

std::optional<RtosCensus> read_census(DebugTarget& target, const RtosSymbols& symbols) {
  if (!symbols.complete()) return std::nullopt;
  if (const auto flag = symbols[RtosSymbol::SchedulerRunning]) {
    if (read_word(target, *flag).value_or(0) != 1) return std::nullopt;
  }
  const auto running = read_word(target, *symbols[RtosSymbol::CurrentTask]);
  const auto count = read_word(target, *symbols[RtosSymbol::TaskCount]);
  if (!running || *running == 0 || !count || *count == 0 || *count > kMostTasks) return std::nullopt;
  RtosCensus census{.running = *running, .count = *count};
  if (const auto number = symbols[RtosSymbol::TaskNumber])
    census.created = read_word(target, *number).value_or(0);
  return census;
}

std::optional<std::vector<RtosTask>> read_tasks(DebugTarget& target, const RtosSymbols& symbols,
                                                const RtosCensus& census) {
  Walk walk(target, symbols);
  if (!walk.run()) return std::nullopt;
  auto states = walk.states();
  states[census.running] = RtosState::Running;  // on its way from one list to another it is in none
  if (states.size() > census.count) return std::nullopt;
  std::vector<RtosTask> tasks;
  for (const auto& [block, state] : states) {
    auto task = read_task(target, block, walk.head(), state);
    if (!task) return std::nullopt;
    tasks.push_back(std::move(*task));
  }
  return tasks;
}

}  // namespace microvisor::board
