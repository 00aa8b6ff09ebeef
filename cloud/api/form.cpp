// Strict where a mistake would be taken for a value, lenient where clients differ (case of booleans, + and
// %20).
#include "cloud/api/form.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "protocol/bundle/bytes.hpp"

namespace microvisor::cloud::api {
namespace {

constexpr std::string_view kFormType = "application/x-www-form-urlencoded";

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      const auto byte = protocol::from_hex(text.substr(i + 1, 2));
      if (!byte || byte->size() != 1 || (*byte)[0] == 0) return std::nullopt;
      decoded += static_cast<char>((*byte)[0]);
      i += 2;
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kUnreserved = "-._~";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || kUnreserved.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      std::string hex = protocol::to_hex(protocol::Bytes{byte});
      std::transform(hex.begin(), hex.end(), hex.begin(), [](unsigned char h) { return std::toupper(h); });
      encoded += '%' + hex;
    }
  }
  return encoded;
}

std::optional<Parameters> parse_form(std::string_view body) {
  Parameters parameters;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('&'), body.size());
    const std::string_view pair = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = percent_decode(pair.substr(0, equals), true);
    const auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return std::nullopt;
    parameters[*name] = *value;
  }
  return parameters;
}

Parameters read_form(const Request& request) {
  const std::string type = request.content_type.substr(0, request.content_type.find(';'));
  if (!type.empty() && type != kFormType && !request.body.empty()) {
    throw ApiError{415, 20415, "The body has to be " + std::string(kFormType)};
  }
  auto form = parse_form(request.body);
  if (!form) throw bad_request("The form is not valid percent-encoding");
  return std::move(*form);
}

bool parse_boolean(const std::string& name, const std::string& value) {
  std::string lower = value;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "true") return true;
  if (lower == "false") return false;
  throw bad_request(name + " has to be true or false");
}

std::uint64_t parse_number(const std::string& name, const std::string& value, std::uint64_t low,
                           std::uint64_t high) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < low || number > high) {
    throw bad_request(name + " has to be a number from " + std::to_string(low) + " to " +
                      std::to_string(high));
  }
  return number;
}

}  // namespace microvisor::cloud::api
