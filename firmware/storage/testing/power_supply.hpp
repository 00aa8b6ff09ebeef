// Power that fails when a test wants it to.
//
// Every operation that changes a memory asks the supply first. At the chosen operation the supply fails: the
// memory then leaves whatever half-done state its model knows, and PowerCut flies up to the test, which
// "switches on again" by making new objects over the same memories. A case is named by CutId, which a failing
// test prints and MICROVISOR_REPLAY takes.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

namespace microvisor::firmware::storage::testing {

struct PowerCut {};

/// Names one case of power loss: the operation at which it happens, and the seed that decides what is left
/// behind.
struct CutId {
  std::uint64_t operation = 0;
  std::uint32_t seed = 0;
  [[nodiscard]] std::string text() const { return std::to_string(operation) + ":" + std::to_string(seed); }
};

/// The case to replay, from the environment: MICROVISOR_REPLAY=operation:seed.
inline std::optional<CutId> replay_id() {
  const char* text = std::getenv("MICROVISOR_REPLAY");
  unsigned long long operation = 0;
  unsigned seed = 0;
  if (text == nullptr || std::sscanf(text, "%llu:%u", &operation, &seed) != 2) return std::nullopt;
  return CutId{operation, seed};
}

class PowerSupply {
 public:
  /// Fails at operation `id.operation` from now on (1: the next one).
  void cut(const CutId& id) {
    random_.seed(id.seed * 2654435761u + static_cast<std::uint32_t>(id.operation));
    cut_at_ = operations_ + id.operation;
  }
  void never_cut() { cut_at_ = 0; }

  /// True: the power fails during this operation. The memory leaves its half-done state and throws PowerCut.
  [[nodiscard]] bool fails_now() {
    ++operations_;
    if (cut_at_ == 0 || operations_ != cut_at_) return false;
    cut_at_ = 0;
    return true;
  }
  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] std::mt19937& random() { return random_; }

 private:
  std::uint64_t operations_ = 0;
  std::uint64_t cut_at_ = 0;
  std::mt19937 random_;
};

}  // namespace microvisor::firmware::storage::testing
