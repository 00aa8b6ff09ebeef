// A whole virtual device with an application already installed: what is tested is the kernel image as it
// would be flashed, boot chain included.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "board/board.hpp"
#include "board/modem/at_modem.hpp"
#include "board/snapshot/snapshot.hpp"
#include "firmware/image/image.hpp"

namespace microvisor::tests {

/// The word the hostile guest finds at this offset in its flash, and the two behind it.
inline constexpr std::uint32_t kGuestParameters = 0x400;

struct GuestParameters {
  std::uint32_t kind = 0;
  std::uint32_t address = 0;
  std::uint32_t value = 0;
};

/// Address of a symbol of kernel.elf, by its whole demangled name. Throws if there is none.
[[nodiscard]] std::uint32_t kernel_symbol(const std::string& name);

/// The same of a program in guests/.
[[nodiscard]] std::uint32_t guest_symbol(const std::string& guest, const std::string& name);

/// A guest as the layer of a bundle, with its parameters.
[[nodiscard]] std::vector<std::uint8_t> guest_image(const std::string& guest,
                                                    const GuestParameters& parameters);

/// What the device of a machine is, where it matters.
struct KernelMachineSetup {
  std::string guest;  // name of a program in guests/
  GuestParameters parameters{};
  bool factory_test = false;  // the device is in the factory's test mode
  std::optional<firmware::image::Identity> identity{};
  std::vector<std::uint8_t> manifest{};  // of the installed application, for its policies; may be empty
};

class KernelMachine {
 public:
  explicit KernelMachine(const KernelMachineSetup& setup);
  /// `guest` is the name of a program in guests/. Its parameters are written into its flash.
  explicit KernelMachine(const std::string& guest, GuestParameters parameters = {});
  /// The machine of a snapshot. With a modem if that had one.
  explicit KernelMachine(const board::Snapshot& snapshot);
  ~KernelMachine();

  /// Runs until a line on USART2 equals or begins with `start`; nothing if `milliseconds` of board time pass
  /// before.
  std::optional<std::string> run_until_line(const std::string& start, std::uint64_t milliseconds);
  void run(std::uint64_t milliseconds);

  /// Puts a modem on the module's line, behind which nobody ever answers.
  void attach_modem();
  /// The same with a network behind it.
  void attach_modem(std::unique_ptr<board::Network> network);

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
  [[nodiscard]] unsigned count(const std::string& start) const;
  /// The number of the first line "NAME NUMBER"; all ones if there is none.
  [[nodiscard]] std::uint32_t value_of(const std::string& name) const;
  [[nodiscard]] board::Board& board() { return *board_; }
  [[nodiscard]] double seconds() const;
  /// Value of a 32-bit variable of the kernel, by its demangled name as the symbol table of kernel.elf has
  /// it.
  [[nodiscard]] std::uint32_t kernel_word(const std::string& symbol, std::uint32_t offset = 0);
  [[nodiscard]] std::uint32_t word(std::uint32_t address);
  /// Whether the reports that wait for the link contain `text`.
  [[nodiscard]] bool has_reported(const std::string& text);

  /// Called for each change of an output pin, with the instructions retired so far.
  std::function<void(board::PinId, bool, std::uint64_t)> on_pin;

 private:
  class Terminal;
  class Silence;
  void connect(board::Board& board);
  void attach_modem(board::Board& board, std::unique_ptr<board::Network> network);
  std::vector<std::string> lines_;
  std::vector<std::string> reports_;
  std::unique_ptr<Terminal> terminal_;
  std::unique_ptr<board::Board> board_;
  std::unique_ptr<board::Network> network_;
  std::unique_ptr<board::AtModem> modem_;
};

}  // namespace microvisor::tests
