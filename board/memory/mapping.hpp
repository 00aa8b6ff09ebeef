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
#include <vector>

#include "board/memory/board_error.hpp"

namespace microvisor::board {

/// Bytes of a page of the host; on a host with larger ones several of ours share one.
inline constexpr std::size_t kHostPage = 4096;

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

  /// Host pages of a sparse file that the disk holds; the others are holes, which read as zeros. Null for
  /// private memory. On some file systems (tmpfs) reading a hole takes room too, and on a full one ends the
  /// process with SIGBUS: whoever expects holes looks here first.
  [[nodiscard]] const std::vector<bool>* pages_on_disk() const {
    return descriptor_ < 0 ? nullptr : &pages_on_disk_;
  }
  /// Has the file system set room aside for [offset, offset + size) of a sparse file, so that storing there
  /// cannot fail. System (disk full). Nothing to do for private memory.
  [[nodiscard]] tl::expected<void, BoardError> back(std::size_t offset, std::size_t size);

 private:
  Mapping(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  void find_pages_on_disk();
  void note_on_disk(std::size_t offset, std::size_t end);

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;  ///< of a file
  std::filesystem::path path_;
  std::vector<bool> pages_on_disk_;  ///< of a file
};

}  // namespace microvisor::board
