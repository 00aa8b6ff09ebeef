// See line_pipe.hpp.
#include "cli/debug/line_pipe.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "cli/failure.hpp"
#include "cloud/debug/relay.hpp"

namespace microvisor::cli::debug {

namespace {

constexpr std::uint32_t kStream = 2;
/// Less than a serial port's buffer on this machine: then nothing is lost if the line has no RTS and CTS.
constexpr std::uint32_t kWindow = 2048;

}  // namespace

LinePipe::LinePipe(const std::string& path, const std::function<bool()>& keep_going) : line_(path) {
  line_.wait("CONNECT DEBUG", keep_going);
  take_frames();
  link::Frame open;
  open.set_stream(kStream);
  open.mutable_open()->set_service(link::SERVICE_DEBUG);
  open.mutable_open()->set_credit(kWindow);
  write_frame(open);
  if (line_.ended()) throw Failure(line_.why());
}

LinePipe::~LinePipe() {
  link::Frame over;
  over.set_stream(kStream);
  over.mutable_close();
  write_frame(over);
}

void LinePipe::write_frame(const link::Frame& frame) {
  Bytes wire;
  if (!line_.ended() && protocol::append_frame(wire, frame)) line_.write(wire);
}

void LinePipe::take_frames() {
  reader_.feed(line_.bytes());
  line_.bytes().clear();
  link::Frame frame;
  for (;;) {
    switch (reader_.next(frame)) {
      case protocol::FrameReader::Status::NeedMore: return;
      case protocol::FrameReader::Status::Frame: take_frame(frame); break;
      default: return line_.end("the device has hung up: it was reset, or the line is disturbed");
    }
  }
}

void LinePipe::take_frame(const link::Frame& frame) {
  if (frame.stream() != kStream) return;
  if (frame.has_credit()) credit_ += frame.credit().bytes();
  if (frame.has_close())
    line_.end(cloud::describe({.by = cloud::RelayEnd::By::Device, .error = frame.close().error()}));
  if (!frame.has_data()) return;
  received_.insert(received_.end(), frame.data().begin(), frame.data().end());
  link::Frame credit;
  credit.set_stream(kStream);
  credit.mutable_credit()->set_bytes(static_cast<std::uint32_t>(frame.data().size()));
  write_frame(credit);
}

void LinePipe::send_waiting() {
  while (!waiting_.empty() && credit_ != 0 && !line_.ended()) {
    const std::size_t count =
        std::min<std::size_t>({waiting_.size(), credit_, protocol::kMaxStreamDataBytes});
    const auto last = waiting_.begin() + static_cast<std::ptrdiff_t>(count);
    link::Frame data;
    data.set_stream(kStream);
    data.set_data(std::string(waiting_.begin(), last));
    waiting_.erase(waiting_.begin(), last);
    credit_ -= count;
    write_frame(data);
  }
}

bool LinePipe::send(std::span<const std::uint8_t> bytes) {
  waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
  send_waiting();
  return !line_.ended();
}

std::optional<Bytes> LinePipe::receive(std::chrono::milliseconds wait) {
  if (!line_.ended()) {
    line_.read(wait);
    take_frames();
    send_waiting();
  }
  if (line_.ended() && received_.empty()) return std::nullopt;
  return std::exchange(received_, {});
}

}  // namespace microvisor::cli::debug
