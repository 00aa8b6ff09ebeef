// Owned memory mappings: files shared with the kernel's page cache, private memory, and memory that many
// share until they write it.
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
  /// Zeroed private memory; untouched pages cost nothing. `sparse`: keeps account of pages_in_use().
  static tl::expected<Mapping, BoardError> zeros(std::size_t size, bool sparse = false);
  /// A zeroed memory file that is written by store() and from which private copies are made. Its bytes() may
  /// only be read.
  static tl::expected<Mapping, BoardError> shared(std::size_t size);

  /// Writes into a shared() memory. System (no memory).
  [[nodiscard]] tl::expected<void, BoardError> store(std::size_t offset,
                                                     std::span<const std::uint8_t> bytes) const;
  /// Private memory that shares the pages of [offset, offset + size) of a shared() memory until they are
  /// written. `offset` is a multiple of kHostPage; `in_use` becomes its pages_in_use().
  [[nodiscard]] tl::expected<Mapping, BoardError> private_copy(
      std::size_t offset, std::size_t size, const std::vector<std::uint32_t>& in_use) const;

  [[nodiscard]] std::span<std::uint8_t> bytes() const { return {data_, size_}; }

  /// Host pages of a file or of sparse memory that have been written; the others are holes, which read as
  /// zeros. Null for other memory. On some file systems (tmpfs) reading a hole takes room too, and on a full
  /// one ends the process with SIGBUS: whoever expects holes looks here first, and notes here what it writes.
  [[nodiscard]] std::vector<bool>* pages_in_use() { return sparse_ ? &pages_in_use_ : nullptr; }
  /// Has the file system set room aside for [offset, offset + size) of a sparse file, so that storing there
  /// cannot fail. System (disk full). Nothing to do for private memory.
  [[nodiscard]] tl::expected<void, BoardError> back(std::size_t offset, std::size_t size);

 private:
  Mapping(std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  void make_sparse();
  void find_pages_in_use();
  void note_in_use(std::size_t offset, std::size_t end);

  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;  ///< of a file or of shared memory
  std::filesystem::path path_;
  bool sparse_ = false;
  std::vector<bool> pages_in_use_;
};

}  // namespace microvisor::board
