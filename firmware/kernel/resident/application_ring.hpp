// A ring in the application's memory. Positions are the kernel's own: whatever the application does to the
// bytes, nothing outside of the ring is touched.
#pragma once

#include <cstdint>

#include "firmware/kernel/resident/application_memory.hpp"

namespace microvisor::firmware::kernel {

class ApplicationRing {
 public:
  void attach(Address address, std::uint32_t size) {
    address_ = address;
    size_ = size;
    tail_ = used_ = 0;
  }
  [[nodiscard]] Address address() const { return address_; }
  [[nodiscard]] std::uint32_t used() const { return used_; }
  [[nodiscard]] std::uint32_t room() const { return size_ - used_; }
  /// Address and number of the unread bytes that lie in one piece.
  [[nodiscard]] Address unread() const { return address_ + tail_; }
  [[nodiscard]] std::uint32_t contiguous() const { return used_ < size_ - tail_ ? used_ : size_ - tail_; }

  // Adding. What is put `ahead` bytes behind the last one is not part of the content before commit().
  void put_ahead(std::uint32_t ahead, const void* from, std::uint32_t size);
  /// The bytes are the application's, and have been checked.
  void copy_ahead(std::uint32_t ahead, Address from, std::uint32_t size);
  void commit(std::uint32_t size) { used_ += size; }
  void put(const void* from, std::uint32_t size) {
    put_ahead(0, from, size);
    commit(size);
  }

  // Reading what is `ahead` bytes behind the oldest one, without taking it out.
  void peek(void* to, std::uint32_t ahead, std::uint32_t size) const;
  /// To where the application wants it; that has been checked.
  void copy_out(Address to, std::uint32_t ahead, std::uint32_t size) const;
  void get(void* to, std::uint32_t size) {
    peek(to, 0, size);
    skip(size);
  }
  void skip(std::uint32_t size) {
    tail_ = (tail_ + size) % size_;
    used_ -= size;
  }

 private:
  struct Span {
    std::uint32_t at, first;  // where it begins, and how much of it lies before the ring's end
  };
  [[nodiscard]] Span span(std::uint32_t from_tail, std::uint32_t size) const {
    const std::uint32_t at = (tail_ + from_tail) % size_;
    return {at, size < size_ - at ? size : size_ - at};
  }

  Address address_ = 0;
  std::uint32_t size_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t used_ = 0;
};

}  // namespace microvisor::firmware::kernel
