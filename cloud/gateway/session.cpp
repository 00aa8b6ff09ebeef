// The session of one connection: checks every frame against the rules before anything is done with it. What
// breaks a rule ends the connection with a Goodbye that says which.
#include "cloud/gateway/session.hpp"

#include <algorithm>

#include "protocol/bundle/crypto.hpp"
#include "protocol/link/endpoint_name.hpp"
#include "protocol/transfer/format.hpp"

namespace microvisor::cloud {
namespace {

constexpr std::uint32_t kProtocolVersion = 1;
constexpr std::uint64_t kMaxCredit = 1U << 30;
constexpr std::size_t kMaxReason = 120;  // what devices have room for

/// Reads a base-128 varint (at most 5 bytes). Returns the bytes used, 0 if it is not complete, -1 if it is
/// too long.
int read_length(std::string_view bytes, std::uint64_t& length) {
  length = 0;
  for (int i = 0; i < 5; ++i) {
    if (static_cast<std::size_t>(i) == bytes.size()) return 0;
    const auto byte = static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    length |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) return i + 1;
  }
  return -1;
}

void fill_in(const DeviceSettings& settings, link::Settings& message) {
  message.set_logging_enabled(settings.logging_enabled);
  message.mutable_endpoints()->Assign(settings.endpoints.begin(), settings.endpoints.end());
}

}  // namespace

struct Session::Stream {
  /// However it went: a stream that its device has not closed has been broken off.
  ~Stream() {
    if (bytes) bytes->device_ended(ByteStream::DeviceEnd::Gone);
  }
  link::Service service = link::SERVICE_NONE;
  std::uint32_t receive_credit = 0;  // what the device may still send
  std::uint64_t send_credit = 0;     // what we may still send
  // Fetch.
  SharedBytes object;  // or its encoding
  protocol::Hash object_hash{};
  std::size_t offset = 0;
  bool awaits_encoding = false;
  // Log.
  std::string records;
  // Channel: `log`, or another endpoint.
  std::unique_ptr<LineJoiner> lines;
  std::shared_ptr<ByteStream> bytes;
  // Crash report.
  std::optional<protocol::Hash> report_hash;
  protocol::Bytes report;
  // Debug.
  std::shared_ptr<DebugRelay> relay;
  // HTTP, configuration, MQTT.
  std::unique_ptr<Channel> channel;
};

Session::Session(SessionHost& host, std::string device_sid, SessionLimits limits)
    : host_(host),
      device_sid_(std::move(device_sid)),
      limits_(limits),
      last_heard_(host.now()),
      tokens_updated_(last_heard_),
      tokens_(limits.control_frames_burst) {}

Session::~Session() {
  flush_lines();
  end_relays(RelayEnd::By::Connection);
}

void Session::flush_lines() {
  for (auto& [number, stream] : streams_) {
    if (stream->lines) stream->lines->finish();
  }
}

void Session::receive(protocol::ByteView bytes) {
  if (finished_) return;
  last_heard_ = host_.now();
  reader_.feed(bytes);
  link::Frame frame;
  while (!finished_) {
    switch (reader_.next(frame)) {
      case protocol::FrameReader::Status::NeedMore: return give_back_credit();
      case protocol::FrameReader::Status::BadLength: return end("frame of a length that is not allowed");
      case protocol::FrameReader::Status::Malformed: return end("malformed frame");
      case protocol::FrameReader::Status::Frame: handle(frame); break;
    }
  }
}

void Session::handle(const link::Frame& frame) {
  if (!welcomed_ && frame.kind_case() != link::Frame::kHello) return end("the first frame has to be Hello");
  switch (frame.kind_case()) {
    case link::Frame::kOpen:
    case link::Frame::kData:
    case link::Frame::kCredit:
    case link::Frame::kClose:
      if (frame.stream() == 0) return end("stream frame on stream 0");
      return handle_stream(frame);
    case link::Frame::KIND_NOT_SET: return;  // a kind of a later version
    default:
      if (frame.stream() != 0) return end("control frame on a stream");
      if (!control_frame_allowed()) return end("too many control frames");
      return handle_control(frame);
  }
}

bool Session::control_frame_allowed() {
  const Timestamp now = host_.now();
  const double elapsed = static_cast<double>(std::max<Timestamp>(now - tokens_updated_, 0)) / kSecond;
  tokens_updated_ = now;
  tokens_ = std::min(limits_.control_frames_burst, tokens_ + elapsed * limits_.control_frames_per_second);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

void Session::handle_control(const link::Frame& frame) {
  switch (frame.kind_case()) {
    case link::Frame::kHello: return greet(frame.hello());
    case link::Frame::kPing: {
      link::Frame answer;
      answer.mutable_pong()->set_token(frame.ping().token());
      answer.mutable_pong()->set_unix_microseconds(static_cast<std::uint64_t>(host_.now()));
      return write(answer);
    }
    case link::Frame::kPong: return;
    case link::Frame::kUpdateReport: return host_.update_report(*this, frame.update_report());
    case link::Frame::kKernelReport: return host_.kernel_report(*this, frame.kernel_report());
    case link::Frame::kKeysReport: return host_.keys_report(*this, frame.keys_report());
    case link::Frame::kAttestation: return host_.attestation(*this, frame.attestation());
    case link::Frame::kEvent: return host_.device_event(*this, frame.event());
    case link::Frame::kGoodbye: finished_ = true; return;
    default: return end("a frame that only the gateway may send");
  }
}

void Session::greet(const link::Hello& hello) {
  if (welcomed_) return end("a second Hello");
  if (hello.protocol_version() != kProtocolVersion) return end("unknown protocol version");
  if (hello.device_sid() != device_sid_) return end("Hello and certificate name different devices");
  const auto greeting = host_.greet(*this, hello);
  if (!greeting) return end(greeting.error().reason, greeting.error().calm_seconds);
  link::Frame frame;
  link::Welcome& welcome = *frame.mutable_welcome();
  welcome.set_unix_microseconds(static_cast<std::uint64_t>(host_.now()));
  fill_in(greeting->settings, *welcome.mutable_settings());
  welcome.set_keep_alive_seconds(limits_.keep_alive_seconds);
  if (const auto& hash = greeting->target.hash)
    welcome.mutable_target()->set_manifest_hash(hash->data(), hash->size());
  if (const auto& hash = greeting->kernel.hash)
    welcome.mutable_kernel_target()->set_manifest_hash(hash->data(), hash->size());
  if (const auto& nonce = greeting->nonce) welcome.set_attestation_nonce(nonce->data(), nonce->size());
  write(frame);
  for (const protocol::Bytes& message : greeting->key_changes) send_key_change(message);
  if (greeting->target.hash && greeting->target.is_new) send_target(*greeting->target.hash);
  if (greeting->kernel.hash && greeting->kernel.is_new) send_kernel_target(*greeting->kernel.hash);
  welcomed_ = true;
  takes_debug_ = hello.debug_version() != 0;
}

void Session::handle_stream(const link::Frame& frame) {
  const std::uint32_t number = frame.stream();
  if (frame.kind_case() == link::Frame::kOpen) return open_stream(number, frame.open());
  const auto found = streams_.find(number);
  if (found == streams_.end()) {
    // Frames that crossed our Close on the way are late, not wrong.
    const std::uint32_t last = number % 2 == 0 ? last_offered_ : last_opened_;
    if (number > last) return end("frame on a stream that was never opened");
    return;
  }
  Stream& stream = *found->second;
  switch (frame.kind_case()) {
    case link::Frame::kData: return stream_data(stream, number, frame.data());
    case link::Frame::kCredit:
      stream.send_credit += frame.credit().bytes();
      if (stream.send_credit > kMaxCredit) end("more credit than anyone needs");
      return;
    default: return end_stream(stream, number, frame.close().error());
  }
}

/// The device has closed its side. What the answer says is in the case of a crash report whether it is kept.
void Session::end_stream(Stream& stream, std::uint32_t number, link::StreamError error) {
  if (stream.lines) stream.lines->finish();
  if (stream.relay) stream.relay->end({RelayEnd::By::Device, error});
  if (stream.bytes && error == link::STREAM_ERROR_NONE)
    stream.bytes->device_ended(ByteStream::DeviceEnd::Closed);
  if (stream.service == link::SERVICE_FETCH || error != link::STREAM_ERROR_NONE) {
    streams_.erase(number);
    return;
  }
  link::StreamError answer = link::STREAM_ERROR_NONE;
  if (stream.service == link::SERVICE_CRASH_REPORT) {
    const bool whole = !stream.report.empty() && stream.report_hash == protocol::sha256(stream.report);
    answer = !whole                                     ? link::STREAM_ERROR_PROTOCOL
             : host_.crash_report(*this, stream.report) ? link::STREAM_ERROR_NONE
                                                        : link::STREAM_ERROR_REFUSED;
  }
  close_stream(number, answer);
}

void Session::open_stream(std::uint32_t number, const link::Open& open) {
  if (number % 2 == 0) return end("the device opens odd streams");
  if (number <= last_opened_) return end("a stream number used again");
  last_opened_ = number;
  if (streams_.size() >= limits_.streams) return close_stream(number, link::STREAM_ERROR_REFUSED);
  auto& stream = streams_[number];
  stream = std::make_unique<Stream>();
  stream->service = open.service();
  stream->send_credit = open.credit();
  switch (open.service()) {
    case link::SERVICE_FETCH: return open_fetch(*stream, open);
    case link::SERVICE_LOG: return grant(number, limits_.log_credit);
    case link::SERVICE_CHANNEL:
      if (open.name() != protocol::kLogEndpoint) return open_endpoint(*stream, open.name());
      stream->lines = std::make_unique<LineJoiner>(
          limits_.line_bytes, [this](std::string line) { host_.channel_line(*this, std::move(line)); });
      return grant(number, limits_.channel_credit);
    case link::SERVICE_CRASH_REPORT:
      stream->report_hash = protocol::as_hash(open.object_hash());
      if (!stream->report_hash) return close_stream(number, link::STREAM_ERROR_PROTOCOL);
      return grant(number, limits_.crash_report_bytes);  // all of it, once
    case link::SERVICE_HTTP:
    case link::SERVICE_CONFIG:
    case link::SERVICE_MQTT: return open_channel(*stream, open);
    default: return close_stream(number, link::STREAM_ERROR_REFUSED);
  }
}

void Session::open_channel(Stream& stream, const link::Open& open) {
  stream.channel = host_.channel(*this, open.service(), open.credit());
  if (!stream.channel) return close_stream(last_opened_, link::STREAM_ERROR_REFUSED);
  grant(last_opened_, Channel::kWindow);
}

void Session::open_endpoint(Stream& stream, const std::string& name) {
  auto bytes = host_.byte_stream(*this, name);
  if (!bytes) return close_stream(last_opened_, bytes.error());
  stream.bytes = std::move(*bytes);
  grant(last_opened_, ByteStream::kWindow);
}

void Session::open_fetch(Stream& stream, const link::Open& open) {
  const auto hash = protocol::as_hash(open.object_hash());
  if (hash) stream.object = host_.object(*this, *hash);
  if (!stream.object) return close_stream(last_opened_, link::STREAM_ERROR_NOT_FOUND);
  if (open.offset() > stream.object->size()) return close_stream(last_opened_, link::STREAM_ERROR_REFUSED);
  stream.object_hash = *hash;
  stream.offset = open.offset();
  const bool accepts = (open.accepts_encodings() >> protocol::transfer::kFormatVersion & 1U) != 0;
  if (!accepts || stream.offset == stream.object->size()) return;
  stream.awaits_encoding = true;
  const std::weak_ptr<bool> alive = alive_;
  host_.encoding(*this, open, stream.object,
                 [this, alive, number = last_opened_](const EncodingPtr& encoding) {
                   if (!alive.expired()) use_encoding(number, encoding);
                 });
}

/// Whatever is less: the encoding from the segment on that has the offset, or what is left of the object.
void Session::use_encoding(std::uint32_t number, const EncodingPtr& encoding) {
  const auto found = streams_.find(number);
  if (finished_ || found == streams_.end()) return;
  Stream& stream = *found->second;
  stream.awaits_encoding = false;
  const auto segment = static_cast<std::uint32_t>(stream.offset / protocol::transfer::kSegmentBytes);
  if (!encoding || encoding->size(segment) >= stream.object->size() - stream.offset) return;
  link::Frame frame;
  frame.set_stream(number);
  frame.mutable_encoded()->set_version(protocol::transfer::kFormatVersion);
  write(frame);
  stream.object = encoding->stream(segment);
  stream.offset = 0;
}

void Session::close_stream(std::uint32_t number, link::StreamError error) {
  streams_.erase(number);
  link::Frame frame;
  frame.set_stream(number);
  frame.mutable_close()->set_error(error);
  write(frame);
}

void Session::grant(std::uint32_t number, std::uint32_t bytes) {
  streams_[number]->receive_credit += bytes;
  link::Frame frame;
  frame.set_stream(number);
  frame.mutable_credit()->set_bytes(bytes);
  write(frame);
}

void Session::stream_data(Stream& stream, std::uint32_t number, const std::string& data) {
  if (stream.service == link::SERVICE_FETCH) return end("data on a stream that only the gateway fills");
  if (data.size() > protocol::kMaxStreamDataBytes) return end("too much data in one frame");
  if (data.size() > stream.receive_credit) return end("data beyond the credit");
  stream.receive_credit -= static_cast<std::uint32_t>(data.size());
  if (stream.service == link::SERVICE_LOG) {
    log_data(stream, number, data);
  } else if (stream.service == link::SERVICE_CRASH_REPORT) {
    stream.report.insert(stream.report.end(), data.begin(), data.end());
  } else if (stream.service == link::SERVICE_DEBUG) {
    stream.relay->from_device(protocol::as_bytes(data));
  } else if (stream.channel) {
    stream.channel->from_device(protocol::as_bytes(data));
  } else if (stream.bytes) {
    stream.bytes->from_device(protocol::as_bytes(data));
  } else {
    stream.lines->feed(data);
  }
}

/// Lines and messages are consumed at once, so their credit goes back at once, in one frame for all that has
/// just arrived. It also tells the device that lines have reached the cloud.
void Session::give_back_credit() {
  for (auto& [number, stream] : streams_) {
    const std::uint32_t window = stream->service == link::SERVICE_LOG ? limits_.log_credit
                                 : stream->lines                      ? limits_.channel_credit
                                 : stream->channel                    ? Channel::kWindow
                                                                      : 0;
    if (stream->receive_credit < window) grant(number, window - stream->receive_credit);
  }
}

void Session::log_data(Stream& stream, std::uint32_t number, const std::string& data) {
  stream.records += data;
  std::string_view rest = stream.records;
  while (!rest.empty()) {
    std::uint64_t length = 0;
    const int used = read_length(rest, length);
    if (used < 0 || length > limits_.log_record_bytes)
      return close_stream(number, link::STREAM_ERROR_PROTOCOL);
    if (used == 0 || rest.size() - static_cast<std::size_t>(used) < length) break;
    link::LogRecord record;
    const std::string_view encoded = rest.substr(static_cast<std::size_t>(used), length);
    if (!record.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) {
      return close_stream(number, link::STREAM_ERROR_PROTOCOL);
    }
    host_.log_record(*this, record);
    rest.remove_prefix(static_cast<std::size_t>(used) + length);
  }
  stream.records.erase(0, stream.records.size() - rest.size());
}

void Session::write(const link::Frame& frame) {
  if (finished_) return;
  protocol::append_frame(output_, frame);
  if (output_.size() > limits_.backlog_bytes) {
    reason_ = "the device does not read what it is sent";
    finished_ = true;
  }
}

/// One piece for the device. False: there is nothing to send on this stream now.
bool Session::produce(std::uint32_t number, Stream& stream) {
  if (stream.service == link::SERVICE_FETCH) return produce_object(number, stream);
  if (stream.channel) return produce_channel(number, stream);
  if (stream.bytes) return produce_bytes(number, stream);
  return stream.service == link::SERVICE_DEBUG && produce_debug(number, stream);
}

void Session::send_data(std::uint32_t number, Stream& stream, protocol::ByteView data) {
  link::Frame frame;
  frame.set_stream(number);
  frame.set_data(data.data(), data.size());
  write(frame);
  stream.send_credit -= data.size();
}

bool Session::produce_object(std::uint32_t number, Stream& stream) {
  if (stream.awaits_encoding) return false;
  const std::size_t left = stream.object->size() - stream.offset;
  const std::size_t count =
      std::min({left, protocol::kMaxStreamDataBytes, static_cast<std::size_t>(stream.send_credit)});
  if (count > 0) {
    send_data(number, stream, {stream.object->data() + stream.offset, count});
    stream.offset += count;
    host_.object_sent(*this, stream.object_hash, count);
  }
  if (count == left) close_stream(number, link::STREAM_ERROR_NONE);
  return count > 0;
}

/// What the machine has sent, the credit for what it has been given, and the end when it has gone.
bool Session::produce_debug(std::uint32_t number, Stream& stream) {
  const std::shared_ptr<DebugRelay> relay = stream.relay;
  if (const std::uint32_t credit = relay->take_credit(); credit > 0) grant(number, credit);
  const protocol::Bytes data = relay->take_for_device(
      std::min(protocol::kMaxStreamDataBytes, static_cast<std::size_t>(stream.send_credit)));
  if (!data.empty()) {
    send_data(number, stream, data);
  } else if (relay->ended()) {
    close_stream(number, link::STREAM_ERROR_NONE);
  }
  return !data.empty();
}

bool Session::produce_channel(std::uint32_t number, Stream& stream) {
  const protocol::Bytes data = stream.channel->take_for_device(
      std::min(protocol::kMaxStreamDataBytes, static_cast<std::size_t>(stream.send_credit)));
  if (!data.empty()) {
    send_data(number, stream, data);
  } else if (stream.channel->closed() && stream.channel->queued() == 0) {
    close_stream(number, *stream.channel->closed());
  }
  return !data.empty();
}

/// What the far end has sent, the credit for what it has been given, and its end. Bytes that cross an end in
/// order on their way here are nobody's: the application has been told that the channel is over.
bool Session::produce_bytes(std::uint32_t number, Stream& stream) {
  if (const std::uint32_t credit = stream.bytes->take_credit(); credit > 0) grant(number, credit);
  const protocol::Bytes data = stream.bytes->take_for_device(
      std::min(protocol::kMaxStreamDataBytes, static_cast<std::size_t>(stream.send_credit)));
  if (!data.empty()) {
    send_data(number, stream, data);
  } else if (const auto error = stream.bytes->to_be_closed()) {
    stream.bytes->device_ended(ByteStream::DeviceEnd::Closed);
    close_stream(number, *error);
  }
  return !data.empty();
}

bool Session::open_debug(std::shared_ptr<DebugRelay> relay) {
  if (debug_relays().size() >= limits_.debug_streams) return false;
  last_offered_ += 2;
  auto& stream = streams_[last_offered_];
  stream = std::make_unique<Stream>();
  stream->service = link::SERVICE_DEBUG;
  stream->receive_credit = DebugRelay::kWindow;
  stream->relay = std::move(relay);
  link::Frame frame;
  frame.set_stream(last_offered_);
  frame.mutable_open()->set_service(link::SERVICE_DEBUG);
  frame.mutable_open()->set_credit(DebugRelay::kWindow);
  write(frame);
  return true;
}

std::vector<std::shared_ptr<const DebugRelay>> Session::debug_relays() const {
  std::vector<std::shared_ptr<const DebugRelay>> relays;
  for (const auto& [number, stream] : streams_)
    if (stream->relay && !stream->relay->ended()) relays.push_back(stream->relay);
  return relays;
}

void Session::end_relays(RelayEnd::By by) {
  for (auto& [number, stream] : streams_) {
    if (stream->bytes) stream->bytes->device_ended(ByteStream::DeviceEnd::Gone);
    if (!stream->relay) continue;
    stream->relay->set_device(nullptr);
    stream->relay->end({by});
  }
}

void Session::take_output(protocol::Bytes& bytes) {
  bool progress = true;
  while (!finished_ && progress && output_.size() < limits_.output_bytes) {
    progress = false;
    std::vector<std::uint32_t> order;
    for (const auto& [number, stream] : streams_) order.push_back(number);
    const auto first = std::lower_bound(order.begin(), order.end(), next_to_serve_);
    std::rotate(order.begin(), first, order.end());
    for (const std::uint32_t number : order) {
      if (output_.size() >= limits_.output_bytes) break;
      next_to_serve_ = number + 1;
      progress = produce(number, *streams_.at(number)) || progress;
    }
  }
  bytes.insert(bytes.end(), output_.begin(), output_.end());
  output_.clear();
}

void Session::tick() {
  if (finished_) return;
  if (host_.now() - last_heard_ > 2 * static_cast<Timestamp>(limits_.keep_alive_seconds) * kSecond) {
    end("nothing heard for too long");
  }
}

void Session::send_target(const protocol::Hash& manifest_hash) {
  link::Frame frame;
  frame.mutable_target()->set_manifest_hash(manifest_hash.data(), manifest_hash.size());
  write(frame);
}

void Session::send_kernel_target(const protocol::Hash& manifest_hash) {
  link::Frame frame;
  frame.mutable_kernel_target()->set_manifest_hash(manifest_hash.data(), manifest_hash.size());
  write(frame);
}

void Session::send_key_change(protocol::ByteView message) {
  link::Frame frame;
  frame.mutable_new_keys()->set_message(message.data(), message.size());
  write(frame);
}

void Session::send_settings(const DeviceSettings& settings) {
  link::Frame frame;
  fill_in(settings, *frame.mutable_settings());
  write(frame);
}

void Session::send_restart_app() {
  link::Frame frame;
  frame.mutable_restart_app();
  write(frame);
}

void Session::end(const std::string& reason, std::uint32_t calm_seconds) {
  if (finished_) return;
  reason_ = reason;
  link::Frame frame;
  frame.mutable_goodbye()->set_reason(reason.substr(0, kMaxReason));
  frame.mutable_goodbye()->set_calm_seconds(calm_seconds);
  write(frame);
  finished_ = true;
}

}  // namespace microvisor::cloud
