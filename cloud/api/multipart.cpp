// One pass over the body; nothing but part headers is copied.
#include "cloud/api/multipart.hpp"

#include <algorithm>
#include <cctype>

namespace microvisor::cloud::api {
namespace {

constexpr std::size_t kMaxParts = 16;
constexpr std::size_t kMaxPartHeader = 4096;
constexpr std::string_view kLineEnd = "\r\n";

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return result;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The value of `name` in `; name=value; other="quoted value"` (RFC 9110, section 5.6.6).
std::optional<std::string> parameter(std::string_view field, std::string_view name) {
  std::size_t at = field.find(';');
  while (at != std::string_view::npos) {
    field.remove_prefix(at + 1);
    const std::size_t equals = field.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string key = lower(trim(field.substr(0, equals)));
    field.remove_prefix(equals + 1);
    std::string value;
    std::size_t i = 0;
    if (!field.empty() && field[0] == '"') {
      for (i = 1; i < field.size() && field[i] != '"'; ++i) {
        if (field[i] == '\\' && i + 1 < field.size()) ++i;
        value += field[i];
      }
    } else {
      i = std::min(field.find(';'), field.size());
      value = trim(field.substr(0, i));
    }
    if (key == name) return value;
    field.remove_prefix(std::min(i, field.size()));
    at = field.find(';');
  }
  return std::nullopt;
}

std::optional<std::string> part_name(std::string_view header) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(kLineEnd), header.size());
    const std::string_view line = header.substr(0, end);
    header.remove_prefix(std::min(end + kLineEnd.size(), header.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || lower(trim(line.substr(0, colon))) != "content-disposition")
      continue;
    return parameter(line.substr(colon + 1), "name");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  if (lower(trim(content_type.substr(0, content_type.find(';')))) != "multipart/form-data")
    return std::nullopt;
  auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > 70) return std::nullopt;
  return boundary;
}

std::optional<std::vector<Part>> parse_multipart(std::string_view body, const std::string& boundary) {
  const std::string opening = "--" + boundary;
  const std::string delimiter = "\r\n" + opening;
  std::size_t at = 0;
  if (body.substr(0, opening.size()) != opening) {
    at = body.find(delimiter);  // a preamble
    if (at == std::string_view::npos) return std::nullopt;
    at += kLineEnd.size();
  }
  body.remove_prefix(at + opening.size());
  std::vector<Part> parts;
  for (;;) {
    if (body.substr(0, 2) == "--") return parts;
    if (body.substr(0, 2) != kLineEnd || parts.size() == kMaxParts) return std::nullopt;
    body.remove_prefix(kLineEnd.size());
    const std::size_t header_end = body.substr(0, kMaxPartHeader).find("\r\n\r\n");
    if (header_end == std::string_view::npos) return std::nullopt;
    const auto name = part_name(body.substr(0, header_end));
    if (!name) return std::nullopt;
    body.remove_prefix(header_end + 4);
    // An empty part: the delimiter's line end is the one that ends the header.
    const std::size_t end = body.find(delimiter);
    if (end == std::string_view::npos) return std::nullopt;
    parts.push_back({*name, body.substr(0, end)});
    body.remove_prefix(end + delimiter.size());
  }
}

}  // namespace microvisor::cloud::api
