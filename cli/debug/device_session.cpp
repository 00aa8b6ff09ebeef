// See device_session.hpp.
#include "cli/debug/device_session.hpp"

#include <array>
#include <iterator>
#include <utility>

namespace microvisor::cli::debug {

using namespace std::chrono_literals;

namespace {

constexpr auto kAnswerTime = 30s;
constexpr auto kKeepAlive = 20s;

const char* text_of(wire::Channel::State state, bool proven) {
  switch (state) {
    case wire::Channel::State::NotAuthentic:
      if (proven) return "what the device has sent was changed, lost or doubled on its way";
      return "the device does not prove to be the one with this certificate and this key's application";
    case wire::Channel::State::Broken: return "the device does not speak the protocol of debug sessions";
    case wire::Channel::State::CryptoFailed: return "the cryptography of this machine failed";
    default: return "the debug session has ended";
  }
}

}  // namespace

DeviceSession::DeviceSession(Pipe& pipe, wire::Crypto& crypto, const wire::StaticKeys& keys,
                             const wire::Prologue& prologue)
    : pipe_(pipe), requester_(crypto, keys, prologue) {}

void DeviceSession::end(std::string why) {
  if (!over_) why_ = std::move(why);
  over_ = true;
}

tl::expected<void, std::string> DeviceSession::begin() {
  if (!requester_.start()) end("the device's certificate has no key of P-256");
  const auto until = std::chrono::steady_clock::now() + kAnswerTime;
  if (!over_) static_cast<void>(flush());
  ++statistics_.exchanges;
  while (!over_ && !requester_.open()) {
    wait_until(until);
  }
  if (over_) return tl::unexpected(why_);
  return {};
}

/// One turn of waiting.
void DeviceSession::wait_until(std::chrono::steady_clock::time_point end_of_patience) {
  if (std::chrono::steady_clock::now() > end_of_patience) end("the device does not answer");
  if (wanted_ && !wanted_()) end("interrupted");
  listen(100ms);
}

bool DeviceSession::flush() {
  const auto output = requester_.output();
  if (output.empty()) return true;
  if (!pipe_.send(output)) {
    end(pipe_.why());
    return false;
  }
  statistics_.bytes_sent += output.size();
  ++statistics_.messages_sent;
  sent_at_ = std::chrono::steady_clock::now();
  requester_.sent(output.size());
  return true;
}

bool DeviceSession::send_message(std::span<const std::uint8_t> message) {
  if (over_ || !requester_.send(message)) return false;
  if (unanswered_ == 0) asked_at_ = std::chrono::steady_clock::now();
  ++posted_;
  ++unanswered_;
  ++unwanted_;
  return flush();
}

bool DeviceSession::post(const std::vector<OwnedCommand>& commands) {
  std::array<std::uint8_t, wire::kMaximumMessage> room;
  std::optional<wire::Writer> writer(room);
  for (const OwnedCommand& entry : commands) {
    wire::Command command = entry.command;
    if (!entry.data.empty()) command.data = entry.data;
    if (writer->put(command)) continue;
    if (!send_message(std::span(room).first(writer->size()))) return false;
    writer.emplace(room);
    if (!writer->put(command)) return false;
  }
  return writer->size() == 0 || send_message(std::span(room).first(writer->size()));
}

bool DeviceSession::post_and_expect_news(const std::vector<OwnedCommand>& commands) {
  ++statistics_.exchanges;
  return post(commands);
}

std::optional<std::vector<OwnedAnswer>> DeviceSession::exchange(const std::vector<OwnedCommand>& commands) {
  const std::size_t others = unanswered_;
  answers_.clear();
  if (!post(commands)) return std::nullopt;
  unwanted_ = others;
  ++statistics_.exchanges;
  const auto until = std::chrono::steady_clock::now() + kAnswerTime;
  while (!over_ && unanswered_ != 0) {
    wait_until(until);
  }
  if (over_) return std::nullopt;
  return std::exchange(answers_, {});
}

std::optional<News> DeviceSession::take_news(std::chrono::milliseconds wait) {
  if (news_.empty()) listen(wait);
  if (news_.empty()) return std::nullopt;
  News news = std::move(news_.front());
  news_.pop_front();
  return news;
}

void DeviceSession::keep_alive() {
  // The device answers each message at once, also one that lets the application go on.
  const auto too_late = [this] {
    return unanswered_ != 0 && std::chrono::steady_clock::now() - asked_at_ > kAnswerTime;
  };
  if (too_late()) listen(0ms);  // it may be us who have not listened
  if (too_late()) end("the device does not answer");
  if (over_ || std::chrono::steady_clock::now() - sent_at_ < kKeepAlive) return;
  static_cast<void>(post({{.command = {.opcode = wire::Opcode::KeepAlive}, .data = {}}}));
}

void DeviceSession::listen(std::chrono::milliseconds wait) {
  if (over_) return;
  const auto received = pipe_.receive(wait);
  if (!received) return end(pipe_.why());
  statistics_.bytes_received += received->size();
  std::span<const std::uint8_t> rest(*received);
  while (!rest.empty() && !over_) {
    const bool proven = requester_.open();
    rest = rest.subspan(requester_.push(rest));
    if (const auto message = requester_.message(); !message.empty()) {
      read_message(message);
      requester_.message_done();
    }
    if (requester_.state() > wire::Channel::State::Open) end(text_of(requester_.state(), proven));
  }
}

void DeviceSession::read_message(std::span<const std::uint8_t> message) {
  ++statistics_.messages_received;
  wire::Reader reader(message);
  wire::Item item;
  std::vector<OwnedAnswer> answers;
  for (auto result = reader.next(item); result != wire::Reader::Result::End; result = reader.next(item)) {
    if (result != wire::Reader::Result::Taken) return end("the device says what this version does not know");
    const auto owned = [](std::span<const std::uint8_t> bytes) { return Bytes(bytes.begin(), bytes.end()); };
    if (item.kind == wire::ItemKind::Answer) {
      answers.push_back({.answer = item.answer, .data = owned(item.answer.data)});
      continue;
    }
    news_.push_back({.kind = item.kind,
                     .stop = {item.stopped, owned(item.stopped.stack), owned(item.stopped.code)},
                     .wake_reason = item.wake_reason,
                     .end = item.end_reason,
                     .answered = posted_ - unanswered_ + (answers.empty() ? 0 : 1),
                     .failure = {}});
  }
  if (!answers.empty()) take_answers(std::move(answers));
}

void DeviceSession::take_answers(std::vector<OwnedAnswer> answers) {
  if (unanswered_ == 0) return end("the device answers what it was not asked");
  --unanswered_;
  asked_at_ = std::chrono::steady_clock::now();
  if (unwanted_ == 0) {
    std::move(answers.begin(), answers.end(), std::back_inserter(answers_));
    return;
  }
  --unwanted_;
  const wire::Answer& last = answers.back().answer;
  if (last.status == wire::Status::Ok) return;
  News news{.kind = wire::ItemKind::Answer, .stop = {}, .failure = {}};
  news.failure.opcode = last.opcode;
  news.failure.status = last.status;
  news_.push_back(std::move(news));
}

}  // namespace microvisor::cli::debug
