// A tracer that minds nothing: the base of those that want to know one thing.
#pragma once

#include "board/cpu/tracer.hpp"

namespace microvisor::board {

class QuietTracer : public Tracer {
 public:
  void exception_entered(unsigned, World, std::uint32_t) override {}
  void exception_ended(unsigned, World) override {}
  void world_entered(World, std::uint32_t) override {}
  void reset(std::string_view) override {}
  void asleep(std::string_view) override {}
  void awake() override {}
  void reached(std::uint32_t) override {}
};

}  // namespace microvisor::board
