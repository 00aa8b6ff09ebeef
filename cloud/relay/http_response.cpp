// Lengths are those of protobuf: a tag of one byte, a length of as many bytes as it has groups of seven bits.
#include "cloud/relay/http_response.hpp"

#include <algorithm>
#include <charconv>

#include "cloud/relay/http_request.hpp"

namespace microvisor::cloud {
namespace {

constexpr std::size_t kMessageHeader = 4;  // protocol/channel/FORMAT.md

std::size_t bytes_of_number(std::size_t value) {
  std::size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7U;
    ++bytes;
  }
  return bytes;
}

std::size_t size_of_bytes(std::size_t length) { return 1 + bytes_of_number(length) + length; }

std::string_view without_end(std::string_view line) {
  if (line.ends_with('\n')) line.remove_suffix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string_view name_of(std::string_view line) { return line.substr(0, line.find(':')); }

/// They are no longer true of a body that has been decoded.
bool is_of_the_encoding(std::string_view line) {
  return same_name(name_of(line), "Content-Encoding") || same_name(name_of(line), "Content-Length");
}

}  // namespace

HttpResponseReader::Verdict HttpResponseReader::header(std::string_view line) {
  header_bytes_ += line.size();
  if (header_bytes_ > kMostHeaderBytes) return Verdict::Bad;
  line = without_end(line);
  switch (at_) {
    case At::Status: return begin(line);
    case At::Fields: return line.empty() ? end_of_fields() : field(line);
    case At::Body: return Verdict::GoOn;  // trailers
  }
  return Verdict::Bad;
}

/// "HTTP/1.1 200 OK"; the words are optional (RFC 9112, section 4).
HttpResponseReader::Verdict HttpResponseReader::begin(std::string_view line) {
  const std::size_t space = line.find(' ');
  if (!line.starts_with("HTTP/") || space == std::string_view::npos) return Verdict::Bad;
  const std::string_view digits = line.substr(space + 1, 3);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status_);
  if (error != std::errc() || end != digits.data() + 3 || status_ < 100) return Verdict::Bad;
  if (line.size() > space + 4 && line[space + 4] != ' ') return Verdict::Bad;
  at_ = At::Fields;
  return Verdict::GoOn;
}

HttpResponseReader::Verdict HttpResponseReader::field(std::string_view line) {
  const bool continues = line.front() == ' ' || line.front() == '\t';  // RFC 9112, section 5.2
  const std::string_view text = continues ? trimmed(line) : line.substr(0, line.find_last_not_of(" \t") + 1);
  if (!is_field_value(text)) return Verdict::Bad;
  if (continues) {
    if (lines_.empty()) return Verdict::Bad;
    lines_.back() += ' ';
    lines_.back() += text;
  } else {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || !is_token(text.substr(0, colon))) return Verdict::Bad;
    lines_.emplace_back(text);
  }
  // A response that is not the last goes nowhere, and two of its lines only if the body is not encoded.
  const bool counts = status_ >= 200 && !is_redirect(status_) && !is_of_the_encoding(lines_.back());
  if (!counts) return Verdict::GoOn;
  lines_size_ += continues ? text.size() + 1 : size_of_bytes(text.size());
  return lines_size_ > limit_ ? Verdict::TooLarge : Verdict::GoOn;
}

HttpResponseReader::Verdict HttpResponseReader::end_of_fields() {
  if (status_ < 200) {  // 1xx: another one follows
    lines_.clear();
    at_ = At::Status;
    return status_ == 101 ? Verdict::Bad : Verdict::GoOn;  // we have not asked for another protocol
  }
  at_ = At::Body;
  location_ = value_of("Location");
  if (is_redirect(status_) && !location_.empty()) return Verdict::Redirect;
  const bool has_body = !head_ && status_ != 204 && status_ != 304;
  std::size_t announced = 0;
  if (has_body) {
    const std::string_view length = value_of("Content-Length");
    std::from_chars(length.data(), length.data() + length.size(), announced);
  }
  if (has_body && !value_of("Content-Encoding").empty()) {
    if (!understand_encoding()) return Verdict::Bad;
    std::erase_if(lines_, [](const std::string& line) { return is_of_the_encoding(line); });
    announced = 0;  // decoded, it can be less as well as more
  }
  lines_size_ = 0;
  for (const std::string& line : lines_) lines_size_ += size_of_bytes(line.size());
  return announced > limit_ ? Verdict::TooLarge : judged(announced);
}

/// What libcurl decodes within a bound on its memory that does not depend on the server.
bool HttpResponseReader::understand_encoding() {
  std::size_t encodings = 0;
  for (const std::string& line : lines_) {
    if (!same_name(name_of(line), "Content-Encoding")) continue;
    std::string_view rest = std::string_view(line).substr(line.find(':') + 1);
    while (!rest.empty()) {
      const std::string_view name = trimmed(rest.substr(0, rest.find(',')));
      rest.remove_prefix(std::min(rest.find(','), rest.size() - 1) + 1);
      if (name.empty() || same_name(name, "identity")) continue;
      const bool known = same_name(name, "gzip") || same_name(name, "x-gzip") || same_name(name, "deflate") ||
                         same_name(name, "br");
      if (!known || ++encodings > 1) return false;
    }
  }
  return true;
}

HttpResponseReader::Verdict HttpResponseReader::body(std::string_view bytes) {
  if (at_ != At::Body || head_) return Verdict::Bad;
  // Beyond the limit nothing is kept, not even for a moment.
  if (bytes.size() > limit_ || body_.size() > limit_ - bytes.size()) return Verdict::TooLarge;
  body_ += bytes;
  return judged();
}

std::string_view HttpResponseReader::value_of(std::string_view name) const {
  for (const std::string& line : lines_) {
    if (same_name(name_of(line), name)) return trimmed(std::string_view(line).substr(name.size() + 1));
  }
  return {};
}

HttpResponseReader::Verdict HttpResponseReader::judged(std::size_t more) const {
  return size() + more > limit_ ? Verdict::TooLarge : Verdict::GoOn;
}

std::size_t HttpResponseReader::size() const {
  std::size_t size = kMessageHeader + 1 + bytes_of_number(static_cast<std::size_t>(status_)) + lines_size_;
  if (!lines_.empty()) size += 1 + bytes_of_number(lines_.size());
  if (!body_.empty()) size += size_of_bytes(body_.size());
  return size;
}

channel::HttpResponse HttpResponseReader::take() {
  channel::HttpResponse response;
  response.set_status_code(static_cast<std::uint32_t>(status_));
  response.set_header_count(static_cast<std::uint32_t>(lines_.size()));
  response.set_body(std::move(body_));
  for (std::string& line : lines_) response.add_headers(std::move(line));
  return response;
}

}  // namespace microvisor::cloud
