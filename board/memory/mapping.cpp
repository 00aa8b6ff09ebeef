#include "board/memory/mapping.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace microvisor::board {
namespace {

constexpr std::size_t kLargestPool = 2U << 20;

BoardError system_error(const std::string& what) {
  return {BoardError::Kind::System, what + ": " + std::strerror(errno)};
}

/// A memory file of 0xFF bytes, made once a process and never closed: every erased flash of a fleet is this
/// one.
int pool_of_ones() {
  static const int descriptor = [] {
    const int created = memfd_create("microvisor-erased", MFD_CLOEXEC);
    const std::vector<std::uint8_t> ones(kLargestPool, 0xFF);
    if (created >= 0 && write(created, ones.data(), ones.size()) != static_cast<ssize_t>(ones.size()))
      return -1;
    return created;
  }();
  return descriptor;
}

}  // namespace

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_);
  if (descriptor_ >= 0) close(descriptor_);
}

Mapping::Mapping(Mapping&& other) noexcept { *this = std::move(other); }

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(pages_on_disk_, other.pages_on_disk_);
  return *this;
}

tl::expected<Mapping, BoardError> Mapping::file(const std::filesystem::path& path, std::size_t size) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) {
    if (errno == ENOENT) {
      return tl::unexpected(BoardError{BoardError::Kind::Missing, path.string() + " is missing"});
    }
    return tl::unexpected(system_error("cannot open " + path.string()));
  }
  struct stat status = {};
  if (fstat(descriptor, &status) != 0 || static_cast<std::size_t>(status.st_size) != size) {
    close(descriptor);
    return tl::unexpected(BoardError{BoardError::Kind::Corrupt,
                                     path.string() + " is damaged: " + std::to_string(status.st_size) +
                                         " bytes instead of " + std::to_string(size)});
  }
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) {
    close(descriptor);
    return tl::unexpected(system_error("cannot map " + path.string()));
  }
  Mapping mapping(static_cast<std::uint8_t*>(data), size);
  mapping.descriptor_ = descriptor;
  mapping.path_ = path;
  mapping.find_pages_on_disk();
  return mapping;
}

void Mapping::find_pages_on_disk() {
  pages_on_disk_.assign((size_ + kHostPage - 1) / kHostPage, false);
  off_t begin = lseek(descriptor_, 0, SEEK_DATA);
  while (begin >= 0) {
    const off_t end = lseek(descriptor_, begin, SEEK_HOLE);
    note_on_disk(static_cast<std::size_t>(begin), end < 0 ? size_ : static_cast<std::size_t>(end));
    if (end < 0) return;
    begin = lseek(descriptor_, end, SEEK_DATA);
  }
  // ENXIO: no data from there on. A file system that cannot tell (EINVAL) is taken to hold all of it.
  if (errno != ENXIO) note_on_disk(0, size_);
}

void Mapping::note_on_disk(std::size_t offset, std::size_t end) {
  for (std::size_t page = offset / kHostPage; page * kHostPage < end; ++page) pages_on_disk_[page] = true;
}

tl::expected<void, BoardError> Mapping::back(std::size_t offset, std::size_t size) {
  if (descriptor_ < 0) return {};
  errno = posix_fallocate(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size));
  if (errno != 0) return tl::unexpected(system_error("cannot write " + path_.string()));
  note_on_disk(offset, offset + size);
  return {};
}

tl::expected<Mapping, BoardError> Mapping::zeros(std::size_t size) {
  void* data =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return tl::unexpected(system_error("no memory for the board"));
  return Mapping(static_cast<std::uint8_t*>(data), size);
}

tl::expected<Mapping, BoardError> Mapping::ones(std::size_t size) {
  if (size > kLargestPool || pool_of_ones() < 0)
    return tl::unexpected(system_error("no memory for the board"));
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, pool_of_ones(), 0);
  if (data == MAP_FAILED) return tl::unexpected(system_error("no memory for the board"));
  return Mapping(static_cast<std::uint8_t*>(data), size);
}

}  // namespace microvisor::board
