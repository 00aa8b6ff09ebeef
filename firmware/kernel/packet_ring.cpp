// Positions are multiples of 4 below the size, so a word never lies across the end.
#include "firmware/kernel/packet_ring.hpp"

#include <algorithm>

namespace microvisor::firmware::kernel {

namespace {

constexpr std::uint32_t kPut = offsetof(abi::PacketRing, put), kTaken = offsetof(abi::PacketRing, taken);

}  // namespace

void PacketRing::attach(Address buffer, std::uint32_t size, Side side) {
  buffer_ = buffer;
  size_ = size - static_cast<std::uint32_t>(sizeof(abi::PacketRing));
  ours_ = 0;
  side_ = side;
  const abi::PacketRing empty{0, 0};
  copy_to_application(buffer, &empty, sizeof empty);
}

std::optional<std::uint32_t> PacketRing::used() const {
  std::uint32_t theirs = 0;
  copy_from_application(&theirs, buffer_ + (side_ == Side::PutsIn ? kTaken : kPut), sizeof theirs);
  if (theirs >= size_ || theirs % kWord != 0) return std::nullopt;
  const std::uint32_t put = side_ == Side::PutsIn ? ours_ : theirs;
  const std::uint32_t taken = side_ == Side::PutsIn ? theirs : ours_;
  return put >= taken ? put - taken : put + size_ - taken;
}

PacketRing::Part PacketRing::part(std::uint32_t ahead, std::uint32_t size) const {
  const std::uint32_t at = (ours_ + ahead) % size_;
  return {data() + at, std::min(size, size_ - at)};
}

void PacketRing::read(std::uint32_t ahead, void* to, std::uint32_t size) const {
  const auto [at, first] = part(ahead, size);
  copy_from_application(to, at, first);
  if (first != size) copy_from_application(static_cast<std::uint8_t*>(to) + first, data(), size - first);
}

void PacketRing::write(std::uint32_t ahead, const void* from, std::uint32_t size) {
  const auto [at, first] = part(ahead, size);
  copy_to_application(at, from, first);
  if (first != size)
    copy_to_application(data(), static_cast<const std::uint8_t*>(from) + first, size - first);
}

void PacketRing::advance(std::uint32_t size) {
  ours_ = (ours_ + size) % size_;
  copy_to_application(buffer_ + (side_ == Side::PutsIn ? kPut : kTaken), &ours_, sizeof ours_);
}

}  // namespace microvisor::firmware::kernel
