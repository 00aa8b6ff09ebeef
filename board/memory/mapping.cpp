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

BoardError system_error(const std::string& what) {
  return {BoardError::Kind::System, what + ": " + std::strerror(errno)};
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
  std::swap(sparse_, other.sparse_);
  std::swap(pages_in_use_, other.pages_in_use_);
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
  mapping.find_pages_in_use();
  return mapping;
}

void Mapping::make_sparse() {
  sparse_ = true;
  pages_in_use_.assign((size_ + kHostPage - 1) / kHostPage, false);
}

void Mapping::find_pages_in_use() {
  make_sparse();
  off_t begin = lseek(descriptor_, 0, SEEK_DATA);
  while (begin >= 0) {
    const off_t end = lseek(descriptor_, begin, SEEK_HOLE);
    note_in_use(static_cast<std::size_t>(begin), end < 0 ? size_ : static_cast<std::size_t>(end));
    if (end < 0) return;
    begin = lseek(descriptor_, end, SEEK_DATA);
  }
  // ENXIO: no data from there on. A file system that cannot tell (EINVAL) is taken to hold all of it.
  if (errno != ENXIO) note_in_use(0, size_);
}

void Mapping::note_in_use(std::size_t offset, std::size_t end) {
  for (std::size_t page = offset / kHostPage; page * kHostPage < end; ++page) pages_in_use_[page] = true;
}

tl::expected<void, BoardError> Mapping::back(std::size_t offset, std::size_t size) {
  if (path_.empty()) {
    if (sparse_) note_in_use(offset, offset + size);
    return {};
  }
  errno = posix_fallocate(descriptor_, static_cast<off_t>(offset), static_cast<off_t>(size));
  if (errno != 0) return tl::unexpected(system_error("cannot write " + path_.string()));
  note_in_use(offset, offset + size);
  return {};
}

tl::expected<Mapping, BoardError> Mapping::zeros(std::size_t size, bool sparse) {
  void* data =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) return tl::unexpected(system_error("no memory for the board"));
  Mapping mapping(static_cast<std::uint8_t*>(data), size);
  if (sparse) mapping.make_sparse();
  return mapping;
}

tl::expected<Mapping, BoardError> Mapping::shared(std::size_t size) {
  const int descriptor = memfd_create("microvisor-image", MFD_CLOEXEC);
  if (descriptor < 0) return tl::unexpected(system_error("no memory for the board"));
  const bool sized = ftruncate(descriptor, static_cast<off_t>(size)) == 0;
  void* data = sized ? mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0) : MAP_FAILED;
  if (data == MAP_FAILED) {
    const int reason = errno;
    close(descriptor);
    errno = reason;
    return tl::unexpected(system_error("no memory for the board"));
  }
  Mapping mapping(static_cast<std::uint8_t*>(data), size);
  mapping.descriptor_ = descriptor;
  return mapping;
}

tl::expected<void, BoardError> Mapping::store(std::size_t offset, std::span<const std::uint8_t> bytes) const {
  const ssize_t written = pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (written == static_cast<ssize_t>(bytes.size())) return {};
  return tl::unexpected(system_error("no memory for the board"));
}

tl::expected<Mapping, BoardError> Mapping::private_copy(std::size_t offset, std::size_t size,
                                                        const std::vector<std::uint32_t>& in_use) const {
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor_,
                    static_cast<off_t>(offset));
  if (data == MAP_FAILED) return tl::unexpected(system_error("no memory for the board"));
  Mapping mapping(static_cast<std::uint8_t*>(data), size);
  mapping.make_sparse();
  for (const std::uint32_t page : in_use) mapping.pages_in_use_[page] = true;
  return mapping;
}

}  // namespace microvisor::board
