#include "firmware/kernel/resident/fake_application.hpp"

#include <algorithm>
#include <stdexcept>

#include "firmware/kernel/resident/fast_interrupts.hpp"
#include "firmware/kernel/resident/notifications.hpp"
#include "firmware/kernel/worker.hpp"

namespace microvisor::firmware::kernel {

namespace {

FakeApplication* current = nullptr;

bool inside(Address address, std::uint32_t size, std::uint32_t base, std::uint32_t length) {
  return address >= base && size <= length && address - base <= length - size;
}

}  // namespace

FakeApplication::FakeApplication() { current = this; }
FakeApplication::~FakeApplication() { current = nullptr; }

std::uint8_t* FakeApplication::at(Address address) {
  if (inside(address, 1, kRam, kRamSize)) return ram_.data() + (address - kRam);
  if (inside(address, 1, kFlash, kFlashSize)) return flash_.data() + (address - kFlash);
  throw std::out_of_range("the kernel touched memory it had not checked");
}

bool application_can_read(Address address, std::uint32_t size) {
  return size == 0 || inside(address, size, FakeApplication::kRam, FakeApplication::kRamSize) ||
         inside(address, size, FakeApplication::kFlash, FakeApplication::kFlashSize);
}

bool application_can_write(Address address, std::uint32_t size) {
  return size == 0 || inside(address, size, FakeApplication::kRam, FakeApplication::kRamSize);
}

void copy_from_application(void* to, Address from, std::uint32_t size) {
  if (size == 0) return;
  current->largest_copy = std::max(current->largest_copy, size);
  (void)current->at(from + size - 1);
  std::memcpy(to, current->at(from), size);
}

void copy_within_application(Address to, Address from, std::uint32_t size) {
  if (size == 0) return;
  current->largest_copy = std::max(current->largest_copy, size);
  (void)current->at(from + size - 1);
  (void)current->at(to + size - 1);
  std::memmove(current->at(to), current->at(from), size);
}

void copy_to_application(Address to, const void* from, std::uint32_t size) {
  if (size == 0) return;
  current->largest_copy = std::max(current->largest_copy, size);
  (void)current->at(to + size - 1);
  std::memcpy(current->at(to), from, size);
}

bool line_belongs_to_application(std::uint32_t line) {
  return line < 126 && line != 48 && line != 66 && !current->fast.at(line);
}
bool line_is_busy(std::uint32_t line) { return current->pending.at(line) || current->active.at(line); }
void pend_application_line(std::uint32_t line) {
  current->pending.at(line) = true;
  ++current->pended.at(line);
}

Address application_vector_table() { return current->vector_table; }
bool line_is_in_service(std::uint32_t line) { return current->active.at(line); }
std::uint8_t take_line(std::uint32_t line) {
  current->fast.at(line) = true;
  current->enabled.at(line) = false;
  return current->priorities.at(line);
}
void give_line_back(std::uint32_t line, std::uint8_t priority) {
  current->fast.at(line) = false;
  current->enabled.at(line) = false;
  current->priorities.at(line) = priority;
}
void let_line_interrupt(std::uint32_t line, bool let) { current->enabled.at(line) = let; }

void record_held_back() { ++current->held_back; }

std::uint32_t read_reserved_register(std::uint32_t address) { return current->registers[address]; }
void write_reserved_register(std::uint32_t address, std::uint32_t value) {
  current->registers[address] = value;
}
bool flash_is_busy() { return current->flash_busy; }
std::uint32_t system_clock_hertz() { return 160'000'000; }
void wake_link() { ++current->wakes; }
void storage_job_posted() { ++current->storage_jobs; }
bool ready_to_stop() { return current->ready_to_stop; }
void power_save(abi::PowerSavingMode mode) { current->power_saves.push_back(mode); }
void deep_sleep(abi::DeepSleepMode mode) { current->deep_sleeps.push_back(mode); }
void request_application_end(EndRequest request) { current->end_requests.push_back(request); }
void status_changed() { ++current->status_changes; }

std::uint64_t clock_microseconds() { return current->now; }

Atomic::Atomic() : before_(0) {}
Atomic::~Atomic() {
  if (current->after_atomic) current->after_atomic();
}

}  // namespace microvisor::firmware::kernel
