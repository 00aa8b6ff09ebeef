// The internal flash for host tests, as unkind as the manual allows (RM0456 sections 7.3.7 to 7.3.12).
//
// A row takes one programming after an erase. What a power cut leaves of the row or page in work is anything:
// old, new or mixed contents, a double ECC error, a row that looks blank but is not, or one that reads well a
// few times only.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "firmware/storage/flash.hpp"
#include "firmware/storage/testing/power_supply.hpp"

namespace microvisor::firmware::storage::testing {

class FlashModel final : public Flash {
 public:
  explicit FlashModel(PowerSupply& power);

  FlashStatus read_row(std::uint32_t address, Row& row) override;
  FlashStatus program_row(std::uint32_t address, const Row& row) override;
  FlashStatus program_burst(std::uint32_t address, std::span<const std::uint8_t, 128> data) override;
  FlashStatus erase_page(std::uint32_t address) override;
  std::span<const std::uint8_t> in_place(std::uint32_t address, std::uint32_t size) override {
    return bytes(address, size);
  }

  /// A copy that hangs on another supply, for running many cases from one prepared state.
  FlashModel(const FlashModel& other, PowerSupply& power);

  /// Makes the row unreadable, as decay would.
  void spoil(std::uint32_t address);
  /// The bytes as they stand, for checks by tests. `address` in one bank.
  [[nodiscard]] std::span<std::uint8_t> bytes(std::uint32_t address, std::uint32_t size);
  /// Erase operations per page since the beginning, both banks.
  [[nodiscard]] const std::vector<std::uint32_t>& erase_counts() const { return erase_counts_; }

 private:
  enum class State : std::uint8_t { Erased, Programmed, Unreadable, Flaky };
  [[nodiscard]] static std::uint32_t offset_of(std::uint32_t address);
  void store(std::uint32_t row_index, const Row& row, State state);
  void tear_row(std::uint32_t row_index, const Row& wanted);
  [[nodiscard]] bool programmable(std::uint32_t row_index, const Row& row) const;

  PowerSupply& power_;
  std::vector<std::uint8_t> bytes_;
  std::vector<State> states_;
  std::vector<std::uint32_t> erase_counts_;
};

/// The external NOR flash: program clears bits, erase sets them; both may be cut off anywhere.
class NorModel final : public Nor {
 public:
  NorModel(PowerSupply& power, std::uint32_t size);
  NorModel(const NorModel& other, PowerSupply& power);

  bool read(std::uint32_t offset, std::span<std::uint8_t> out) override;
  bool program(std::uint32_t offset, std::span<const std::uint8_t> data) override;
  bool erase_sector(std::uint32_t offset) override;
  [[nodiscard]] std::uint32_t size() const override { return static_cast<std::uint32_t>(bytes_.size()); }

  [[nodiscard]] std::span<std::uint8_t> bytes() { return bytes_; }
  /// Every read from now on fails, as with a chip that has come off.
  void disconnect() { connected_ = false; }

 private:
  PowerSupply& power_;
  std::vector<std::uint8_t> bytes_;
  bool connected_ = true;
};

}  // namespace microvisor::firmware::storage::testing
