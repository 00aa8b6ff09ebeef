#include "board/replay/recorder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "board/snapshot/snapshot.hpp"

namespace microvisor::board {

tl::expected<std::unique_ptr<Recorder>, BoardError> Recorder::begin(const std::filesystem::path& file,
                                                                    Board& board, LiveInlet& inlet) {
  const auto snapshot = board.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    return tl::unexpected(
        BoardError{BoardError::Kind::System, "cannot write " + file.string() + ": " + std::strerror(errno)});
  }
  std::unique_ptr<Recorder> recorder(new Recorder(descriptor, file, board, inlet));
  const FileBytes contents = (*snapshot)->file();
  recorder->write(recording_header(contents.size()));
  recorder->write(contents);
  recorder->write(recording_entry(EntryKind::Mark, recorder->latest_, recorder->progress()));
  if (auto begun = recorder->outcome(); !begun) return tl::unexpected(begun.error());
  return recorder;
}

Recorder::Recorder(int descriptor, std::filesystem::path file, Board& board, LiveInlet& inlet)
    : descriptor_(descriptor),
      file_(std::move(file)),
      board_(board),
      inlet_(inlet),
      latest_(board.scheduler().now()) {
  inlet_.on_input([this](const Input& input) { note(input); });
  inlet_.on_look([this] { mark_now_and_then(); });
}

Recorder::~Recorder() {
  inlet_.on_input({});
  inlet_.on_look({});
  close(descriptor_);
}

void Recorder::write(const FileBytes& bytes) {
  std::span<const std::uint8_t> rest = bytes;
  while (!rest.empty() && error_ == 0) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno != EINTR) error_ = errno;
    if (written > 0) rest = rest.subspan(static_cast<std::size_t>(written));
  }
}

void Recorder::note(const Input& input) {
  latest_ = input.due;
  const bool packet = input.kind == Input::Kind::Packet;
  write(recording_entry(packet ? EntryKind::Packet : EntryKind::ResetPin, input.due, input.bytes));
}

void Recorder::mark_now_and_then() {
  const Time now = board_.scheduler().now();
  if (now < latest_ + kMarkInterval) return;
  latest_ = now;
  write(recording_entry(EntryKind::Mark, now, progress()));
}

FileBytes Recorder::progress() const {
  FileBytes bytes;
  append_number(bytes, board_.core().retired, 8);
  return bytes;
}

tl::expected<void, BoardError> Recorder::end(RunEnd end) {
  if (end == RunEnd::Idle) end = RunEnd::Stopped;
  while (end == RunEnd::Stopped) end = board_.run({.until = board_.scheduler().now() + 1});
  const Time now = board_.scheduler().now();
  if (end == RunEnd::PowerCut) {
    write(recording_entry(EntryKind::PowerCut, now, progress()));
    return outcome();
  }
  const auto snapshot = board_.snapshot();
  if (!snapshot) return tl::unexpected(snapshot.error());
  FileBytes contents = progress();
  const Snapshot::Hash hash = (*snapshot)->hash();
  contents.insert(contents.end(), hash.begin(), hash.end());
  write(recording_entry(EntryKind::End, now, contents));
  return outcome();
}

tl::expected<void, BoardError> Recorder::outcome() const {
  if (error_ == 0) return {};
  return tl::unexpected(BoardError{
      BoardError::Kind::System,
      "cannot write " + file_.string() + ": " + std::strerror(error_) + "; the recording is not whole"});
}

}  // namespace microvisor::board
