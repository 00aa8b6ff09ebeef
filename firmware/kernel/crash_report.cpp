// A report is: format (1 byte), id of the key (8), encapsulated key (65), ciphertext, tag (16). The
// ciphertext is a CrashReport (protocol/crash.proto), encoded, encrypted and written in pieces, so that no
// more of it than one piece exists at a time; the stack's bytes come straight from the stopped application's
// memory.
#include "firmware/kernel/crash_report.hpp"

#include <pb_encode.h>
#include <protocol/crash.nanopb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "firmware/crypto/hpke.hpp"
#include "firmware/kernel/crash_store.hpp"
#include "firmware/kernel/kernel_version.hpp"
#include "firmware/kernel/resident/platform.hpp"
#include "firmware/kernel/resident/scheduler.hpp"
#include "firmware/kernel/resident/services.hpp"
#include "firmware/kernel/resident/trap.hpp"
#include "firmware/kernel/storage.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel {

namespace {

using Message = microvisor_crash_CrashReport;

constexpr std::uint8_t kFormat = 1;
constexpr std::string_view kInfo = "microvisor-crash-report-v1";
constexpr std::uint8_t kKeyType[] = {0x00, 0x02};  // of crash report keys, in their ids
// Reports in a row, and how long until one more is allowed: a crash loop must not wear the memory out.
constexpr std::uint32_t kBurst = 8;
constexpr std::uint64_t kInterval = 600'000'000;  // microseconds

enum class State : std::uint8_t { Idle, Wanted, Writing };

manifest::CrashPolicy policy;
volatile State state = State::Idle;
const ApplicationEnd* end_to_report = nullptr;
std::span<const char> text_to_report;
std::uint32_t spent = 0;
std::uint64_t spent_since = 0;

bool allowed(std::uint64_t now) {
  const std::uint64_t earned = (now - spent_since) / kInterval;
  spent = earned >= spent ? 0 : spent - static_cast<std::uint32_t>(earned);
  spent_since = spent == 0 ? now : spent_since + earned * kInterval;
  return spent < kBurst;
}

/// Takes the encoded message in pieces; encrypts and stores them.
class Sink {
 public:
  bool begin(const crypto::PublicKey& key) {
    const auto sid = identity().device_sid.span();
    crypto::Sha256 hash;
    hash.update(kKeyType);
    hash.update(key);
    const crypto::Digest id = hash.finish();
    return writer_.begin() &&
           sealer_.start(key, {reinterpret_cast<const std::uint8_t*>(kInfo.data()), kInfo.size()}, sid) &&
           writer_.append({&kFormat, 1}) && writer_.append(std::span(id).first(8)) &&
           writer_.append(sealer_.encapsulated());
  }
  bool take(std::span<const std::uint8_t> bytes) {
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), piece_.size() - fill_);
      std::memcpy(piece_.data() + fill_, bytes.data(), count);
      fill_ += count;
      bytes = bytes.subspan(count);
      if (fill_ == piece_.size() && !pass_on()) return false;
    }
    return true;
  }
  bool finish() {
    crypto::HpkeSealer::Tag tag{};
    return (fill_ == 0 || pass_on()) && sealer_.finish(tag) && writer_.append(tag) && writer_.commit();
  }

 private:
  bool pass_on() {
    const auto bytes = std::span(piece_).first(fill_);
    fill_ = 0;
    return sealer_.encrypt(bytes) && writer_.append(bytes);
  }
  CrashWriter writer_{crash_store()};
  crypto::HpkeSealer sealer_;
  std::array<std::uint8_t, 64> piece_{};
  std::size_t fill_ = 0;
};

bool to_sink(pb_ostream_t* stream, const pb_byte_t* bytes, std::size_t count) {
  return static_cast<Sink*>(stream->state)->take({bytes, count});
}

/// The application's stack above its stack pointer: as much as the policy says, and as there is in the
/// application's own memory.
std::span<const std::uint8_t> stack_of(const ApplicationEnd& end) {
  const std::uint32_t start = end.frame_known ? end.sp : end.msp;
  std::uint32_t region_end = 0;
  if (start - kApplicationRam < kApplicationRamSize) region_end = kApplicationRam + kApplicationRamSize;
  if (start - kApplicationRam4 < kApplicationRam4Size) region_end = kApplicationRam4 + kApplicationRam4Size;
  const std::size_t wanted = std::min<std::size_t>(policy.include_stack_bytes, kMaximumCrashStack);
  if (region_end == 0) return {};
  return {reinterpret_cast<const std::uint8_t*>(start), std::min<std::size_t>(wanted, region_end - start)};
}

bool write_stack(pb_ostream_t* stream, const pb_field_t* field, void* const* argument) {
  const auto& bytes = *static_cast<const std::span<const std::uint8_t>*>(*argument);
  return bytes.empty() ||
         (pb_encode_tag_for_field(stream, field) && pb_encode_string(stream, bytes.data(), bytes.size()));
}

microvisor_crash_Cause cause_of(EndCause cause) {
  switch (cause) {
    case EndCause::Fault: return microvisor_crash_Cause_CAUSE_FAULT;
    case EndCause::ReservedResource: return microvisor_crash_Cause_CAUSE_RESERVED_RESOURCE;
    case EndCause::HandlerDoesNotReturn: return microvisor_crash_Cause_CAUSE_HANDLER_DOES_NOT_RETURN;
    case EndCause::ContextSwitch:
    case EndCause::CompatibilityMode: return microvisor_crash_Cause_CAUSE_CONTEXT_SWITCH;
    case EndCause::FastInterruptHangs: return microvisor_crash_Cause_CAUSE_FAST_INTERRUPT_HANGS;
    case EndCause::FastInterruptFlood: return microvisor_crash_Cause_CAUSE_FAST_INTERRUPT_FLOOD;
    default: return microvisor_crash_Cause_CAUSE_NONE;
  }
}

void fill_registers(microvisor_crash_Registers& to, const ApplicationEnd& end) {
  constexpr std::uint32_t kProcessStack = 1u << 1;  // CONTROL.SPSEL
  to.frame_known = end.frame_known;
  to.callee_known = end.callee_known;
  to.r_count = static_cast<pb_size_t>(end.r.size());
  std::copy(end.r.begin(), end.r.end(), to.r);
  to.sp = end.sp;
  to.lr = end.lr;
  to.pc = end.pc;
  to.xpsr = end.xpsr;
  to.exc_return = end.exc_return;
  to.process_stack = (end.exc_return & kReturnThread) != 0 && (end.control & kProcessStack) != 0;
  to.msp = end.msp;
  to.psp = end.psp;
  to.msplim = end.msplim;
  to.psplim = end.psplim;
  to.control = end.control;
  to.primask = end.primask;
  to.basepri = end.basepri;
  to.faultmask = end.faultmask;
}

void fill_faults(microvisor_crash_FaultStatus& to, const ApplicationEnd& end) {
  to.cfsr = end.cfsr;
  to.hfsr = end.hfsr;
  to.sfsr = end.sfsr;
  to.mmfar = end.mmfar;
  to.bfar = end.bfar;
  to.sfar = end.sfar;
  to.cfsr_nonsecure = end.cfsr_nonsecure;
  to.mmfar_nonsecure = end.mmfar_nonsecure;
  if (end.cause != EndCause::ReservedResource) return;
  to.illegal_accesses_count = static_cast<pb_size_t>(std::size(end.illegal_accesses));
  std::copy(std::begin(end.illegal_accesses), std::end(end.illegal_accesses), to.illegal_accesses);
}

void fill(Message& to, const ApplicationEnd& end, std::span<const char> text) {
  const std::uint64_t now = clock_microseconds();
  to = microvisor_crash_CrashReport_init_zero;
  if (const auto& installed = updater().installed()) {
    to.app_manifest_hash.size = static_cast<pb_size_t>(installed->manifest_hash.size());
    std::memcpy(to.app_manifest_hash.bytes, installed->manifest_hash.data(), installed->manifest_hash.size());
  }
  std::copy_n(text.begin(), std::min(text.size(), sizeof to.text - 1), to.text);
  to.device_microseconds = now;
  {
    const Atomic atomic;
    to.unix_microseconds = services().wall_clock.at(now);
    to.wake_reason = static_cast<std::uint32_t>(services().wake_reason);
  }
  to.cause = cause_of(end.cause);
  to.exception = end.exception;
  to.has_registers = to.has_faults = true;
  fill_registers(to.registers, end);
  fill_faults(to.faults, end);
  const std::string_view version = this_kernel().version();
  std::copy_n(version.begin(), std::min(version.size(), sizeof to.kernel_version - 1), to.kernel_version);
}

/// What cannot be written is lost; the line in the log stream still tells of the crash.
bool write_report(const ApplicationEnd& end, std::span<const char> text) {
  static Message message;  // kept out of the worker's stack
  if (!allowed(clock_microseconds())) return false;
  fill(message, end, text);
  std::span<const std::uint8_t> stack = stack_of(end);
  message.stack_address = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(stack.data()));
  message.stack.funcs.encode = write_stack;
  message.stack.arg = &stack;
  Sink sink;
  pb_ostream_t stream{to_sink, &sink, CrashStore::kMaximumReport, 0};
  const bool written = sink.begin(policy.report_key) &&
                       pb_encode(&stream, microvisor_crash_CrashReport_fields, &message) && sink.finish();
  message.stack.arg = nullptr;
  if (written) ++spent;
  return written;
}

}  // namespace

void set_crash_policy(const manifest::CrashPolicy& value) { policy = value; }

void save_crash_report(const ApplicationEnd& end, std::span<const char> text) {
  constexpr std::uint64_t kPatience = 5'000'000;  // for the worker to come to it
  constexpr std::uint32_t kStep = 5'000;
  if (!policy.has_report_key) return;
  end_to_report = &end;
  text_to_report = text;
  state = State::Wanted;
  wake_link();
  const std::uint64_t until = clock_microseconds() + kPatience;
  while (state != State::Idle) {
    {
      const Atomic atomic;
      if (state == State::Wanted && clock_microseconds() >= until) state = State::Idle;
    }
    schedule_tasklet(kStep);
    asm volatile("wfi" : : : "memory");
  }
}

void write_wanted_crash_report() {
  if (state != State::Wanted) return;
  state = State::Writing;
  (void)write_report(*end_to_report, text_to_report);
  state = State::Idle;
}

}  // namespace microvisor::firmware::kernel
