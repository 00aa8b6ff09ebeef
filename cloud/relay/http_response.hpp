// A server's response as it comes, line by line and piece by piece, and when it is clear that it cannot be
// used.
//
// What is kept is never more than the device can take: the size of the message for it is counted along, and
// the moment it is too large is the moment to stop. Lines of responses that are not the last (1xx, redirects)
// count against a bound of their own. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/channel.pb.h"

namespace microvisor::cloud {

class HttpResponseReader {
 public:
  /// Of all header lines of one exchange with a server, whatever becomes of them.
  static constexpr std::size_t kMostHeaderBytes = 256 * 1024;

  /// `limit`: bytes of the message for the device, its header included. `head`: the request's method is HEAD,
  /// so there is no body, whatever the header lines say.
  HttpResponseReader(std::size_t limit, bool head) : limit_(limit), head_(head) {}

  enum class Verdict : std::uint8_t {
    GoOn,
    Redirect,  ///< to location(): nothing more of this response is of interest
    TooLarge,  ///< for the device
    Bad,       ///< not HTTP as it should be
  };
  /// A line with its end: of the status, of a field, the empty one, those behind the body.
  [[nodiscard]] Verdict header(std::string_view line);
  /// Of the body, decoded.
  [[nodiscard]] Verdict body(std::string_view bytes);

  [[nodiscard]] int status() const { return status_; }
  [[nodiscard]] const std::string& location() const { return location_; }
  /// Whether the last response's header lines are all there.
  [[nodiscard]] bool complete() const { return at_ == At::Body; }
  /// Bytes of the message for the device, its header included.
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] channel::HttpResponse take();

 private:
  enum class At : std::uint8_t { Status, Fields, Body };
  Verdict begin(std::string_view line);
  Verdict field(std::string_view line);
  Verdict end_of_fields();
  bool understand_encoding();
  [[nodiscard]] std::string_view value_of(std::string_view name) const;
  /// With `more` bytes that are still to come.
  [[nodiscard]] Verdict judged(std::size_t more = 0) const;

  std::size_t limit_;
  bool head_;
  At at_ = At::Status;
  int status_ = 0;
  std::size_t header_bytes_ = 0;  // all that have come
  std::size_t lines_size_ = 0;    // what lines_ will be in the message
  std::vector<std::string> lines_;
  std::string body_;
  std::string location_;
};

}  // namespace microvisor::cloud
