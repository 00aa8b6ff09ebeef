// See log_stream.hpp.
#include "firmware/kernel/link/log_stream.hpp"

#include <pb_encode.h>

#include <algorithm>

namespace microvisor::firmware::link {

void LogStream::connection_started() {
  stream_ = 0;
  credit_ = 0;
  sent_ = 0;
  waits_ = false;
  patience_ends_ = kNever;
  refused_ = false;
}

/// What waits goes into what is not on its way yet. True: there is something to send.
bool LogStream::collect() {
  while (sent_ == 0 && size_ < kSegmentData) {
    if (!taken_) taken_ = host_.take_log_record(record_);
    if (!taken_) break;
    const std::size_t room = size_ == 0 ? encoded_.size() : kSegmentData - size_;
    pb_ostream_t out = pb_ostream_from_buffer(encoded_.data() + size_, room);
    const bool fits = pb_encode_ex(&out, microvisor_link_LogRecord_fields, &record_, PB_ENCODE_DELIMITED);
    if (!fits && size_ != 0) break;
    taken_ = false;
    if (fits) size_ += out.bytes_written;
  }
  return size_ != 0;
}

/// More may come before what is under way has arrived.
bool LogStream::waits_for_company(const FrameIo& io, std::uint64_t now) {
  if (patience_ends_ == kNever) patience_ends_ = now + kPatience;
  const bool full = taken_ || sent_ != 0 || size_ >= kSegmentData;
  return !full && !io.delivered() && now < patience_ends_;
}

bool LogStream::step(FrameIo& io, std::uint64_t now) {
  waits_ = false;
  if (refused_ || io.held_back() || !collect()) return false;
  if (stream_ == 0) {
    stream_ = io.new_stream();
    Frame& frame = io.begin(stream_, microvisor_link_Frame_open_tag);
    frame.kind.open.service = microvisor_link_Service_SERVICE_LOG;
    return io.send();
  }
  const std::size_t left = size_ - sent_;
  const std::size_t count = std::min<std::size_t>({left, credit_, kMaximumData});
  if (count == 0 || (count < left && left <= kSegmentData)) return false;  // several records go whole or not
  waits_ = waits_for_company(io, now);
  if (waits_ || !io.send_data(stream_, std::span(encoded_).subspan(sent_, count))) return false;
  credit_ -= static_cast<std::uint32_t>(count);
  sent_ += count;
  if (sent_ == size_) size_ = sent_ = 0;
  patience_ends_ = kNever;
  return true;
}

bool LogStream::credited(std::uint32_t stream, std::uint32_t bytes) {
  if (stream == 0 || stream != stream_) return false;
  credit_ += bytes;
  return true;
}

bool LogStream::closed(std::uint32_t stream) {
  if (stream == 0 || stream != stream_) return false;
  refused_ = true;
  sent_ = 0;
  return true;
}

}  // namespace microvisor::firmware::link
