// Owned memory mappings: files shared with the kernel's page cache, and private memory.
//
// A file is mapped shared: what has been stored is in the page cache at once and survives the end of the
// process, however violent. That makes SIGKILL the model of a power cut. (A crash of the host itself is out
// of scope: nothing is synced.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <tl/expected.hpp>

#include "board/memory/board_error.hpp"

namespace microvisor::board {

class Mapping {
 public:
  Mapping() = default;
  ~Mapping();
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;

  /// Maps an existing file of exactly `size` bytes. Missing, Corrupt (other size) or System.
  static tl::expected<Mapping, BoardError> file(const std::filesystem::path& path, std::size_t size);
  /// Zeroed private memory; untouched pages cost nothing.
  static tl::expected<Mapping, BoardError> zeros(std::size_t size);
  /// Private memory full of 0xFF, copied from one shared page pool on first write.
  static tl::expected<Mapping, BoardError> ones(std::size_t size);

  [[nodiscard]] std::span<std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  Mapping(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace microvisor::board
