// A trace in the JSON form of Chrome's trace viewer, which ui.perfetto.dev opens ("Trace Event Format").
//
// Time stamps are virtual time in microseconds since power-on. Tracks: what runs in each world, the
// exceptions (which nest as they pre-empt each other) with the functions they call, the functions of each
// thread, sleep; system calls are asynchronous slices. A system call is a fetch from Non-secure state that
// the core refused (SecureFault) at an address with a name. The file is an array that is closed at the end;
// viewers also take one whose writer was killed.
//
// Lives on the board's thread, which must not run any more when it is closed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/bus/time.hpp"
#include "board/cpu/core.hpp"
#include "board/cpu/tracer.hpp"
#include "board/debug/call_stacks.hpp"
#include "board/debug/elf_symbols.hpp"

namespace microvisor::board {

class TraceWriter final : public Tracer, private CallListener {
 public:
  /// As much as viewers still open.
  static constexpr std::uint64_t kLargestFile = 1'000'000'000;

  /// Traces `core` until close(): what `symbols` say of functions tells calls, and all of them name
  /// addresses. What would make the file larger than `limit` bytes is left out.
  TraceWriter(const std::filesystem::path& file, Core& core, Symbols symbols,
              std::uint64_t limit = kLargestFile);
  ~TraceWriter() override;
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// Ends all open slices and the file.
  void close();
  /// Why not everything could be written (errno); 0 if it was.
  [[nodiscard]] int error() const { return error_; }
  /// Virtual time from which on there was no room under the limit.
  [[nodiscard]] std::optional<Time> full_since() const { return full_since_; }

  void exception_entered(unsigned number, World world, std::uint32_t from) override;
  void exception_ended(unsigned number, World world) override;
  void world_entered(World world, std::uint32_t address) override;
  void reset(std::string_view cause) override;
  void asleep(std::string_view mode) override;
  void awake() override;
  void reached(std::uint32_t address) override;

 private:
  struct Active {
    unsigned number;
    World world;
    std::uint64_t call;  ///< 0: none
    std::string name;
  };

  void function_began(unsigned track, std::string_view name) override;
  void function_ended(unsigned track, std::string_view name) override;

  void event(std::string_view fields);
  void name_track(unsigned track, std::string_view name);
  void begin(unsigned track, std::string_view name, std::string_view more = {});
  void end(unsigned track, std::string_view name);
  void slice(unsigned track, std::string_view name, Time from, Time to);
  bool has_room();
  void end_slices();
  void switch_world(World world, std::uint32_t address);
  void end_world();
  void end_exception();
  void end_sleep();

  std::ofstream out_;
  Core& core_;
  Symbols symbols_;
  std::uint64_t limit_, size_ = 0;
  int error_ = 0;
  std::optional<Time> full_since_;
  CallStacks functions_;
  unsigned named_threads_ = 0;
  World world_;
  std::string world_name_;
  Time world_since_;
  bool returning_ = false;  ///< an exception has ended, and where execution goes on is not known yet
  std::vector<Active> active_;
  std::uint64_t calls_ = 0;
  std::optional<Time> asleep_since_;
  std::string sleep_mode_;
};

}  // namespace microvisor::board
