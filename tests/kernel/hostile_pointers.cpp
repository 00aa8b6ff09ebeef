// Every call with each of its pointers, its lengths and its handles aimed where they must not lead, also
// while the call goes on. Made from abi/; whether an address is the application's is decided here from the
// memory map alone.
#include <algorithm>
#include <cstdio>

#include "firmware/layout.hpp"
#include "tests/kernel/caller_channels.hpp"
#include "tests/kernel/hostile_rule.hpp"

namespace microvisor::tests {

namespace {

using namespace firmware;

struct Aim {
  const char* name;
  std::uint32_t address;
  bool from_end = false;  ///< the address is where the memory ends: all but the last byte lies in front of it
};

std::vector<Aim> aims() {
  return {
      {"null", 0},
      {"secure-ram", canary_address()},
      {"secure-ram-by-nonsecure-alias", canary_address() - 0x1000'0000},
      {"secure-ram-by-code-bus", canary_address() - kMicrovisorRam + 0x0E08'0000},
      {"own-ram-by-secure-alias", 0x3000'8000},
      {"own-ram-by-code-bus", 0x0A00'8000},
      {"kernel-code", 0x0C12'2000},
      {"kernel-code-by-nonsecure-alias", 0x0812'2000},
      {"vault", kVaultIdentity.address()},
      {"own-flash-by-secure-alias", 0x0C00'0000},
      {"gates", kGateBase},
      {"own-flash", kApplicationFlash + 0x400},
      {"end-of-ram", kApplicationRam + kApplicationRamSize, true},
      {"end-of-sram4", kApplicationRam4 + kApplicationRam4Size, true},
      {"end-of-flash", kApplicationFlash + kApplicationFlashSize, true},
      {"in-front-of-ram", kApplicationRam - 1},
      {"in-front-of-flash", kApplicationFlash - 1},
      {"end-of-memory", 0xFFFF'FFFF},
      {"wrapping", 0xFFFF'FFF8},
      {"own-timer", 0x4000'0400},
      {"flash-registers", 0x4002'2000},
      {"ramcfg", 0x4002'6000},
      {"gtzc", 0x4003'2400},
      {"rng-secure-alias", 0x520C'0800},
      {"backup-ram", 0x4003'6400},
      {"backup-ram-secure-alias", 0x5003'6400},
      {"external-flash", 0x9000'0000},
      {"system-memory", 0x0BF9'0000},
      {"sau", 0xE000'EDD0},
      {"nvic-nonsecure-alias", 0xE002'E100},
      {"misaligned", ARENA_ADDRESS + 0x7001},
      {"misaligned-by-2", ARENA_ADDRESS + 0x7002},
  };
}

constexpr std::uint32_t kLengths[] = {0,           1,           0x7FFF'FFFF, 0x8000'0000, 0xFFFF'FFFF,
                                      0xFFFF'FFFC, 0x0008'0001, 0x2000'0000, 0xE000'0000, 0x000F'FFFF};

bool accessible(const AimedPointer& pointer, std::uint32_t target, std::uint64_t bytes) {
  return bytes == 0 ||
         (pointer.written ? application_may_write(target, bytes) : application_may_read(target, bytes));
}

/// Pointers that may be null: docs of the structures.
bool may_be_null(const AimedPointer& pointer) {
  return pointer.name.ends_with("tls_credentials") || pointer.name.ends_with("will");
}

/// Pointers that are not looked at, since they are for another way to authenticate.
bool is_idle(const AimedPointer& pointer, Amount amount) {
  return amount == Amount::Largest && pointer.name.find("username_password") != std::string::npos;
}

/// Room that is told in codes by some applications and in bytes by others: only what is written is checked.
bool room_is_vague(const AimedPointer& pointer) { return pointer.name.ends_with("reason_codes"); }

std::string try_aim(const abi::CallShape& call, Amount amount, std::size_t which, const Aim& aim) {
  CallerMachine caller(call, amount);
  CallImage image = caller.image_of(call, amount);
  const AimedPointer pointer = image.pointers()[which];
  const std::uint32_t target = aim.from_end ? aim.address - pointer.bytes + 1 : aim.address;
  image.set(pointer.word, target);
  Expectation expected;
  expected.refused = !accessible(pointer, target, pointer.bytes) && !(target == 0 && may_be_null(pointer)) &&
                     !is_idle(pointer, amount);
  // Where a structure is taken from elsewhere, its own pointers are whatever stands there.
  expected.results = results_of(image);
  return try_hostile(caller, &image, CallerMachine::order_for(image), expected);
}

std::string try_length(const abi::CallShape& call, Amount amount, std::size_t which, std::uint32_t length) {
  CallerMachine caller(call, amount);
  CallImage image = caller.image_of(call, amount);
  const AimedPointer pointer = image.pointers()[which];
  image.set(pointer.extent, length);
  Expectation expected;
  const bool narrow = pointer.extent.in_register && std::string_view(call.name).ends_with("Log");
  const std::uint64_t bytes = narrow ? length & 0xFFFF : length;  // uint16_t
  expected.refused =
      !accessible(pointer, pointer.target, bytes) && !is_idle(pointer, amount) && !room_is_vague(pointer);
  expected.results = results_of(image);
  if (pointer.written && !expected.refused)
    expected.results.push_back({pointer.target, static_cast<std::uint32_t>(bytes)});
  return try_hostile(caller, &image, CallerMachine::order_for(image), expected);
}

/// One pointer leads where another one does, or at what holds it.
std::string try_overlap(const abi::CallShape& call, std::size_t which, std::size_t other) {
  CallerMachine caller(call);
  CallImage image = caller.image_of(call);
  const AimedPointer pointer = image.pointers()[which];
  image.set(pointer.word, image.pointers()[other].target + (which == other ? 4 : 0));
  Expectation expected;
  expected.results = results_of(image);
  return try_hostile(caller, &image, CallerMachine::order_for(image), expected);
}

/// A result that goes onto the frame of the call itself: what the application does to itself.
std::string try_own_frame(const abi::CallShape& call, std::size_t which, std::uint32_t offset) {
  CallerMachine caller(call);
  CallImage image = caller.image_of(call);
  image.set(image.pointers()[which].word, SPARE_STACK_TOP - 32 + offset);
  command order = CallerMachine::order_for(image);
  order.stack = SPARE_STACK_TOP;
  Expectation expected{.may_end = true, .may_hang = true, .judged = false};
  return try_hostile(caller, &image, order, expected);
}

/// The memory is right when the call is made, and is changed from outside after `instructions` of it, as DMA
/// does. The place may then be judged the old way or the new one, and nothing else.
std::string try_change(const abi::CallShape& call, Word word, std::uint32_t value,
                       std::uint64_t instructions) {
  CallerMachine caller(call);
  const CallImage image = caller.image_of(call);
  caller.prepare(image, CallerMachine::order_for(image));
  MemoryPicture before = caller.picture();
  caller.begin();
  const std::uint32_t site = caller.read_command().call_site;
  for (int i = 0; i < 2000 && caller.board().core().state.r[15] != site; ++i) {
    caller.board().run({.instructions = 1});
  }
  caller.board().run({.instructions = instructions});
  caller.poke(word.at, value);
  if (const auto index = CallerMachine::index_of(word.at)) before.ram[*index] = value;
  Expectation expected;
  expected.results = results_of(image);
  return judge(caller, &image, before, caller.finish(), expected);
}

template <typename... Parts>
std::string join(const Parts&... parts) {
  std::string result;
  ((result += (result.empty() ? "" : "/") + std::string(parts)), ...);
  return result;
}

/// Calls f with every call, an image of it, and the number of each of its pointers.
template <typename F>
void for_each_pointer(Amount amount, F f) {
  CallerMachine caller;
  for (const abi::CallShape& call : abi::kCallShapes) {
    const CallImage image = caller.image_of(call, amount);
    for (std::size_t i = 0; i < image.pointers().size(); ++i) f(call, image, i);
  }
}

/// Whether this handle is good for the call as well as the one it is made with.
bool takes_any_channel(const abi::CallShape& call, CallerMachine& caller, std::uint32_t handle) {
  const std::string_view name = call.name;
  if (name != "mvCloseChannel" && name != "mvGetChannelClosureReason") return false;
  const auto all = caller.handles();
  return handle == all[kChannelHandle] || std::find(all.begin() + 5, all.end(), handle) != all.end();
}

/// The handle has been given back before.
std::string try_stale(const abi::CallShape& call, std::size_t which) {
  constexpr const char* kClosers[] = {"mvCloseNotifications", "mvReleaseNetwork", "mvCloseChannel",
                                      "mvCloseSystemNotification", "mvExternalFlashClose"};
  CallerMachine caller(call);
  const CallImage image = caller.image_of(call);
  const auto* closer = std::find_if(std::begin(abi::kCallShapes), std::end(abi::kCallShapes),
                                    [&](const abi::CallShape& candidate) {
                                      return std::string_view(candidate.name) ==
                                             kClosers[static_cast<unsigned>(image.handles()[which].type)];
                                    });
  const CallImage close(*closer, caller.handles_for(call), ARENA_ADDRESS + 0x6000);
  const Outcome closed = caller.perform(close, CallerMachine::order_for(close));
  if (closed.kind != Outcome::Kind::Returned) return "it cannot be closed";
  Expectation expected{.refused = closed.result.after[0] == 0, .results = results_of(image)};
  return try_hostile(caller, &image, CallerMachine::order_for(image), expected);
}

/// Pointers and lengths; with the largest amounts, of structures only.
void add_aims(std::vector<HostileCase>& cases, Amount amount, const std::string& suffix) {
  for_each_pointer(amount, [&](const abi::CallShape& call, const CallImage& image, std::size_t i) {
    const AimedPointer& pointer = image.pointers()[i];
    if (amount == Amount::Largest && pointer.word.in_register) return;
    for (const Aim& aim : aims()) {
      cases.push_back({join("pointer" + suffix, call.name, pointer.name, std::to_string(i), aim.name),
                       [&call, amount, i, aim] { return try_aim(call, amount, i, aim); }});
    }
    for (const std::uint32_t length : kLengths) {
      if (!pointer.counted) continue;
      cases.push_back(
          {join("length" + suffix, call.name, pointer.name, std::to_string(i), std::to_string(length)),
           [&call, amount, i, length] { return try_length(call, amount, i, length); }});
    }
  });
}

}  // namespace

std::vector<HostileCase> pointer_cases() {
  std::vector<HostileCase> cases;
  add_aims(cases, Amount::Typical, "");
  // Their lists are long only then, and some of what they lead to is missing else.
  add_aims(cases, Amount::Largest, "-of-many");
  for_each_pointer(Amount::Typical, [&](const abi::CallShape& call, const CallImage& image, std::size_t i) {
    const AimedPointer& pointer = image.pointers()[i];
    for (std::size_t other = 0; other < image.pointers().size(); ++other) {
      cases.push_back({join("overlap", call.name, pointer.name, image.pointers()[other].name),
                       [&call, i, other] { return try_overlap(call, i, other); }});
    }
    for (std::uint32_t offset = 0; offset < 32 && pointer.written && pointer.word.in_register; offset += 4) {
      cases.push_back({join("own-frame", call.name, pointer.name, std::to_string(offset)),
                       [&call, i, offset] { return try_own_frame(call, i, offset); }});
    }
  });
  return cases;
}

std::vector<HostileCase> changing_memory_cases() {
  constexpr std::uint64_t kLongest = 420;
  std::vector<HostileCase> cases;
  for_each_pointer(Amount::Typical, [&](const abi::CallShape& call, const CallImage& image, std::size_t i) {
    const AimedPointer& pointer = image.pointers()[i];
    const auto add = [&](Word word, std::uint32_t value, const char* what) {
      if (word.in_register) return;
      for (std::uint64_t after = 0; after < kLongest; ++after) {
        cases.push_back({join("change", call.name, pointer.name, what, std::to_string(after)),
                         [&call, word, value, after] { return try_change(call, word, value, after); }});
      }
    };
    add(pointer.word, canary_address(), "pointer");
    if (pointer.counted) add(pointer.extent, 0xFFFF'FF00, "length");
  });
  return cases;
}

std::vector<HostileCase> handle_cases() {
  std::vector<HostileCase> cases;
  CallerMachine caller;
  for (const abi::CallShape& call : abi::kCallShapes) {
    const CallImage image = caller.image_of(call);
    for (std::size_t i = 0; i < image.handles().size(); ++i) {
      const std::uint32_t valid = caller.handles_for(call)[static_cast<unsigned>(image.handles()[i].type)];
      std::vector<std::uint32_t> guesses{1,
                                         2,
                                         0xFFFF'FFFF,
                                         0x8000'0000,
                                         valid + 1,
                                         valid - 1,
                                         valid ^ 0x40,
                                         valid ^ 0x1000'0000,
                                         valid | 0x3F,
                                         canary_address(),
                                         ARENA_ADDRESS};
      for (const std::uint32_t other : caller.handles()) {
        if (other != valid && !takes_any_channel(call, caller, other)) guesses.push_back(other);
      }
      cases.push_back(
          {join("stale", call.name, std::to_string(i)), [&call, i] { return try_stale(call, i); }});
      // Zero names no centre where one may be left out.
      if (std::string_view(call.name) != "mvRequestNetwork") guesses.push_back(0);
      for (const std::uint32_t guess : guesses) {
        if (guess == valid) continue;
        cases.push_back(
            {join("handle", call.name, std::to_string(i), std::to_string(guess)), [&call, i, guess] {
               CallerMachine machine(call);
               CallImage wrong = machine.image_of(call);
               wrong.set(wrong.handles()[i].word, guess);
               Expectation expected{.refused = guess != 0 || wrong.handles()[i].word.in_register,
                                    .results = results_of(wrong)};
               return try_hostile(machine, &wrong, CallerMachine::order_for(wrong), expected);
             }});
      }
    }
  }
  return cases;
}

}  // namespace microvisor::tests
