// The tables of memory.hpp: how they are filled, and when they are emptied.
#include <algorithm>
#include <cstring>

#include "board/cpu/decode_cache.hpp"
#include "board/cpu/memory_paths.hpp"

namespace microvisor::board {
namespace {

/// What a translation may hold: the stretch around `address` for which attribution and bus both give one
/// answer.
TlbEntry common_stretch(const Attribution& answer, const DirectSpan& span) {
  const std::uint32_t first = std::max(answer.base, span.base);
  const std::uint32_t last = std::min(answer.limit, span.base + (span.size - 1));
  return {.base = first, .span = last - first + 1, .host = span.host + (first - span.base)};
}

/// Cuts a stretch down to the page around `address`.
TlbEntry page_of(const TlbEntry& whole, std::uint32_t address) {
  const std::uint32_t page = address & ~(kPageBytes - 1);
  const std::uint32_t first = std::max(whole.base, page);
  const std::uint32_t last = std::min(whole.base + (whole.span - 1), page + (kPageBytes - 1));
  return {.base = first, .span = last - first + 1, .host = whole.host + (first - whole.base)};
}

/// Cuts away what is watched; false if `address` itself is watched, so that nothing is left.
bool leave_out_watched(const Core& core, TlbEntry& entry, std::uint32_t address, unsigned size) {
  for (const AddressRange& range : core.watch.data()) {
    const std::uint32_t last = entry.base + (entry.span - 1);
    if (!range.overlaps(entry.base, last)) continue;
    if (range.overlaps(address, address + (size - 1))) return false;
    const bool below = range.last < address;
    const std::uint32_t first = below ? range.last + 1 : entry.base;
    entry = {.base = first,
             .span = (below ? last : range.first - 1) - first + 1,
             .host = entry.host + (first - entry.base)};
  }
  return true;
}

bool watched(const Core& core, std::uint32_t first, std::uint32_t last) {
  const auto ranges = core.watch.data();
  return std::any_of(ranges.begin(), ranges.end(),
                     [=](const AddressRange& range) { return range.overlaps(first, last); });
}

}  // namespace

const TlbBank kNoTranslations{};

void show(Core& core, std::uint32_t address, unsigned size, std::uint32_t value, bool read, World world) {
  for (const AddressRange& range : core.watch.data()) {
    if (!range.overlaps(address, address + (size - 1))) continue;
    halt_for_access(core, address, size, read);
    return watch_access(core, address, size, value, read, world);
  }
}

const std::uint8_t* enter_memory(Core& core, std::uint32_t address, unsigned size, World world,
                                 bool privileged, const Attribution& answer) {
  if (answer.fault != Attribution::Fault::None || answer.device || answer.ppb) return nullptr;
  const auto span = core.bus.direct(address, data_access(answer));
  if (!span) return nullptr;
  TlbEntry entry = common_stretch(answer, *span);
  const std::uint8_t* host = host_address(entry, address, size);
  if (host == nullptr) return nullptr;
  if (leave_out_watched(core, entry, address, size)) {
    bank_to_fill(core, world, privileged).read[tlb_slot(address)] = entry;
    core.tlb->filled = true;
  }
  return host;
}

bool write_memory(Core& core, std::uint32_t address, unsigned size, World world, bool privileged,
                  const Attribution& answer, std::uint32_t value) {
  if (answer.device) return false;
  const auto span = core.bus.direct(address, data_access(answer));
  if (!span || !span->writable) return false;
  const TlbEntry entry = common_stretch(answer, *span);
  std::uint8_t* host = host_address(entry, address, size);
  if (host == nullptr) return false;
  std::memcpy(host, &value, size);
  const std::uint32_t physical = span->physical + (address - span->base);
  if (core.decoded->contains(physical)) {
    if (core.decoded->invalidate(physical, size)) flush_tlb(core);
  } else if (span->physical % kPageBytes == span->base % kPageBytes) {
    TlbEntry page = page_of(entry, address);
    if (leave_out_watched(core, page, address, size)) {
      bank_to_fill(core, world, privileged).write[tlb_slot(address)] = page;
      core.tlb->filled = true;
    }
  }
  return true;
}

void enter_registers(Core& core, std::uint32_t address, bool privileged, const Attribution& answer) {
  const std::uint32_t page = address / kRegisterPage;
  const std::uint32_t first = page * kRegisterPage, last = first + (kRegisterPage - 1);
  if (answer.base > first || answer.limit < last || watched(core, first, last)) return;
  const Access access = data_access(answer);
  const auto window = core.bus.register_window(address, access);
  if (!window || window->base % kRegisterPage != 0 || window->size % kRegisterPage != 0) return;
  bank_to_fill(core, core.state.world, privileged).registers[register_slot(page)] = {
      .page = page, .base = window->base, .block = window->block, .access = access};
  core.tlb->filled = true;
}

void remember_vectors(Core& core, std::uint32_t address, World world) {
  const Attribution answer = attribute_as(core, address, AccessType::Read, world, true, false);
  if (answer.fault != Attribution::Fault::None || answer.ppb) return;
  const auto span = core.bus.direct(address, data_access(answer));
  if (!span) return;
  TlbEntry entry = common_stretch(answer, *span);
  if (!leave_out_watched(core, entry, address, 4)) return;
  core.tlb->vectors[world] = entry;
  core.tlb->filled = true;
}

void flush_tlb(Core& core) {
  core.execution.flushed = true;
  if (!core.tlb->filled) return;
  for (const auto& bank : core.tlb->made) {
    if (bank == nullptr) continue;
    bank->read.fill(TlbEntry{});
    bank->write.fill(TlbEntry{});
    bank->fetch.fill(FetchEntry{});
    bank->registers.fill(RegisterEntry{});
    bank->gateways.fill(GatewayEntry{});
  }
  core.tlb->vectors.fill(TlbEntry{});
  core.tlb->filled = false;
}

void watch_changed(Core& core) {
  core.decoded->unmark();
  flush_tlb(core);
}

void drop_write_translations(Core& core) {
  for (const auto& bank : core.tlb->made) {
    if (bank != nullptr) bank->write = {};
  }
}

}  // namespace microvisor::board
