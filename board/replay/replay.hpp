// Boards that are run again from a recording: what comes to them from outside is what the recording has.
//
// Such a board has a modem with nothing behind it, and needs neither network nor files. It can begin at the
// recording's beginning or at a snapshot of another board of the same recording.
#pragma once

#include <memory>
#include <tl/expected.hpp>

#include "board/board.hpp"
#include "board/replay/recording.hpp"
#include "board/snapshot/snapshot.hpp"

namespace microvisor::board {

/// The name of the modem among the parts of a snapshot.
inline constexpr const char* kModemPart = "modem";
inline constexpr const char* kWifiPart = "wifi";

/// The recording must outlive the board. Missing (the snapshot has parts around the chip that a replay does
/// not have), Corrupt, System.
[[nodiscard]] tl::expected<std::unique_ptr<Board>, BoardError> resume_recorded(const Recording& recording,
                                                                               const Snapshot& at,
                                                                               BoardOptions options = {});

/// Runs a recording from its beginning to its end. The error Corrupt says where the replay left the
/// recording; what can cause that is a recording that was changed, or another program than recorded it.
[[nodiscard]] tl::expected<void, BoardError> replay(const Recording& recording, const Snapshot& beginning,
                                                    BoardOptions options = {});

}  // namespace microvisor::board
