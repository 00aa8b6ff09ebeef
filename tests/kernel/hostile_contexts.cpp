// Every call from where it may not be made, or where it is hard to come back: handlers, masks, stacks that
// are bad, tiny or limited, unprivileged code, and return addresses that are none.
#include <cstdio>

#include "tests/kernel/hostile_rule.hpp"

namespace microvisor::tests {

namespace {

constexpr std::uint32_t kPriorities = 0xE000'E400;
constexpr std::uint32_t kTim6 = 49;
constexpr std::uint32_t kMpuControl = 0xE000'ED94;
constexpr std::uint32_t kMpuNumber = 0xE000'ED98;
constexpr std::uint32_t kMpuBase = 0xE000'ED9C;
constexpr std::uint32_t kMpuLimit = 0xE000'EDA0;
constexpr std::uint32_t kMpuAttributes = 0xE000'EDC0;

bool ends_application(const abi::CallShape& call) {
  const std::string_view name = call.name;
  return name == "mvRestart" || name == "mvDeepSleep" || name == "mvTestingComplete";
}

void add_write(command& order, std::uint32_t address, std::uint32_t value) {
  order.write[order.writes][0] = address;
  order.write[order.writes][1] = value;
  ++order.writes;
}

/// Changes the order of a call that is otherwise as it should be.
using Change = std::function<void(command& order, Expectation& expected)>;

HostileCase with(const abi::CallShape& call, const std::string& what, Change change) {
  return {"context/" + what + "/" + call.name, [&call, change = std::move(change)] {
            CallerMachine caller(call);
            const CallImage image = caller.image_of(call);
            command order = CallerMachine::order_for(image);
            Expectation expected{.may_end = ends_application(call), .results = results_of(image)};
            change(order, expected);
            return try_hostile(caller, &image, order, expected);
          }};
}

void in_context(std::vector<HostileCase>& cases, const abi::CallShape& call, const char* name,
                std::uint32_t context) {
  cases.push_back(with(call, name, [context](command& order, Expectation&) { order.context = context; }));
}

void with_handlers(std::vector<HostileCase>& cases, const abi::CallShape& call) {
  for (const std::uint32_t priority : {0x00u, 0x80u, 0xF0u}) {
    cases.push_back(with(call, "handler-" + std::to_string(priority), [=](command& order, Expectation&) {
      order.context = CONTEXT_HANDLER;
      add_write(order, kPriorities + kTim6 / 4 * 4, priority << (kTim6 % 4 * 8));
    }));
  }
  in_context(cases, call, "tail-of-handler", CONTEXT_HANDLER_TAIL);
}

/// `lowest`: the lowest address of the stack; frames of 32 bytes go below the pointer.
void with_stacks(std::vector<HostileCase>& cases, const abi::CallShape& call) {
  struct Stack {
    const char* name;
    std::uint32_t pointer;
    std::uint32_t limit;
    bool ends;
  };
  const Stack stacks[] = {
      {"stack-of-its-own", SPARE_STACK_TOP, 0, false},
      {"limit-with-room", SPARE_STACK_TOP, SPARE_STACK_TOP - 32, false},
      {"limit-without-room", SPARE_STACK_TOP, SPARE_STACK_TOP - 24, true},
      {"limit-above", SPARE_STACK_TOP, SPARE_STACK_TOP + 64, true},
      {"misaligned-stack", SPARE_STACK_TOP - 4, 0, false},
      {"top-of-sram4", 0x2800'4000, 0, false},
      {"bottom-of-ram", 0x2000'0010, 0, true},
      {"bottom-of-sram4", 0x2800'0008, 0, true},
      {"secure-stack", canary_address() + 0x100, 0, true},
      {"secure-stack-by-nonsecure-alias", canary_address() - 0x1000'0000 + 0x100, 0, true},
      {"bottom-of-kernel-ram", 0x2008'0020, 0, true},
      {"stack-at-8", 8, 0, true},
      {"stack-in-flash", 0x0800'1000, 0, true},
      {"stack-in-a-timer", 0x4000'0440, 0, true},
      {"stack-in-flash-registers", 0x4002'2080, 0, true},
      {"stack-in-system-registers", 0xE000'ED40, 0, true},
      {"stack-at-the-end", 0xFFFF'FFF8, 0, true},
  };
  for (const Stack& stack : stacks) {
    for (const std::uint32_t control : {0u, 2u}) {
      cases.push_back(with(call, std::string(stack.name) + (control == 0 ? "-main" : "-process"),
                           [=](command& order, Expectation& expected) {
                             order.stack = stack.pointer;
                             order.limit = stack.limit;
                             order.control = control;
                             expected.must_end = stack.ends;
                           }));
    }
  }
}

/// Unprivileged code, and a region of the application's own MPU that such code may not touch: what the kernel
/// does for it must not go further.
void unprivileged(std::vector<HostileCase>& cases, const abi::CallShape& call) {
  for (const std::uint32_t control : {1u, 3u}) {
    cases.push_back(with(call, control == 1 ? "unprivileged-main" : "unprivileged-process",
                         [=](command& order, Expectation&) {
                           order.control = control;
                           order.stack = SPARE_STACK_TOP;
                         }));
  }
  // Region 0: the structures, privileged code only (RBAR.AP = 00); region 1: all memory below the
  // peripherals, any code.
  for (const bool protect : {false, true}) {
    cases.push_back(with(call, protect ? "unprivileged-protected" : "unprivileged-mpu",
                         [protect, &call](command& order, Expectation& expected) {
                           order.control = 1;
                           order.stack = SPARE_STACK_TOP;
                           // Regions must not overlap (Armv8-M ARM, rule RLLLP): code, RAM around the arena,
                           // the arena.
                           const std::uint32_t regions[][2] = {
                               {0x0800'0000 | 6, 0x080F'FFE1},
                               {0x2000'0000 | 3, (ARENA_ADDRESS - 32) | 1},
                               {ARENA_ADDRESS | (protect ? 1u : 3u), (ARENA_ADDRESS + ARENA_SIZE - 32) | 1},
                               {(ARENA_ADDRESS + ARENA_SIZE) | 3, 0x2007'FFE1},
                           };
                           std::uint32_t number = 0;
                           for (const auto& region : regions) {
                             add_write(order, kMpuNumber, number++);
                             add_write(order, kMpuBase, region[0]);
                             add_write(order, kMpuLimit, region[1]);
                           }
                           add_write(order, kMpuAttributes, 0xFF);  // normal memory
                           add_write(order, kMpuControl, 5);
                           expected.refused = protect && !call.pointers.empty();
                           if (protect) expected.results.clear();
                         }));
  }
}

// --- where the call comes back to
// ---------------------------------------------------------------------------------------

constexpr std::uint32_t kLinks[] = {
    0xFFFF'FFFF, 0xFFFF'FFFD, 0xFFFF'FFF9, 0xFFFF'FFF1, 0xFFFF'FFBC, 0xFFFF'FFB8, 0xFFFF'FFB0,
    0xFFFF'FFED, 0xFFFF'FFE1, 0xFFFF'FFD1, 0xFFFF'FFAC, 0xFF00'0000, 0xFEFF'FFFF, 0xFEFF'FFFE,
    0xFE00'0000, 0xFDFF'FFFF, 0x0000'0000, 0x0000'0001, 0x3008'0001, 0x2008'0001, 0x0C12'2001,
    0x0C1F'E003, 0x0C1F'E0D9, 0x0C1F'E0D8, 0xE000'ED01, 0x4000'0401, 0x2000'0001, 0xF000'0001,
};

HostileCase game(const std::string& id, std::uint32_t context, std::uint32_t target, std::uint32_t link) {
  return {"return/" + id, [=] {
            CallerMachine caller;
            command order{};
            order.context = context;
            order.target = target;
            order.link = link;
            return try_hostile(caller, nullptr, order, {.may_end = true, .may_hang = true, .judged = false});
          }};
}

std::string hex(std::uint32_t value) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", value);
  return text;
}

}  // namespace

std::vector<HostileCase> context_cases() {
  std::vector<HostileCase> cases;
  for (const abi::CallShape& call : abi::kCallShapes) {
    in_context(cases, call, "thread", CONTEXT_THREAD);
    in_context(cases, call, "primask", CONTEXT_PRIMASK);
    in_context(cases, call, "faultmask", CONTEXT_FAULTMASK);
    in_context(cases, call, "basepri", CONTEXT_BASEPRI);
    in_context(cases, call, "if-then", CONTEXT_IF_THEN);
    with_handlers(cases, call);
    with_stacks(cases, call);
    unprivileged(cases, call);
  }
  return cases;
}

std::vector<HostileCase> return_cases() {
  constexpr std::uint32_t kNoOp = 0x0C1F'E0D8;
  std::vector<HostileCase> cases;
  for (const std::uint32_t link : kLinks) {
    cases.push_back(game("jump/" + hex(link), CONTEXT_JUMP, kNoOp | 1, link));
    cases.push_back(game("jump-without-thumb/" + hex(link), CONTEXT_JUMP, kNoOp, link));
    cases.push_back(game("branch/" + hex(link), CONTEXT_THREAD, link, 0));
    cases.push_back(game("branch-from-handler/" + hex(link), CONTEXT_HANDLER, link, 0));
    cases.push_back(game("forged-to-gate/" + hex(link), CONTEXT_FORGED, kNoOp | 1, link));
    cases.push_back(game("forged-to-secure/" + hex(link), CONTEXT_FORGED, 0x0C12'2001, link));
    cases.push_back(game("forged-to-secure-ram/" + hex(link), CONTEXT_FORGED, 0x3008'0301, link));
  }
  for (std::uint32_t offset = 1; offset <= 8; ++offset) {
    if (offset == 8) continue;
    cases.push_back(game("inside-gate/" + std::to_string(offset), CONTEXT_THREAD, kNoOp + offset, 0));
  }
  for (const std::uint32_t beyond : {0x0C1F'DFF9u, 0x0C1F'E271u, 0x0C1F'E279u, 0x0C1F'FFF9u, 0x0C20'0001u})
    cases.push_back(game("beside-gates/" + hex(beyond), CONTEXT_THREAD, beyond, 0));
  for (const std::uint32_t unnamed : {20u, 71u})
    cases.push_back(game("unnamed/" + std::to_string(unnamed), CONTEXT_THREAD, 0x0C1F'E001 + 8 * unnamed, 0));
  return cases;
}

}  // namespace microvisor::tests
