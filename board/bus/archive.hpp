// Serialisation of a unit's state, written beside the unit: one function lists the fields for both
// directions.
//
//   void serialise(Archive& archive) { archive(counter_, reload_, flags_); }
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

namespace microvisor::board {

class Archive {
 public:
  /// An archive that collects what is put into it.
  Archive() = default;
  /// An archive that gives back what `bytes` holds; reading past the end throws std::runtime_error.
  explicit Archive(std::span<const std::uint8_t> bytes) : loading_(true), input_(bytes) {}

  [[nodiscard]] bool loading() const { return loading_; }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return output_; }

  template <typename... Fields>
  void operator()(Fields&... fields) {
    (field(fields), ...);
  }

  /// A block of memory, as it is.
  void raw(std::span<std::uint8_t> block) {
    if (!loading_) {
      output_.insert(output_.end(), block.begin(), block.end());
      return;
    }
    if (input_.size() < block.size()) throw std::runtime_error("snapshot is cut short");
    std::memcpy(block.data(), input_.data(), block.size());
    input_ = input_.subspan(block.size());
  }

 private:
  template <typename Field>
  void field(Field& value) {
    static_assert(std::is_trivially_copyable_v<Field>, "list the members of a class one by one");
    raw({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
  }

  bool loading_ = false;
  std::vector<std::uint8_t> output_;
  std::span<const std::uint8_t> input_;
};

}  // namespace microvisor::board
