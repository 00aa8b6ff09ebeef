// Serialisation of a unit's state, written beside the unit: one function lists the fields for both
// directions.
//
//   void serialise(Archive& archive) { archive(counter_, reload_, flags_); }
//
// One rule: the bytes are a function of the state alone. Structures are therefore taken apart into their
// members, so that padding, whose contents are nobody's, never gets in; numbers are little-endian.
#pragma once

#include <array>
#include <bit>
#include <boost/pfr.hpp>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
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
  /// What was collected, and with it the end of this archive.
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(output_); }
  /// Everything has been given back.
  [[nodiscard]] bool exhausted() const { return input_.empty(); }

  template <typename... Fields>
  void operator()(Fields&... fields) {
    (field(fields), ...);
  }

  /// A block of memory, as it is.
  void raw(std::span<std::uint8_t> block) {
    if (!loading_) return append(block);
    if (input_.size() < block.size()) throw std::runtime_error("snapshot is cut short");
    if (block.empty()) return;  // neither side need have an address then
    std::memcpy(block.data(), input_.data(), block.size());
    input_ = input_.subspan(block.size());
  }
  /// Collects a block of memory that must not be changed.
  void append(std::span<const std::uint8_t> block) {
    output_.insert(output_.end(), block.begin(), block.end());
  }

 private:
  static_assert(std::endian::native == std::endian::little, "snapshots are little-endian");

  template <typename Field>
  void field(Field& value) {
    if constexpr (requires { value.serialise(*this); }) {
      value.serialise(*this);
    } else if constexpr (std::has_unique_object_representations_v<Field>) {
      static_assert(std::is_trivially_copyable_v<Field>, "list the members of a class one by one");
      raw({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
    } else {
      static_assert(std::is_aggregate_v<Field>, "a class with padding needs a serialise() of its own");
      boost::pfr::for_each_field(value, [this](auto& member) { field(member); });
    }
  }
  template <typename Element, std::size_t kSize>
  void field(std::array<Element, kSize>& values) {
    if constexpr (std::has_unique_object_representations_v<Element>) {
      raw({reinterpret_cast<std::uint8_t*>(values.data()), sizeof values});
    } else {
      for (Element& value : values) field(value);
    }
  }
  template <typename Value>
  void field(std::optional<Value>& value) {
    bool present = value.has_value();
    field(present);
    if (loading_) value = present ? std::optional<Value>(Value{}) : std::nullopt;
    if (present) field(*value);
  }
  /// Strings, vectors and queues of plain elements: how many, then each.
  template <typename Sequence>
  requires requires(Sequence sequence) { sequence.push_back(*sequence.begin()); }
  void field(Sequence& sequence) {
    auto count = static_cast<std::uint32_t>(sequence.size());
    field(count);
    if (loading_) {
      if (count > input_.size()) throw std::runtime_error("snapshot is cut short");
      sequence.resize(count);
    }
    if constexpr (std::is_same_v<Sequence, std::vector<std::uint8_t>>) {
      raw(sequence);
    } else {
      for (auto& element : sequence) field(element);
    }
  }

  bool loading_ = false;
  std::vector<std::uint8_t> output_;
  std::span<const std::uint8_t> input_;
};

}  // namespace microvisor::board
