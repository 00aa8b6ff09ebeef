// A device's application as GDB's target: GDB asks here, and mostly is answered without asking the device.
//
// What a stop brings with it (registers, stack, code) is kept while the application stands; writes and
// breakpoints wait until it goes on and travel with the command that lets it. So a step costs one exchange.
//
// On the thread of the GDB server, like the session below it.
#pragma once

#include <functional>
#include <set>

#include "cli/debug/device_session.hpp"
#include "cli/debug/memory_cache.hpp"
#include "cli/debug/polled_target.hpp"

namespace microvisor::cli::debug {

class RemoteTarget final : public PolledTarget {
 public:
  explicit RemoteTarget(DeviceSession& session) : session_(session) {}

  /// Says what stops are to bring with them, which also proves to the device that we are there. Once.
  [[nodiscard]] tl::expected<void, std::string> open();
  /// Halts the application, for a GDB. The error is one line.
  [[nodiscard]] tl::expected<void, std::string> attach();
  [[nodiscard]] std::optional<TargetEvent> poll(std::chrono::milliseconds wait) override;
  [[nodiscard]] const board::Halt& last_halt() const override { return halt_; }
  /// More words for `monitor`, as (name, help, function).
  struct MonitorWord {
    std::string name;
    std::string help;
    std::function<std::string(std::string_view arguments)> run;
  };
  void add_monitor_word(MonitorWord word) { words_.push_back(std::move(word)); }

  [[nodiscard]] std::string_view description() const override;
  [[nodiscard]] std::string_view memory_map() const override;
  [[nodiscard]] std::string state() const override;
  [[nodiscard]] unsigned register_count() const override;
  [[nodiscard]] std::string_view register_name(unsigned number) const override;
  [[nodiscard]] std::vector<std::uint8_t> read_register(unsigned number) const override;
  bool write_register(unsigned number, std::span<const std::uint8_t> bytes) override;
  [[nodiscard]] std::vector<std::uint8_t> read_memory(std::uint32_t address, std::uint32_t size) override;
  bool write_memory(std::uint32_t address, std::span<const std::uint8_t> bytes) override;
  bool erase_flash(std::uint32_t, std::uint32_t) override { return false; }
  bool write_flash(std::uint32_t, std::span<const std::uint8_t>) override { return false; }
  [[nodiscard]] bool takes_breakpoint(std::uint32_t address) const override;
  [[nodiscard]] bool takes_watch(const board::Watch& watch) const override;
  void set_breakpoint(std::uint32_t address) override;
  void clear_breakpoint(std::uint32_t address) override;
  void add_watch(const board::Watch& watch) override;
  void remove_watch(const board::Watch& watch) override;
  void halt() override;
  void go_on(bool stepping) override;
  bool step_through(std::uint32_t first, std::uint32_t end) override;
  bool reset() override;
  /// The application runs on; another GDB may come.
  void release() override;
  /// The session ends.
  void leave();
  void kill() override { release(); }
  std::optional<std::string> monitor(std::string_view line) override;

 private:
  [[nodiscard]] bool resume(OwnedCommand command);
  [[nodiscard]] bool flush();
  void forget_halt();
  [[nodiscard]] std::optional<TargetEvent> run_on(const OwnedStop& stop);
  void collect_breakpoints(std::vector<OwnedCommand>& commands);
  [[nodiscard]] board::Halt take_stop(const OwnedStop& stop);
  [[nodiscard]] std::optional<TargetEvent> take_failure(const wire::Answer& failure);
  [[nodiscard]] std::optional<board::Halt> wait_for_stop(std::chrono::seconds patience);
  bool fetch(std::uint32_t address, const MemoryRange& range);
  [[nodiscard]] std::vector<std::uint8_t> read_peripheral(std::uint32_t address, std::uint32_t size);
  bool write_now(OwnedCommand command);
  [[nodiscard]] std::vector<wire::Watchpoint> watchpoints() const;
  [[nodiscard]] std::size_t breakpoint_count() const;

  DeviceSession& session_;
  MemoryCache memory_;
  wire::Registers registers_{};
  OwnedStop stop_;
  board::Halt halt_;
  bool halted_ = false;
  std::uint64_t gone_on_ = 0;         // the session's messages up to the one that let it go on
  bool released_ = false;             // no GDB is there: the application runs
  std::vector<OwnedCommand> writes_;  // wait for the next message
  std::multiset<std::uint32_t> breakpoints_;
  std::vector<board::Watch> watches_;
  bool points_changed_ = false;
  std::vector<MonitorWord> words_;
};

}  // namespace microvisor::cli::debug
