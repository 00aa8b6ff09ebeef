// A block that nobody has modelled: registers that start at their reset values and keep what is written.
//
// Enough for firmware that configures a block it does not wait for. The first access to each register is
// reported by name, so that a user learns what the program expects of the chip beyond the models; what has no
// name, as the message RAM of FDCAN1, goes by that of its block.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "board/bus/peripheral.hpp"

namespace microvisor::board {

struct ChipBlock;

/// Owned by the Board, lives on its thread.
class RegisterFile final : public Peripheral {
 public:
  RegisterFile(const ChipBlock& block, std::function<void(std::string_view)> first_touch);

  [[nodiscard]] std::string_view name() const override { return block_name(); }
  Outcome read(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t& value) override;
  Outcome write(std::uint32_t offset, unsigned size, const Access& access, std::uint32_t value) override;
  [[nodiscard]] std::uint32_t peek(std::uint32_t offset) const override;
  void reset(Reset kind) override;
  void serialise(Archive& archive) override;

 private:
  [[nodiscard]] std::string_view block_name() const;
  static constexpr std::uint32_t kNameless = ~0U;

  void touch(std::uint32_t offset);
  void load_reset_values();

  const ChipBlock& block_;
  std::function<void(std::string_view)> first_touch_;
  std::map<std::uint32_t, std::uint32_t> words_;
  std::set<std::uint32_t> touched_;  ///< offsets, or kNameless
};

}  // namespace microvisor::board
