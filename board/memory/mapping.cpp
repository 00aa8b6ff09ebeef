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
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
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
  close(descriptor);
  if (data == MAP_FAILED) return tl::unexpected(system_error("cannot map " + path.string()));
  return Mapping(static_cast<std::uint8_t*>(data), size);
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
