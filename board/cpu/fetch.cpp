// Instruction fetch.
//
// The order of the checks is that of the architecture (DDI0553, FetchInstr and SecurityCheck): attribution,
// MPU, bus, EPSR.T, and last whether Non-secure code entering Secure memory meets an SG instruction in a
// callable region. A page is executed as a whole only if one answer holds for all of it; then none of this is
// asked again until the translations are flushed. The same goes for a single SG instruction.
#include "board/cpu/fetch.hpp"

#include <algorithm>

#include "board/cpu/decoder.hpp"
#include "board/cpu/handlers_control.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kSecureGatewayOpcode = 0xE97F'E97F;

Access fetch_access(const Attribution& answer) {
  return {.secure = answer.bus_secure,
          .privileged = answer.bus_privileged,
          .fetch = true,
          .master = Master::Core};
}

/// attribute() for a fetch; false with the fault recorded.
bool may_fetch(Core& core, std::uint32_t address, Attribution& answer) {
  answer = attribute(core, address, AccessType::Fetch, core.state.privileged());
  if (answer.fault != Attribution::Fault::None) {
    record_access_fault(core, answer.fault, AccessType::Fetch, address);
    return false;
  }
  if (answer.ppb) {
    record_bus_fault(core, AccessType::Fetch, address);
    return false;
  }
  return true;
}

/// One halfword over the bus.
bool fetch_half(Core& core, std::uint32_t address, const Attribution& answer, std::uint32_t& half) {
  switch (core.bus.read(address, 2, fetch_access(answer), half)) {
    case Outcome::Ok: half &= 0xFFFF; return true;
    case Outcome::BusError: record_bus_fault(core, AccessType::Fetch, address); return false;
    case Outcome::Stall: core.execution.stalled = true; return false;
  }
  return false;
}

/// Non-secure state, address in a Secure callable region.
bool enters_secure(const Core& core, const Attribution& answer) {
  return core.state.world == kNonSecure && answer.nonsecure_callable;
}

bool refuse_entry(Core& core, std::uint32_t address) {
  record_access_fault(core, Attribution::Fault::SecureFetch, AccessType::Fetch, address);
  return false;
}

/// The instruction at `address`, with every check. `opcode` as Encoding::matches() wants it.
bool fetch_instruction(Core& core, std::uint32_t address, std::uint32_t& opcode, bool& wide) {
  Attribution answer;
  if (!may_fetch(core, address, answer) || !fetch_half(core, address, answer, opcode)) return false;
  if (!core.state.thumb) {
    if (enters_secure(core, answer)) return refuse_entry(core, address);
    record_usage_fault(core, UsageFault::InvalidState);
    return false;
  }
  wide = is_wide(opcode);
  const bool entry = enters_secure(core, answer);
  if (!wide) return entry ? refuse_entry(core, address) : true;
  std::uint32_t second = 0;
  if (!may_fetch(core, address + 2, answer)) return false;
  if (entry != enters_secure(core, answer)) return refuse_entry(core, address);  // half of it elsewhere
  if (!fetch_half(core, address + 2, answer, second)) return false;
  opcode = opcode << 16 | second;
  if (entry && opcode != kSecureGatewayOpcode) return refuse_entry(core, address);
  return true;
}

/// The page lies in `span`, and in physical memory it is a page too.
bool covers_page(const DirectSpan& span, std::uint32_t page) {
  return span.base <= page && span.size >= kPageBytes && page - span.base <= span.size - kPageBytes &&
         (span.physical + (page - span.base)) % kPageBytes == 0;
}

/// All of the page may be executed under `answer`. Where callable regions begin and end does not matter to
/// Secure code.
bool same_answer(const Core& core, const Attribution& answer, std::uint32_t page) {
  const std::uint32_t last = page + (kPageBytes - 1);
  if (answer.base <= page && answer.limit >= last) return true;
  for (std::uint32_t address = page;;) {
    const Attribution here = attribute(core, address, AccessType::Fetch, core.state.privileged());
    if (here.fault != Attribution::Fault::None || here.ppb || enters_secure(core, here) ||
        here.bus_secure != answer.bus_secure || here.bus_privileged != answer.bus_privileged) {
      return false;
    }
    if (here.limit >= last) return true;
    address = here.limit + 1;
  }
}

/// The records of the page at `physical`, with these bytes; when it is new, stores into it must be seen from
/// now on.
const Record* decoded_page(Core& core, std::uint32_t physical, const std::uint8_t* code) {
  if (core.decoded->full() && !core.decoded->contains(physical)) {
    core.decoded->clear();
    flush_tlb(core);
    core.execution.flushed = false;
  }
  bool created = false;
  const Record* records = core.decoded->page(physical, code, created);
  if (created) drop_write_translations(core);
  return records;
}

/// Marks the instructions of the page at guest address `page` that the debug comparators watch.
const Record* mark_watched(Core& core, std::uint32_t page, const Record* records) {
  const Record* marked = records;
  const std::uint32_t last = page + (kPageBytes - 1);
  for (const AddressRange& range : core.watch.code()) {
    if (!range.overlaps(page, last)) continue;
    const std::uint32_t from = std::max(range.first, page), to = std::min(range.last, last);
    for (std::uint32_t slot = (from - page) / 2; slot <= (to - page) / 2; ++slot) {
      marked = core.decoded->mark(marked, slot);
    }
  }
  const auto end = core.trace_points.upper_bound(last);
  for (auto point = core.trace_points.lower_bound(page); point != end; ++point) {
    marked = core.decoded->mark(marked, (*point - page) / 2);
  }
  if (marked != records) flush_tlb(core);
  return marked;
}

bool is_watched(const Core& core, std::uint32_t address) {
  const auto ranges = core.watch.code();
  return std::any_of(ranges.begin(), ranges.end(),
                     [address](const AddressRange& range) { return range.overlaps(address, address); });
}

bool is_traced(const Core& core, std::uint32_t address) {
  return !core.trace_points.empty() && core.trace_points.contains(address);
}

/// A debugger outside of the chip wants to halt here. Nothing is fetched, so also not where a fetch would
/// fail.
bool halts_before(Core& core) {
  if (core.halting.breakpoints.empty() || !halts_at_breakpoint(core)) return false;
  core.halting.due = true;
  core.halting.reason = HaltReason::Breakpoint;
  return true;
}

/// Points the interpreter at a page of which `bytes` may be executed without a further look; the record at
/// `address`.
const Record* point_at(Core& core, std::uint32_t address, const Record* records, std::uint32_t bytes) {
  Execution& execution = core.execution;
  execution.page_address = address & ~(kPageBytes - 1);
  execution.page_bytes = bytes;
  execution.records = records;
  return records + address % kPageBytes / 2;
}

const Record* enter_page(Core& core, std::uint32_t address, const DirectSpan& span) {
  const std::uint32_t page = address & ~(kPageBytes - 1);
  const std::uint32_t offset = page - span.base;
  const Record* records =
      mark_watched(core, page, decoded_page(core, span.physical + offset, span.host + offset));
  bank_to_fill(core, core.state.world, core.state.privileged()).fetch[fetch_slot(address)] = {
      .address = page, .records = records};
  core.tlb->filled = true;
  return point_at(core, address, records, kPageBytes);
}

// --- gateways -------------------------------------------------------------------------------------------

/// The privilege with which Non-secure code is checked that enters Secure memory.
bool entry_privilege(const CoreState& state) {
  return state.handler_mode() || !state.unprivileged_thread[kSecure];
}

bool is_gateway(const Record& record) { return record.op == handler_index<&SecureGateway::run<2>>; }

/// The record of an SG instruction by which Non-secure code has entered before.
const Record* known_gateway(Core& core, std::uint32_t address) {
  if (core.state.world == kSecure) return nullptr;
  const TlbBank& bank = bank_of(core, kNonSecure, core.state.privileged());
  const GatewayEntry& entry = bank.gateways[gateway_slot(address)];
  if (entry.address != address || entry.privileged != entry_privilege(core.state)) return nullptr;
  if (!core.state.thumb || core.state.it != 0) return nullptr;
  if (!is_gateway(entry.records[address % kPageBytes / 2])) return nullptr;  // overwritten since
  return point_at(core, address, entry.records, 0);
}

/// Non-secure code enters Secure memory at `address`: by SG, or not at all.
const Record* enter_gateway(Core& core, std::uint32_t address, const Attribution& answer) {
  const Record* step = fetch_step(core, address);
  if (step == nullptr || !is_gateway(*step) || is_watched(core, address) || is_traced(core, address)) {
    return step;
  }
  const std::uint32_t page = address & ~(kPageBytes - 1);
  const auto span = core.bus.direct(address, fetch_access(answer));
  if (!span || !covers_page(*span, page)) return step;
  const std::uint32_t offset = page - span->base;
  const Record* held = decoded_page(core, span->physical + offset, span->host + offset);
  const Record* records = held;
  if (const std::uint32_t slot = address % kPageBytes / 2; !is_gateway(held[slot])) {
    records = core.decoded->decode(held, slot, 0);
  }
  if (records == nullptr) return step;
  if (records != held) flush_tlb(core);
  bank_to_fill(core, kNonSecure, core.state.privileged()).gateways[gateway_slot(address)] = {
      .address = address, .privileged = entry_privilege(core.state), .records = records};
  core.tlb->filled = true;
  return step;
}

}  // namespace

const Record* fetch_page(Core& core, std::uint32_t address) {
  if (const Record* gateway = known_gateway(core, address)) return gateway;
  Attribution answer;
  if (halts_before(core) || !may_fetch(core, address, answer)) return nullptr;
  if (!core.state.thumb || core.state.it != 0) return fetch_step(core, address);
  if (enters_secure(core, answer)) return enter_gateway(core, address, answer);
  const std::uint32_t page = address & ~(kPageBytes - 1);
  const auto span = core.bus.direct(address, fetch_access(answer));
  if (span && covers_page(*span, page) && same_answer(core, answer, page)) {
    return enter_page(core, address, *span);
  }
  return fetch_step(core, address);
}

const Record* fetch_step(Core& core, std::uint32_t address) {
  std::uint32_t opcode = 0;
  bool wide = false;
  if (halts_before(core) || !fetch_instruction(core, address, opcode, wide)) return nullptr;
  if (is_watched(core, address) && !before_watched_instruction(core, address)) return nullptr;
  if (is_traced(core, address)) core.tracer->reached(address);
  auto& step = core.decoded->step;
  decode(opcode, wide, {.slot = Place::kNoPage, .it_state = core.state.it}, step[0]);
  Execution& execution = core.execution;
  execution.page_address = address;
  execution.page_bytes = 0;
  execution.records = step.data();
  return step.data();
}

}  // namespace microvisor::board
