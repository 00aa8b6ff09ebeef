// A whole device on the joined network that updates itself over the air: board, modem, and a gateway inside
// the process, so that a run is a function of its seeds.
//
// A device is one life of the board, from power-on to power-off; its memories go from life to life. In every
// life, whatever starts as the application must be the old or the new one, whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "board/board.hpp"
#include "board/fault/fault.hpp"
#include "board/modem/at_modem.hpp"
#include "board/modem/joined_network.hpp"
#include "firmware/image/image.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_gateway.hpp"

namespace microvisor::tests {

/// The gateway, and the two applications it can deploy.
class UpdateServer {
 public:
  /// `application` is an ELF file; the two versions differ in what stands behind it.
  UpdateServer(const std::string& application, std::uint64_t seed);

  /// A provisioned board's memories, as they leave the factory.
  [[nodiscard]] board::BoardMemories factory_board();
  /// Names version 0 or 1 as the target of every device that connects from now on.
  void deploy(std::size_t version);
  /// The version whose image fills the bank, exactly and to its end; empty if it is none.
  [[nodiscard]] std::optional<std::size_t> version_in(std::span<const std::uint8_t> bank) const;
  /// Manifest hash of a version.
  [[nodiscard]] const protocol::Hash& manifest(std::size_t version) const { return manifests_[version]; }
  [[nodiscard]] const protocol::Bytes& image(std::size_t version) const { return images_[version]; }
  /// What factory_board() has provisioned last.
  [[nodiscard]] const firmware::image::Identity& identity() const { return identity_; }
  [[nodiscard]] test::TestGateway& gateway() { return gateway_; }

 private:
  static constexpr const char* kSid = "UV00112233445566778899aabbccddeeff";

  std::uint64_t seed_;
  protocol::SigningKey owner_;
  test::TestGateway gateway_{kSid};
  firmware::image::Identity identity_;
  protocol::Bytes images_[2];
  protocol::Hash manifests_[2];
};

class UpdatingDevice {
 public:
  /// Switches on.
  UpdatingDevice(UpdateServer& server, board::BoardMemories memories);

  /// Runs until this version has started, has been reported complete and is what the journal says; empty
  /// then, else what is wrong. Ends early, and empty, if the power is cut.
  [[nodiscard]] std::string run_until_complete(std::size_t version);
  /// What the update journal says, read from outside.
  [[nodiscard]] firmware::image::JournalState journal();
  /// The version that has started in this life.
  [[nodiscard]] std::optional<std::size_t> running() const { return running_; }
  [[nodiscard]] bool power_was_cut() { return !memories().supply().on(); }
  [[nodiscard]] std::uint64_t instructions() const { return board_->statistics().instructions; }
  [[nodiscard]] board::Board& board() { return *board_; }
  [[nodiscard]] board::BoardMemories& memories() { return board_->memories(); }
  /// Ends this life: what remains without power.
  [[nodiscard]] board::BoardMemories switch_off();
  /// As switch_off(), in a process that has been forked off in the middle of one of the board's instructions:
  /// nothing of the board may be destroyed.
  [[nodiscard]] board::BoardMemories abandon();

 private:
  void application_starts();
  [[nodiscard]] bool complete(std::size_t version);

  UpdateServer& server_;
  std::unique_ptr<board::Board> board_;
  std::unique_ptr<board::JoinedNetwork> network_;
  std::unique_ptr<board::AtModem> modem_;
  std::optional<std::size_t> running_;
  std::string problem_;
};

}  // namespace microvisor::tests
