// Recordings of boards, of any bytes: what is read stays within them, its times do not go back, and written
// again it is read as the same. Every other input is put behind a start that is in order, as contents of
// entries whose checksums fit, for a change of them seldom gets past those.
#include "board/replay/recording.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/input.hpp"

namespace board = microvisor::board;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;

namespace {

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

/// Entries of any kind, one after another: kind, step of time, length, contents.
Bytes entries_of(std::span<const std::uint8_t> data) {
  Bytes file = board::recording_header(3);
  append(file, {1, 2, 3});
  board::Time time = 0;
  while (data.size() >= 3) {
    const auto kind = static_cast<board::EntryKind>(data[0] % 7);
    time += data[1];
    const std::size_t length = std::min<std::size_t>(data[2], data.size() - 3);
    append(file, board::recording_entry(kind, time, data.subspan(3, length)));
    data = data.subspan(3 + length);
  }
  return file;
}

void require_in_order(const board::Recording& recording, std::span<const std::uint8_t> file) {
  require(recording.snapshot.data() >= file.data() &&
          recording.snapshot.data() + recording.snapshot.size() <= file.data() + file.size());
  require(!recording.marks.empty());
  require(std::ranges::is_sorted(recording.inputs, {}, &board::Input::due));
  require(std::ranges::is_sorted(recording.marks, {}, &board::Mark::time));
  require(std::ranges::is_sorted(recording.marks, {}, &board::Mark::instructions));
  for (const board::Input& input : recording.inputs) require(input.bytes.size() <= board::kMaximumPacket);
  require(!(recording.hash && recording.power_cut));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool as_entries = input.choose(2) == 1;
  const Bytes file = as_entries ? entries_of(input.rest()) : Bytes(input.rest().begin(), input.rest().end());
  const auto recording = board::parse_recording(file, "it");
  if (!recording) {
    require(!recording.error().message.empty() && recording.error().message.find('\n') == std::string::npos);
    return 0;
  }
  require_in_order(*recording, file);
  // Cut by a byte it is another recording, or none, and never a longer one.
  const auto shorter = board::parse_recording(std::span(file).first(file.size() - 1), "it");
  require(!shorter || (shorter->inputs.size() <= recording->inputs.size() && shorter->cut_off()));
  return 0;
}
