#include "firmware/kernel/resident/server_log.hpp"
#include "firmware/sections.hpp"

#include <algorithm>
#include <array>

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t padded(std::uint32_t length) { return (length + 3) & ~3u; }

}  // namespace

MV_FLASH_CODE void ServerLog::reset() {
  buffer_ = size_ = head_ = tail_ = used_ = dropped_ = 0;
  pieces_.end();
  rate_.reset();
}

MV_FLASH_CODE abi::Status ServerLog::initialise(Address buffer, std::uint32_t size, MemoryClaims& claims) {
  if (initialised()) return abi::Status::UNAVAILABLE;
  if (size < kGranule || size % kGranule != 0 || size > kMaximumBuffer) return abi::Status::INVALIDBUFFERSIZE;
  if (!application_can_write(buffer, size)) return abi::Status::PARAMETERFAULT;
  if (buffer % kGranule != 0) return abi::Status::INVALIDBUFFERALIGNMENT;
  if (claims.overlaps(buffer, size) || !claims.add(buffer, size)) return abi::Status::BUFFERALREADYINUSE;
  buffer_ = buffer;
  size_ = size;
  return abi::Status::OKAY;
}

void ServerLog::put(const void* from, std::uint32_t size) {
  const std::uint32_t first = std::min(size, size_ - head_);
  copy_to_application(buffer_ + head_, from, first);
  if (first != size) {
    copy_to_application(buffer_, static_cast<const std::uint8_t*>(from) + first, size - first);
  }
  head_ = (head_ + size) % size_;
}

void ServerLog::copy_ahead(std::uint32_t ahead, Address from, std::uint32_t size) const {
  const std::uint32_t at = (head_ + ahead) % size_;
  const std::uint32_t first = std::min(size, size_ - at);
  copy_within_application(buffer_ + at, from, first);
  if (first != size) copy_within_application(buffer_, from + first, size - first);
}

MV_FLASH_CODE void ServerLog::get(void* to, std::uint32_t size) {
  const std::uint32_t first = std::min(size, size_ - tail_);
  copy_from_application(to, buffer_ + tail_, first);
  copy_from_application(static_cast<std::uint8_t*>(to) + first, buffer_, size - first);
  tail_ = (tail_ + size) % size_;
}

abi::Status ServerLog::log(Address message, std::uint32_t length, std::uint64_t now) {
  if (!initialised()) return abi::Status::UNAVAILABLE;
  if (length > kMaximumMessage) return abi::Status::LOGMESSAGETOOLONG;
  if (length == 0) return abi::Status::OKAY;
  if (!application_can_read(message, length)) return abi::Status::PARAMETERFAULT;
  const auto need = static_cast<std::uint32_t>(sizeof(Header)) + padded(length);
  if (need > size_ - used_) return drop();
  const auto piece = pieces_.next(caller, length);
  copy_ahead(sizeof(Header) + piece.from, message + piece.from, piece.size);
  if (!piece.last) return kAgain;
  if (!rate_.take(now)) return drop();
  const Header header{now, dropped_, length};
  dropped_ = 0;
  put(&header, sizeof header);
  head_ = (head_ + padded(length)) % size_;
  used_ += need;
  return abi::Status::OKAY;
}

MV_FLASH_CODE bool ServerLog::take(Record& record, std::span<std::uint8_t> text) {
  if (used_ == 0) return false;
  Header header{};
  get(&header, sizeof header);
  const auto need = static_cast<std::uint32_t>(sizeof header) + padded(header.length);
  if (header.length > kMaximumMessage || header.length > text.size() || need > used_) {
    head_ = tail_ = used_ = 0;  // the application has overwritten its own log
    pieces_.end();
    ++dropped_;
    return false;
  }
  get(text.data(), header.length);
  tail_ = (tail_ + padded(header.length) - header.length) % size_;
  used_ -= need;
  record = {header.logged_at, header.dropped, header.length};
  return true;
}

}  // namespace microvisor::firmware::kernel
