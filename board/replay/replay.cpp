#include "board/replay/replay.hpp"

#include <fmt/core.h>

#include <optional>
#include <string>
#include <utility>

#include "board/modem/at_modem.hpp"
#include "board/modem/junction.hpp"
#include "board/modem/wifi_module.hpp"
#include "board/replay/inlet.hpp"

namespace microvisor::board {
namespace {

constexpr std::uint32_t kLpuart1 = 0x4600'2400;
constexpr std::uint32_t kUsart1 = 0x4001'3800;

/// What stands around the chip. Owned by the board, as one of its parts: it goes before the clock does on
/// which its events lie.
struct Surroundings {
  Surroundings(Board& board, const Recording& recording, Time since)
      : inlet(board.scheduler(), recording.inputs, since),
        modules(inlet),
        modem(board.scheduler(), modules.port(kBoardAddress)) {
    inlet.on_reset_pin([&board] { board.reset_pin(); });
    modem.attach(*board.serial(kLpuart1));
  }
  void fit_wifi(Board& board) {
    wifi.emplace(board.scheduler(), modules.port(kWifiAddress));
    wifi->attach(*board.serial(kUsart1));
  }
  ReplayedInlet inlet;
  Junction modules;
  AtModem modem;
  std::optional<WifiModule> wifi;
};

tl::unexpected<BoardError> differs(const std::string& how) {
  return tl::unexpected(
      BoardError{BoardError::Kind::Corrupt, "the replay differs from its recording: " + how});
}

std::string seconds(Time time) {
  return fmt::format("{:.6f} s", static_cast<double>(time) / static_cast<double>(kTicksPerSecond));
}

tl::expected<void, BoardError> compare_states(Board& board, const Recording& recording) {
  const auto snapshot = board.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  const Snapshot::Hash hash = (*snapshot)->hash();
  if (hash == *recording.hash) return {};
  return differs(fmt::format("state {} at {} instead of {}", to_string(hash), seconds(recording.end().time),
                             to_string(*recording.hash)));
}

}  // namespace

tl::expected<std::unique_ptr<Board>, BoardError> resume_recorded(const Recording& recording,
                                                                 const Snapshot& at, BoardOptions options) {
  if (!at.contents().parts.contains(kModemPart))
    return tl::unexpected(BoardError{BoardError::Kind::Missing, "the snapshot has no modem"});
  return Board::resume(at, std::move(options), [&](Board& board) {
    const auto around = std::make_shared<Surroundings>(board, recording, at.contents().time);
    board.include(kModemPart, [around](Archive& archive) { around->modem.serialise(archive); });
    if (!at.contents().parts.contains(kWifiPart)) return;
    around->fit_wifi(board);
    board.include(kWifiPart, [around](Archive& archive) { around->wifi->serialise(archive); });
  });
}

tl::expected<void, BoardError> replay(const Recording& recording, const Snapshot& beginning,
                                      BoardOptions options) {
  auto resumed = resume_recorded(recording, beginning, std::move(options));
  if (!resumed) return tl::unexpected(resumed.error());
  Board& board = **resumed;
  for (const Mark& mark : recording.marks) {
    const RunEnd end = board.run({.until = mark.time});
    if (end == RunEnd::PowerCut && !(recording.power_cut && mark == recording.end()))
      return differs("its power was cut at " + seconds(board.scheduler().now()));
    if (board.core().retired != mark.instructions) {
      return differs(fmt::format("{} instructions at {} instead of {}", board.core().retired,
                                 seconds(mark.time), mark.instructions));
    }
  }
  if (recording.hash) return compare_states(board, recording);
  return {};
}

}  // namespace microvisor::board
