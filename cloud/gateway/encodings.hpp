// Transfer encodings of objects (protocol/transfer): made in a thread of their own, for an image takes up to
// seconds, and kept, for many devices run the same and get the same.
//
// Called from the service thread, where answers come too. Whatever goes wrong here costs bytes, not updates:
// then the answer is that there is no encoding.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "protocol/bundle/bytes.hpp"
#include "protocol/transfer/encoder.hpp"

namespace microvisor::cloud {

using SharedBytes = std::shared_ptr<const protocol::Bytes>;

/// An encoding that many devices fetch.
class SharedEncoding {
 public:
  explicit SharedEncoding(protocol::transfer::Encoding encoding);
  /// What goes to a device that has `first_segment` segments already.
  [[nodiscard]] SharedBytes stream(std::uint32_t first_segment) const;
  [[nodiscard]] std::size_t size(std::uint32_t first_segment) const { return encoding_.size(first_segment); }

 private:
  protocol::transfer::Encoding encoding_;
  SharedBytes whole_;
};

using EncodingPtr = std::shared_ptr<const SharedEncoding>;

/// RM0456, 2.3: bank 1 of the flash, non-secure.
inline constexpr std::uint32_t kApplicationFlash = 0x0800'0000;

/// A part of what a device runs: a layer, and where it begins behind the image's start.
struct RunningLayer {
  std::uint32_t start = 0;
  SharedBytes bytes;
};

/// What a device says it runs, application or kernel, and what the cloud believes that to be.
struct RunningImage {
  protocol::Hash hash{};                    ///< as the device says
  std::uint32_t address = 0;                ///< the base is the part from here on
  std::uint32_t start = kApplicationFlash;  ///< where the image begins
  std::vector<RunningLayer> layers{};
};

class Encodings {
 public:
  using Answer = std::function<void(EncodingPtr)>;
  /// Has a function called on the service thread. From any thread.
  using Post = std::function<void(std::function<void()>)>;

  /// Keeps at most `kept_bytes` of them.
  explicit Encodings(Post post, std::size_t kept_bytes = 64U << 20);
  /// Waits for the encoding that is being made; answers that have not been given never are.
  ~Encodings();
  Encodings(const Encodings&) = delete;
  Encodings& operator=(const Encodings&) = delete;

  /// The encoding of `object`, as a difference if `running` is what it says, else compressed. `key` stands
  /// for all of these. Answers now if it is there or cannot be had, else later.
  void request(const std::string& key, const SharedBytes& object, std::optional<RunningImage> running,
               const Answer& answer);
  /// Whether request() would answer now with something made before: then it looks at the key alone.
  [[nodiscard]] bool knows(const std::string& key) const { return made_.contains(key); }

  [[nodiscard]] std::uint64_t encoded() const { return encoded_; }  ///< since the start

 private:
  struct Job {
    std::string key;
    SharedBytes object;
    std::optional<RunningImage> running;
  };
  struct Made {
    EncodingPtr encoding;
    std::list<std::string>::iterator age;
  };
  void work();
  void finished(const std::string& key, const EncodingPtr& encoding);
  void keep(const std::string& key, const EncodingPtr& encoding);

  Post post_;
  std::size_t most_kept_bytes_;
  // Of the service thread.
  std::unordered_map<std::string, Made> made_;
  std::list<std::string> by_age_;  // the one used last at the front
  std::size_t kept_bytes_ = 0;
  std::unordered_map<std::string, std::vector<Answer>> waiting_;
  std::uint64_t encoded_ = 0;
  // Shared.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stop_ = false;
  std::thread thread_;
};

/// What the flash of a device with these layers holds from `running.address` on; empty if it is not what the
/// device says.
protocol::Bytes base_of(const RunningImage& running);

}  // namespace microvisor::cloud
