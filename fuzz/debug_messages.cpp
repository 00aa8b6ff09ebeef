// Messages of debug sessions: readers stay within what they are given, what has been read is written as the
// same bytes, and what does not fit is not written at all.
#include <algorithm>
#include <array>

#include "fuzz/input.hpp"
#include "protocol/debug/messages.hpp"

namespace debug = microvisor::protocol::debug;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;

namespace {

using Bytes = std::span<const std::uint8_t>;

bool put(debug::Writer& writer, const debug::Command& command) { return writer.put(command); }

bool put(debug::Writer& writer, const debug::Item& item) {
  switch (item.kind) {
    case debug::ItemKind::Answer: return writer.put(item.answer);
    case debug::ItemKind::Stopped: return writer.put(item.stopped);
    case debug::ItemKind::Restarted: return writer.put_restarted(item.wake_reason);
    case debug::ItemKind::Ended: return writer.put_ended(item.end_reason);
  }
  return false;
}

template <class What>
void read(Bytes message, std::size_t room) {
  std::array<std::uint8_t, debug::kMaximumMessage> out{};
  debug::Writer writer(out);
  std::array<std::uint8_t, debug::kMaximumMessage> little{};
  debug::Writer small(std::span(little).first(room));
  debug::Reader reader(message);
  What what;
  while (reader.next(what) == debug::Reader::Result::Taken) {
    require(put(writer, what));
    const std::size_t before = small.size();
    if (put(small, what)) continue;
    require(small.size() == before);
  }
  require(std::equal(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(writer.size()), message.begin()));
  require(std::all_of(little.begin() + static_cast<std::ptrdiff_t>(room), little.end(),
                      [](std::uint8_t byte) { return byte == 0; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool commands = input.choose(2) == 0;
  const std::size_t room = 8 * input.choose(256);
  const Bytes message = input.rest().first(std::min(input.rest().size(), debug::kMaximumMessage));
  if (commands) {
    read<debug::Command>(message, room);
  } else {
    read<debug::Item>(message, room);
  }
  return 0;
}
