// An application that is updated: the kind of update that others vary, and tests use by itself.
#pragma once

#include <cstddef>
#include <string>

#include "tests/faults/update_kind.hpp"

namespace microvisor::tests {

/// The image of an ELF file. Throws std::runtime_error if it is no application.
[[nodiscard]] protocol::Bytes image_of(const std::string& path);

/// An application fetched whole, `size` bytes of it; the two versions differ in what stands behind the
/// program.
class ApplicationUpdate : public UpdateKind {
 public:
  /// With `external` bytes in the NOR.
  ApplicationUpdate(const std::string& application, std::size_t size, std::size_t external,
                    std::uint64_t seed);

  [[nodiscard]] std::string application_starts(board::BoardMemories& memories) override;
  [[nodiscard]] bool complete(Version version, board::BoardMemories& memories) override;
  void offer(Version version) override;
  [[nodiscard]] Application& of(Version version) { return applications_[static_cast<std::size_t>(version)]; }

 protected:
  /// For others that make the two versions.
  explicit ApplicationUpdate(std::uint64_t seed) : UpdateKind(seed) {}

 private:
  Application applications_[2];
};

}  // namespace microvisor::tests
