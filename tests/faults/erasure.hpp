// A device that changes hands and forgets its owner: the former owner's change of keys makes another signer
// the only one and asks for the application and its data to be erased.
#pragma once

#include <cstddef>
#include <string>

#include "tests/faults/update_kind.hpp"

namespace microvisor::tests {

/// Old: application, data in the NOR and signer of the former owner. New: the receiver's signer, and both
/// memories blank where the former owner's were.
class Erasure final : public UpdateKind {
 public:
  /// The application has `external` bytes in the NOR.
  Erasure(const std::string& application, std::size_t external, std::uint64_t seed);

  void begin_life(board::Board& board) override;
  [[nodiscard]] std::string application_starts(board::BoardMemories& memories) override;
  void look(board::BoardMemories& memories) override;
  [[nodiscard]] bool complete(Version version, board::BoardMemories& memories) override;
  void offer(Version version) override;

 private:
  static constexpr std::uint64_t kSequence = 10;

  [[nodiscard]] bool told_in_this_life();

  Application application_;
  protocol::SigningKey receiver_ = protocol::SigningKey::generate();
  protocol::Bytes change_;
  std::size_t told_before_ = 0;
};

}  // namespace microvisor::tests
