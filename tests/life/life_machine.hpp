// A device on the virtual board with its gateway inside the process: applications come over the air with
// their policies, and what they write on USART2 and what the gateway hears is what a test looks at.
//
// No sockets and no host time: a run is a function of the image and of what the test does.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "board/board.hpp"
#include "board/modem/at_modem.hpp"
#include "board/modem/joined_network.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_gateway.hpp"

namespace microvisor::test {

class LifeMachine {
 public:
  static constexpr const char* kSid = "UV00112233445566778899aabbccddeeff";

  /// `certificate_size`: bytes that all certificates are filled up to; 0: as small as they are.
  /// `bits_per_second`: of the network to the device; 0: without limit.
  explicit LifeMachine(std::size_t certificate_size = 0, std::uint64_t bits_per_second = 0);
  ~LifeMachine();

  /// Names a guest of guests/ the target, with these policies and up to three words as its parameters.
  void deploy(const std::string& guest, const protocol::BundleOptions& options,
              std::initializer_list<std::uint32_t> parameters = {});
  void deploy(const std::string& guest, const protocol::BundleOptions& options, std::uint32_t parameter) {
    deploy(guest, options, {parameter});
  }
  /// The same with any flash image.
  void deploy_image(const protocol::Bytes& image, const protocol::BundleOptions& options = {});
  /// Runs until `done`, asked every millisecond of board time, or for `seconds`. True if `done`.
  [[nodiscard]] bool run_until(const std::function<bool()>& done, double seconds);
  /// Runs until a line that begins with `start` has come since the last call of this function; empty if it
  /// does not come within `seconds`. The lines before it are passed over.
  [[nodiscard]] std::string await_line(const std::string& start, double seconds);

  [[nodiscard]] double now() const;
  [[nodiscard]] unsigned lines_with(const std::string& start) const;
  [[nodiscard]] board::Board& board() { return *board_; }
  [[nodiscard]] std::string describe();
  /// While false, nobody answers the device's calls to the gateway.
  bool reachable = true;

  protocol::SigningKey owner = protocol::SigningKey::generate();
  TestGateway gateway;
  std::vector<std::string> lines;  // of USART2
  std::vector<double> line_times;

 private:
  class Terminal;
  std::vector<std::string> reports_;
  std::size_t passed_ = 0;
  std::unique_ptr<Terminal> terminal_;
  std::unique_ptr<board::Board> board_;
  std::unique_ptr<board::JoinedNetwork> network_;
  std::unique_ptr<board::AtModem> modem_;
};

}  // namespace microvisor::test
