// See log_stream.hpp.
#include "firmware/kernel/link/log_stream.hpp"

#include <pb_encode.h>

#include <algorithm>

namespace microvisor::firmware::link {

void LogStream::connection_started() {
  stream_ = 0;
  credit_ = 0;
  sent_ = 0;
  refused_ = false;
}

/// Takes a record from the kernel and encodes it behind its length.
bool LogStream::next_record() {
  if (size_ != 0) return true;
  if (!host_.take_log_record(record_)) return false;
  pb_ostream_t out = pb_ostream_from_buffer(encoded_.data(), encoded_.size());
  if (!pb_encode_ex(&out, microvisor_link_LogRecord_fields, &record_, PB_ENCODE_DELIMITED)) return false;
  size_ = out.bytes_written;
  sent_ = 0;
  return true;
}

bool LogStream::step(FrameIo& io) {
  if (refused_ || !next_record()) return false;
  if (stream_ == 0) {
    stream_ = io.new_stream();
    Frame& frame = io.begin(stream_, microvisor_link_Frame_open_tag);
    frame.kind.open.service = microvisor_link_Service_SERVICE_LOG;
    return io.send();
  }
  const std::size_t count = std::min<std::size_t>({size_ - sent_, credit_, kMaximumData});
  if (count == 0 || !io.send_data(stream_, std::span(encoded_).subspan(sent_, count))) return false;
  credit_ -= static_cast<std::uint32_t>(count);
  sent_ += count;
  if (sent_ == size_) size_ = sent_ = 0;
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
