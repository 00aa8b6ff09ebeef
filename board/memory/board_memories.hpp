// Everything of a board that keeps its contents without power, and where it is kept.
//
// A board is a directory: flash.bin, otp.bin, flash.state (ECC, wear, option bytes, operation in progress),
// nor.bin (sparse, cells inverted), nor.state (registers, wear, operation in progress), backup.bin (RTC,
// TAMP), identity.json, lock, and version, which is written last. All but nor.bin takes its room on the disk
// when it is made. It is made beside its final place and renamed, so it exists whole or not at all. While a
// process has it open, nobody else can. For tests and single runs the same object lives in memory only.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "board/memory/board_error.hpp"
#include "board/memory/flash_cells.hpp"
#include "board/memory/mapping.hpp"
#include "board/memory/memory_image.hpp"
#include "board/memory/memory_supply.hpp"
#include "board/memory/nor_cells.hpp"

namespace microvisor::board {

/// What distinguishes one chip from another.
struct BoardIdentity {
  std::array<std::uint8_t, 12> uid{};  ///< at 0x0BFA'0700
  std::string sid;                     ///< device SID: "UV" and 32 hexadecimal digits
  std::uint64_t seed = 0;              ///< of everything random in this chip: noise, leftovers of power cuts

  /// From the operating system's random numbers.
  static BoardIdentity random();
  /// The same for the same number.
  static BoardIdentity from_seed(std::uint64_t seed);
};

class BoardMemories {
 public:
  /// Makes a new board as it leaves the factory: erased flash, TrustZone on, both banks secure. Exists,
  /// System.
  /// With an `image`, the memories that keep their contents without power hold what it holds.
  static tl::expected<void, BoardError> create(const std::filesystem::path& directory,
                                               const BoardIdentity& identity,
                                               const MemoryImage* image = nullptr);
  /// Opens a board directory for this process alone. Missing, HalfWritten, NewerVersion,
  /// OlderVersion, Corrupt, InUse, System. On error nothing in it has been changed.
  static tl::expected<BoardMemories, BoardError> open(const std::filesystem::path& directory);
  /// A new board that vanishes with this object.
  static tl::expected<BoardMemories, BoardError> in_memory(const BoardIdentity& identity);
  /// The same with the contents of an image, whose pages it shares until it writes them.
  static tl::expected<BoardMemories, BoardError> in_memory(const BoardIdentity& identity,
                                                           const MemoryImage& image);
  /// Copies all that is kept without power into an image. System (no memory).
  tl::expected<void, BoardError> copy_to(MemoryImage& image);

  ~BoardMemories();
  BoardMemories(BoardMemories&& other) noexcept;
  BoardMemories& operator=(BoardMemories&& other) noexcept;

  [[nodiscard]] const BoardIdentity& identity() const { return identity_; }
  /// The board is known by another SID from now on: that of the device it has become. System, Corrupt (not a
  /// SID).
  tl::expected<void, BoardError> set_sid(const std::string& sid);
  [[nodiscard]] FlashCells& flash() { return *flash_; }
  [[nodiscard]] NorCells& nor() { return *nor_; }
  [[nodiscard]] MemorySupply& supply() { return *supply_; }
  [[nodiscard]] std::span<std::uint8_t> backup_domain() const { return backup_.bytes(); }
  /// Empty for a board in memory.
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }

 private:
  BoardMemories();
  /// The mapping of each region that is kept without power.
  [[nodiscard]] std::array<std::pair<Region, Mapping*>, 6> regions();
  void assemble();

  std::filesystem::path directory_;
  int lock_ = -1;
  BoardIdentity identity_;
  // Behind pointers, so that what refers to them survives a move of this object.
  std::unique_ptr<MemorySupply> supply_;
  std::unique_ptr<Mapping> nor_array_;
  Mapping array_, otp_, state_, nor_state_, backup_;
  std::unique_ptr<FlashCells> flash_;
  std::unique_ptr<NorCells> nor_;
};

}  // namespace microvisor::board
