#include "firmware/kernel/application.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "firmware/crypto/crypto.hpp"
#include "firmware/drivers/stm32u5/scb.hpp"
#include "firmware/kernel/application_reset.hpp"
#include "firmware/kernel/crash_report.hpp"
#include "firmware/kernel/debugged_application.hpp"
#include "firmware/kernel/end_text.hpp"
#include "firmware/kernel/isolation.hpp"
#include "firmware/kernel/resident/faults.hpp"
#include "firmware/kernel/resident/monitor.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/retained.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/restart_policy.hpp"
#include "firmware/kernel/storage.hpp"
#include "firmware/kernel/worker.hpp"
#include "firmware/layout.hpp"

extern "C" {
[[noreturn]] void application_ended();
[[noreturn]] void enter_application(std::uint32_t stack_pointer, std::uint32_t entry,
                                    microvisor::firmware::crypto::Verdict verdict);
}

namespace microvisor::firmware::kernel {

namespace {

/// Events that wait for the link. The oldest give way.
class Events {
 public:
  void add(link::EventKind kind, std::uint32_t value, std::span<const char> text) {
    const Atomic atomic;
    if (count_ == events_.size()) drop();
    link::DeviceEvent& event = events_[count_++];
    event.kind = kind;
    event.value = value;
    event.device_microseconds = clock_microseconds();
    event.length = std::min(text.size(), event.text.size());
    std::copy_n(text.begin(), event.length, event.text.begin());
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  bool take(link::DeviceEvent& event) {
    const Atomic atomic;
    if (count_ == 0) return false;
    event = events_[0];
    drop();
    return true;
  }

 private:
  void drop() {
    std::copy(events_.begin() + 1, events_.begin() + count_, events_.begin());
    --count_;
  }
  std::array<link::DeviceEvent, 4> events_{};
  std::uint32_t count_ = 0;
};

Events events;
RestartPolicy restart_policy;
abi::WakeReason next_reason = abi::WakeReason::COLDBOOT;
std::uint64_t start_at = 0;
volatile bool restart_wanted = false;
volatile bool attention = false;  // ends a sleep
bool stopped_for_good = false;
const volatile bool never = false;

/// Sleeps in thread mode until `moment`, or until `flag` is set.
void sleep_until(std::uint64_t moment, const volatile bool& flag) {
  constexpr std::uint64_t kLongest = 3'600'000'000;
  for (std::uint64_t now = clock_microseconds(); !flag && now < moment; now = clock_microseconds()) {
    scheduler_thread_lives();
    schedule_tasklet(static_cast<std::uint32_t>(std::min(moment - now, kLongest)));
    // An interrupt that comes after the look at the flag still ends the sleep.
    asm volatile("cpsid i" : : : "memory");
    if (!flag) asm volatile("wfi" : : : "memory");
    asm volatile("cpsie i\n\tisb" : : : "memory");
  }
}

/// Lets the link go on with what it has to tell until `done`; not longer than a moment, and not without a
/// connection.
void let_link_tell(bool (*done)(const Services&)) {
  constexpr std::uint64_t kMoment = 2'000'000;
  constexpr std::uint64_t kStep = 10'000;
  const std::uint64_t until = clock_microseconds() + kMoment;
  const auto waiting = [&] {
    const Atomic atomic;
    return services().link_status == abi::NetworkStatus::CONNECTED && !done(services());
  };
  while (waiting() && clock_microseconds() < until) sleep_until(clock_microseconds() + kStep, never);
}

bool start_has_work() { return erasure_is_due() || (update_ready() && !services().update_held); }

/// What the next start resets for. To the application an erasing is a cold boot.
abi::WakeReason reason_of_start() {
  if (erasure_is_due()) return abi::WakeReason::COLDBOOT;
  const bool application = updater().phase() == update::Phase::Ready;
  return application ? abi::WakeReason::APPLICATIONUPDATE : abi::WakeReason::MICROVISORUPDATE;
}

/// An update that is ready is installed by the next start of the kernel, and an owner's data are erased by
/// it. Before the reset the service is told how the application ended.
void reset_if_start_has_work() {
  if (!start_has_work()) return;
  services().link_settled = false;
  services().reset_is_near = true;
  wake_link();
  let_link_tell([](const Services& s) { return s.link_settled; });
  services().reset_is_near = false;
  if (!start_has_work()) return;  // another target was named meanwhile
  retain_wake_reason(reason_of_start());
  stm32u5::system_reset();
}

/// Tells applications apart, by their contents; 0: there is none.
std::uint32_t application_tag() {
  if (!updater().installed()) return 0;
  std::uint32_t tag = 0;
  std::memcpy(&tag, updater().installed()->extent_hash.data(), sizeof tag);
  return tag;
}

void report_crash(const ApplicationEnd& end) {
  std::array<char, link::kMaximumEventText> line{};
  const char* touched = name_of_illegal_access(end.illegal_accesses);
  const std::size_t length = describe_end(end, touched, line);
  events.add(link::EventKind::ApplicationCrashed, end.exception, std::span(line).first(length));
  services().crash_to_report = true;
  wake_link();
  save_crash_report(end, std::span(line).first(length));
}

void decide_what_follows(const ApplicationEnd& end) {
  const std::uint64_t now = clock_microseconds();
  switch (end.cause) {
    case EndCause::Restart:
      next_reason = abi::WakeReason::REMOTEAPPLICATIONRESTART;
      start_at = now;
      break;
    case EndCause::DebuggerRestart:
      next_reason = abi::WakeReason::DEBUGGERRESTART;
      start_at = now;
      break;
    case EndCause::TestingComplete:
      stopped_for_good = true;
      events.add(link::EventKind::TestingComplete, services().testing_status, {});
      if (services().testing_status == 0) {
        services().test_passed = true;
        worker_request_errand();
      }
      wake_link();
      break;
    case EndCause::CompatibilityMode:
      report_crash(end);
      scheduler_set_compatibility(true);
      retain_compatibility(application_tag());
      next_reason = abi::WakeReason::APPLICATIONCRASH;
      start_at = now;
      break;
    default:
      report_crash(end);
      next_reason = abi::WakeReason::APPLICATIONCRASH;
      start_at = now + restart_policy.failed(now);
      retain_restart_pause(restart_policy.pause_ms());
      break;
  }
}

std::uint32_t random_seed() {
  std::array<std::uint8_t, 4> bytes{};
  // Handles are hard to guess so that mistakes show, not for security: without random numbers time must do.
  if (!crypto::random(bytes)) return static_cast<std::uint32_t>(clock_microseconds());
  std::uint32_t seed = 0;
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

struct Vectors {
  std::uint32_t stack_pointer;
  std::uint32_t entry;
};

Vectors application_vectors() {
  const auto* table = reinterpret_cast<const volatile std::uint32_t*>(kApplicationFlash);
  return {table[0], table[1]};
}

/// A bundle may be signed and still hold no application.
bool plausible(const Vectors& v) {
  const bool stack = v.stack_pointer % 4 == 0 && v.stack_pointer - kApplicationRam <= kApplicationRamSize;
  return stack && (v.entry & 1) != 0 && v.entry - kApplicationFlash < kApplicationFlashSize;
}

/// Whether the application may run was decided when the kernel started; this is the look of who acts on it.
/// One disturbance may have spoilt the first decision, or this one, not both (firmware/hardened). In its
/// caller, so that no call stands for all of it.
[[gnu::always_inline]] inline void insist_on_what_was_installed() {
  const volatile crypto::Verdict verdict = updater().application_verdict();
  if (verdict != crypto::Verdict::Valid) stm32u5::system_reset();
  if (verdict != crypto::Verdict::Valid) stm32u5::system_reset();
}

[[noreturn]] void start() {
  insist_on_what_was_installed();
  const Vectors vectors = application_vectors();
  {
    const Atomic atomic;
    services().reset_application(random_seed());
    services().wake_reason = next_reason;
    clear_last_end();
    status_changed();
  }
  retain_wake_reason(next_reason);  // an application that has locked its registers is started by a reset
  reset_application_world();
  retain_wake_reason(abi::WakeReason::COLDBOOT);
  restart_wanted = false;
  restart_policy.started(clock_microseconds());
  events.add(link::EventKind::ApplicationStarted, static_cast<std::uint32_t>(next_reason), {});
  wake_link();
  debugged_application_starts(vectors.entry);
  scheduler_application_runs(true);
  set_application_running(true);
  static_assert(static_cast<std::uint32_t>(crypto::Verdict::Valid) == 0x5AA5'C33C);  // so in exceptions.S
  enter_application(vectors.stack_pointer & ~7u, vectors.entry, updater().application_verdict());
}

[[noreturn]] void live() {
  for (;;) {
    attention = false;
    reset_if_start_has_work();
    const bool runs = services().application_present && !stopped_for_good;
    if (runs && (restart_wanted || clock_microseconds() >= start_at)) break;
    sleep_until(runs ? start_at : Connectivity::kNever, attention);
  }
  // What the application logged last lies in its RAM, which is about to be cleared.
  let_link_tell([](const Services& s) { return s.log.empty() && s.test_log.empty(); });
  start();
}

void report_kernel_failure(abi::WakeReason reason, const Retained& retained) {
  if (reason < abi::WakeReason::MICROVISORCRASH || reason > abi::WakeReason::MICROVISORERROR) return;
  std::array<char, link::kMaximumEventText> line{};
  const std::size_t length = describe_kernel_failure(reason, retained, line);
  events.add(link::EventKind::KernelFailed, static_cast<std::uint32_t>(reason),
             std::span(line).first(length));
  services().kernel_error_to_report = true;
}

}  // namespace

void prepare_application(bool installed, abi::WakeReason reason, const Retained& retained) {
  next_reason = reason;
  start_at = 0;
  services().crash_to_report = !crash_store().empty();
  services().application_present = installed && plausible(application_vectors());
  const bool learned = retained.compatible != 0 && retained.compatible == application_tag();
  if (!learned) retain_compatibility(0);
  scheduler_set_compatibility(learned);
  manifest::ApplicationManifest manifest;
  if (installed && updater().installed_manifest(manifest)) {
    restart_policy.configure(manifest.crash.minimum_restart_ms, manifest.crash.maximum_restart_ms);
    if (reason != abi::WakeReason::APPLICATIONUPDATE) restart_policy.resume(retained.restart_pause);
    set_crash_policy(manifest.crash);
    set_debug_policy(manifest.debug);
    services().connectivity.configure(manifest.connection_grace_seconds, manifest.minimum_check_in_seconds);
    scheduler_set_compatibility(manifest.compatibility_mode || learned);
  }
}

void run_application(const Retained& retained) {
  report_kernel_failure(next_reason, retained);
  live();
}

void restart_by_service() {
  restart_wanted = true;
  attention = true;  // also ends a pause after a crash
  end_application_for(EndCause::Restart);
}

/// What it halts at, if it does, has no more to do with its end.
void restart_by_debugger(bool halt) {
  const Atomic atomic;
  if (halt) monitor_halt_at_start();
  if (!application_running()) next_reason = abi::WakeReason::DEBUGGERRESTART;
  restart_wanted = true;
  attention = true;
  clear_last_end();
  end_application_for(EndCause::DebuggerRestart);
}

void update_is_ready() {
  attention = true;
  schedule_tasklet(1);  // which looks at the deadline, and again when that has come
}

bool take_event(link::DeviceEvent& event) { return events.take(event); }
bool event_waits() { return !events.empty(); }

}  // namespace microvisor::firmware::kernel

void application_ended() {
  using namespace microvisor::firmware::kernel;
  asm volatile("cpsie i" : : : "memory");
  ApplicationEnd end = last_end();
  // The first time it is given a second chance.
  if (end.cause == EndCause::ContextSwitch && !scheduler_compatibility()) {
    end.cause = EndCause::CompatibilityMode;
  }
  decide_what_follows(end);
  live();
}
