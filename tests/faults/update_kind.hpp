// What a power cut may hit: the kinds of change to a device, each with the old and the new version of
// something, and a gateway inside the process that offers the new one.
//
// A kind says what a device runs, from outside and without asking it; whoever cuts the power believes that
// alone. In every life of the device it must be the old or the new version, whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "board/board.hpp"
#include "firmware/image/image.hpp"
#include "protocol/bundle/manifest.hpp"
#include "tests/link/test_gateway.hpp"

namespace microvisor::tests {

/// Of every device here.
inline constexpr const char* kDeviceSid = "UV00112233445566778899aabbccddeeff";

enum class Version : std::uint8_t { Old, New };
[[nodiscard]] const char* to_string(Version version);

class UpdateKind {
 public:
  explicit UpdateKind(std::uint64_t seed);
  virtual ~UpdateKind();
  UpdateKind(const UpdateKind&) = delete;
  UpdateKind& operator=(const UpdateKind&) = delete;

  struct Application {
    protocol::Bytes image;
    std::vector<protocol::ExternalImage> external;
    protocol::Hash manifest{};
  };

  /// A provisioned board, as it leaves the factory.
  [[nodiscard]] board::BoardMemories factory_board();
  /// The gateway names what the device is to have. Old comes first, for a new device.
  virtual void offer(Version version) = 0;
  /// A device with the old version, switched off; from now on the gateway offers the new one.
  [[nodiscard]] board::BoardMemories before();

  /// A life of the device begins, nothing has been executed.
  virtual void begin_life(board::Board& board);
  /// An application is about to execute its first instruction. What is wrong with that; empty: nothing.
  [[nodiscard]] virtual std::string application_starts(board::BoardMemories& memories);
  /// The device has run for a moment: for what no application shows.
  virtual void look(board::BoardMemories& memories);
  /// What this life has shown to be in force; nothing yet: it has not come that far.
  [[nodiscard]] std::optional<Version> shown() const { return shown_; }
  /// `version` is in force and the gateway has been told so in this life or an earlier one.
  [[nodiscard]] virtual bool complete(Version version, board::BoardMemories& memories) = 0;

  /// How far it has come, as the device's journal says.
  [[nodiscard]] virtual std::string phase(const firmware::image::JournalState& journal) const {
    return journal.phase;
  }

  [[nodiscard]] test::TestGateway& gateway() { return gateway_; }
  [[nodiscard]] const firmware::image::Identity& identity() const { return identity_; }

 protected:
  [[nodiscard]] Application add_application(protocol::Bytes image,
                                            std::vector<protocol::ExternalImage> external = {});
  /// The image fills bank 1, with blank flash behind it, and what belongs to it stands in the NOR.
  [[nodiscard]] static bool is_installed(const Application& application, board::BoardMemories& memories);
  /// This is in force in this life.
  void show(Version version) { shown_ = version; }
  [[nodiscard]] const protocol::SigningKey& owner() const { return owner_; }

 private:
  std::uint64_t seed_;
  protocol::SigningKey owner_;
  test::TestGateway gateway_;
  firmware::image::Identity identity_;
  std::optional<Version> shown_;
};

/// Names for make_kind(), for people.
[[nodiscard]] std::vector<std::string> kind_names();
/// Throws std::runtime_error for a name that is none. `application` is an ELF file, for kinds that update
/// one.
[[nodiscard]] std::unique_ptr<UpdateKind> make_kind(std::string_view name, const std::string& application,
                                                    std::uint64_t seed);

/// The rows of bank 2 that cannot be read, as firmware::image wants them.
[[nodiscard]] std::vector<std::uint32_t> unreadable_rows(board::BoardMemories& memories);
[[nodiscard]] firmware::image::JournalState journal_of(board::BoardMemories& memories);

}  // namespace microvisor::tests
