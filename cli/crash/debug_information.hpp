// What an ELF file says of its code: which line of which function an address is (DWARF), and how the caller's
// registers are found from those of the called (.debug_frame; AADWARF32, "DWARF for the Arm Architecture").
//
// Reads by libdw, which takes the file as data; a damaged one answers less. Belongs to whoever has opened it;
// not for several threads at once.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tl/expected.hpp>
#include <vector>

namespace microvisor::cli {

/// A place in a source text.
struct SourcePlace {
  std::string function;
  std::string file;  ///< as the compiler was given it, below its working directory without that; may be empty
  unsigned line = 0;     ///< 0: not known
  bool inlined = false;  ///< the function has been made part of the next place's
};

/// r0 to r15, as far as they are known.
using KnownRegisters = std::array<std::optional<std::uint32_t>, 16>;

/// A word of the stopped program's memory.
using ReadWord = std::function<std::optional<std::uint32_t>(std::uint32_t address)>;

/// One step from a function to its caller.
struct CallerStep {
  enum class End : std::uint8_t {
    Caller,           ///< `registers` are the caller's; its pc is the return address as it was saved
    NoInformation,    ///< nothing is said of this address
    Outermost,        ///< the function does not keep its return address
    MissingRegister,  ///< `number` is needed and not known
    MissingMemory,    ///< the word at `address` is needed and not known
  };
  End end = End::NoInformation;
  KnownRegisters registers{};
  unsigned number = 0;
  std::uint32_t address = 0;
};

class DebugInformation {
 public:
  /// Of a whole ELF file, which is kept. The error is one line; a file without debug information is none.
  [[nodiscard]] static tl::expected<DebugInformation, std::string> parse(std::vector<std::uint8_t> file);
  /// Of no file: knows nothing.
  DebugInformation();
  ~DebugInformation();
  DebugInformation(DebugInformation&&) noexcept;
  DebugInformation& operator=(DebugInformation&&) noexcept;
  DebugInformation(const DebugInformation&) = delete;
  DebugInformation& operator=(const DebugInformation&) = delete;

  [[nodiscard]] bool has_call_frames() const;
  /// Where the instruction at `address` comes from: the innermost function first, then those that it has been
  /// inlined into. Empty if nothing is known.
  [[nodiscard]] std::vector<SourcePlace> places_of(std::uint32_t address) const;
  /// The caller of the code at `address`, when these are its registers. `interrupted`: the code has not
  /// called anything, so that lr may still be its return address.
  [[nodiscard]] CallerStep caller_of(std::uint32_t address, const KnownRegisters& registers, bool interrupted,
                                     const ReadWord& read) const;

 private:
  struct File;
  explicit DebugInformation(std::unique_ptr<File> file);
  std::unique_ptr<File> file_;  // null: of no file
};

}  // namespace microvisor::cli
