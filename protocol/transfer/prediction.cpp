// See prediction.hpp: the rules of FORMAT.md, "Prediction", for one instruction or word at a time.
#include "protocol/transfer/prediction.hpp"

#include "protocol/transfer/thumb.hpp"

namespace microvisor::protocol::transfer {

bool AddressMap::append(Entry entry) {
  if (count_ == entries_.size() || (count_ > 0 && entry.start <= entries_[count_ - 1].start)) return false;
  entries_[count_++] = entry;
  return true;
}

std::uint32_t AddressMap::moved(std::uint32_t address) const {
  std::uint32_t index = count_;
  while (index > 0 && entries_[index - 1].start > address) --index;
  return index == 0 ? address : address + entries_[index - 1].shift;
}

void Predictor::start(std::uint32_t base_offset, std::uint32_t object_offset) {
  position_ = base_offset;
  object_position_ = object_offset;
  ready_ = 0;
}

std::uint8_t Predictor::next() {
  if (ready_ == 0) predict();
  const std::uint8_t byte = predicted_[size_ - ready_];
  --ready_;
  ++position_;
  ++object_position_;
  return byte;
}

std::uint32_t Predictor::half(std::uint32_t offset) const {
  return base_[offset] | static_cast<std::uint32_t>(base_[offset + 1]) << 8;
}

void Predictor::store(std::uint32_t low, std::uint32_t high) {
  predicted_ = {static_cast<std::uint8_t>(low), static_cast<std::uint8_t>(low >> 8),
                static_cast<std::uint8_t>(high), static_cast<std::uint8_t>(high >> 8)};
  size_ = ready_ = 4;
}

void Predictor::predict() {
  predicted_[0] = base_[position_];
  size_ = ready_ = 1;
  if (map_.entries().empty() || position_ % 2 != 0 || object_position_ % 2 != 0 || left() < 4) return;
  std::uint32_t low = half(position_);
  std::uint32_t high = half(position_ + 2);
  if (position_ % 4 == 0 && object_position_ % 4 == 0) {
    const std::uint32_t word = high << 16 | low;
    if (const std::uint32_t moved = map_.moved(word); moved != word)
      return store(moved & 0xFFFFU, moved >> 16);
  }
  if (ThumbBranch::is_branch(low, high)) {
    const std::uint32_t target = base_address_ + position_ + 4 + ThumbBranch::distance(low, high);
    const std::uint32_t distance = map_.moved(target) - (base_address_ + object_position_ + 4);
    if (ThumbBranch::set_distance(low, high, distance)) return store(low, high);
  }
  if (ThumbBranch::is_wide(low)) return store(low, high);
  predicted_[1] = base_[position_ + 1];
  size_ = ready_ = 2;
}

}  // namespace microvisor::protocol::transfer
