// A trace in the JSON form of Chrome's trace viewer, which ui.perfetto.dev opens ("Trace Event Format").
//
// Time stamps are virtual time in microseconds since power-on. Tracks: what runs in each world, the
// exceptions (which nest as they pre-empt each other), sleep; system calls are asynchronous slices. A call is
// a fetch from Non-secure state that the core refused (SecureFault) at an address with a name. The file is an
// array that is closed at the end; viewers also take one whose writer was killed.
//
// Lives on the board's thread, which must not run any more when it is closed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/cpu/tracer.hpp"

namespace microvisor::board {

class TraceWriter final : public Tracer {
 public:
  /// What stands at an address; empty if nothing that has a name.
  using Names = std::function<std::string(std::uint32_t address)>;

  TraceWriter(const std::filesystem::path& file, const Scheduler& scheduler, Names names);
  ~TraceWriter() override;
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;

  /// Ends all open slices and the file. False if not everything could be written.
  bool close();
  [[nodiscard]] bool good() const { return out_.good(); }

  void exception_entered(unsigned number, World world, std::uint32_t from) override;
  void exception_ended(unsigned number, World world) override;
  void world_entered(World world, std::uint32_t address) override;
  void reset(std::string_view cause) override;
  void asleep(bool deep) override;
  void awake() override;

 private:
  struct Active {
    unsigned number;
    World world;
    std::uint64_t call;  ///< 0: none
    std::string name;
  };

  void event(std::string_view fields);
  void slice(unsigned track, std::string_view name, Time from, Time to);
  void switch_world(World world);
  void end_world();
  void end_exception();
  void end_sleep();

  std::ofstream out_;
  const Scheduler& scheduler_;
  Names names_;
  bool first_ = true;
  World world_ = kSecure;
  Time world_since_ = 0;
  std::vector<Active> active_;
  std::uint64_t calls_ = 0;
  std::optional<Time> asleep_since_;
  bool deep_ = false;
};

}  // namespace microvisor::board
