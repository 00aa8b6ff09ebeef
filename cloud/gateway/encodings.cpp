// The thread takes jobs in their order; who asks for what is being made waits for the same job.
#include "cloud/gateway/encodings.hpp"

#include <algorithm>
#include <exception>

#include "protocol/bundle/crypto.hpp"
#include "protocol/bundle/manifest.hpp"
#include "protocol/transfer/format.hpp"

namespace microvisor::cloud {
namespace {

constexpr std::size_t kMaxWaiting = 32;  // encodings to be made; beyond that, objects travel as they are

EncodingPtr encode(const protocol::Bytes& object, const std::optional<RunningImage>& running) {
  protocol::Bytes base;
  if (running) base = base_of(*running);
  const std::uint32_t address = base.empty() ? 0 : running->address;
  return std::make_shared<const SharedEncoding>(protocol::transfer::encode(object, {base, address}));
}

}  // namespace

SharedEncoding::SharedEncoding(protocol::transfer::Encoding encoding)
    : encoding_(std::move(encoding)), whole_(std::make_shared<const protocol::Bytes>(encoding_.stream())) {}

SharedBytes SharedEncoding::stream(std::uint32_t first_segment) const {
  if (first_segment == 0) return whole_;
  return std::make_shared<const protocol::Bytes>(encoding_.stream(first_segment));
}

protocol::Bytes base_of(const RunningImage& running) {
  std::size_t extent = 0;
  for (const RunningLayer& layer : running.layers)
    extent = std::max(extent, layer.start + layer.bytes->size());
  if (extent > protocol::kFlashBytes) return {};
  protocol::Bytes flash(extent, 0xFF);
  for (const RunningLayer& layer : running.layers)
    std::copy(layer.bytes->begin(), layer.bytes->end(), flash.begin() + layer.start);
  if (running.address < running.start || running.address - running.start >= extent) return {};
  if (protocol::sha256(flash) != running.hash) return {};
  flash.erase(flash.begin(), flash.begin() + (running.address - running.start));
  return flash;
}

Encodings::Encodings(Post post, std::size_t kept_bytes)
    : post_(std::move(post)), most_kept_bytes_(kept_bytes), thread_([this] { work(); }) {}

Encodings::~Encodings() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Encodings::request(const std::string& key, const SharedBytes& object,
                        std::optional<RunningImage> running, const Answer& answer) {
  if (const auto found = made_.find(key); found != made_.end()) {
    by_age_.splice(by_age_.begin(), by_age_, found->second.age);
    return answer(found->second.encoding);
  }
  if (const auto found = waiting_.find(key); found != waiting_.end()) return found->second.push_back(answer);
  const bool possible = !object->empty() && object->size() <= protocol::transfer::kMaximumObjectBytes;
  if (!possible || waiting_.size() >= kMaxWaiting) return answer(nullptr);
  waiting_[key].push_back(answer);
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({key, object, std::move(running)});
  }
  changed_.notify_one();
}

void Encodings::work() {
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
      if (stop_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    EncodingPtr encoding;
    try {
      encoding = encode(*job.object, job.running);
    } catch (const std::exception&) {  // out of memory
    }
    post_([this, key = std::move(job.key), encoding = std::move(encoding)] { finished(key, encoding); });
  }
}

void Encodings::finished(const std::string& key, const EncodingPtr& encoding) {
  ++encoded_;
  if (encoding) keep(key, encoding);
  const auto answers = waiting_.extract(key);
  for (const Answer& answer : answers.mapped()) answer(encoding);
}

void Encodings::keep(const std::string& key, const EncodingPtr& encoding) {
  by_age_.push_front(key);
  made_[key] = {encoding, by_age_.begin()};
  kept_bytes_ += 2 * encoding->size(0);  // in segments and as one stream
  while (kept_bytes_ > most_kept_bytes_ && by_age_.size() > 1) {
    const auto oldest = made_.find(by_age_.back());
    kept_bytes_ -= 2 * oldest->second.encoding->size(0);
    made_.erase(oldest);
    by_age_.pop_back();
  }
}

}  // namespace microvisor::cloud
