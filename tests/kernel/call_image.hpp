// One call with arguments as an application would give them, laid out in the application's RAM from what abi/
// says about the call; and all its pointers, wherever they stand, so that a test can aim each somewhere else.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "abi/shapes.hpp"

namespace microvisor::tests {

/// A register r0 to r3, or a word of RAM.
struct Word {
  bool in_register = false;
  std::uint32_t at = 0;  ///< number of the register, or address
};

/// A pointer of the call.
struct AimedPointer {
  std::string name;  ///< "request.url.data"
  Word word;
  bool written = false;  ///< the call writes where it leads to
  std::uint32_t target = 0;
  std::uint32_t bytes = 0;  ///< extent of what it leads to
  bool counted = false;     ///< `extent` tells how much there is
  Word extent;
};

/// A handle among the arguments or in their structures; `indirect` if an argument leads to it.
struct HandleWord {
  Word word;
  abi::HandleType type{};
};

enum class Amount { Typical, Largest };

class CallImage {
 public:
  /// `handles`: a valid one of each kind. The structures are laid out from `arena` on.
  CallImage(const abi::CallShape& call, std::span<const std::uint32_t, 6> handles, std::uint32_t arena,
            Amount amount = Amount::Typical);

  [[nodiscard]] const abi::CallShape& call() const { return *call_; }
  [[nodiscard]] const std::array<std::uint32_t, 4>& registers() const { return registers_; }
  /// Words of RAM that are not zero, by address.
  [[nodiscard]] const std::map<std::uint32_t, std::uint32_t>& words() const { return words_; }
  [[nodiscard]] const std::vector<AimedPointer>& pointers() const { return pointers_; }
  [[nodiscard]] const std::vector<HandleWord>& handles() const { return handles_; }

  [[nodiscard]] std::uint32_t get(Word word) const;
  void set(Word word, std::uint32_t value);

 private:
  [[nodiscard]] std::uint32_t allocate(std::uint32_t bytes);
  void lay_out(const abi::Pointer& pointer, std::string_view owner, const std::string& prefix, Word word,
               Word extent);
  void lay_out(const abi::Structure& structure, const std::string& prefix, std::uint32_t address);
  [[nodiscard]] std::optional<std::uint32_t> amount_of(std::string_view owner, std::string_view name,
                                                       std::uint32_t place) const;
  [[nodiscard]] std::string text_for(const std::string& name, std::uint32_t bytes) const;
  void put_text(std::uint32_t address, std::string_view text);

  const abi::CallShape* call_;
  std::span<const std::uint32_t, 6> valid_;
  Amount amount_;
  std::uint32_t next_;
  std::array<std::uint32_t, 4> registers_{};
  std::map<std::uint32_t, std::uint32_t> words_;
  std::vector<AimedPointer> pointers_;
  std::vector<HandleWord> handles_;
};

}  // namespace microvisor::tests
