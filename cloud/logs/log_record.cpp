// What devices send is bytes; what leaves the cloud is valid UTF-8, one line a record.
#include "cloud/logs/log_record.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cloud/text/utf8.hpp"

namespace microvisor::cloud {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

}  // namespace

std::string clean_text(std::string_view bytes) {
  while (!bytes.empty() && (bytes.back() == '\n' || bytes.back() == '\r' || bytes.back() == '\0'))
    bytes.remove_suffix(1);
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const std::size_t length = sequence_length(bytes);
    if (length == 0) {
      text += kReplacement;
    } else if (bytes[0] == '\n' || bytes[0] == '\r' || bytes[0] == '\0') {
      text += ' ';
    } else {
      text += bytes.substr(0, length);
    }
    bytes.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return text;
}

std::string to_json(const LogRecord& record) {
  nlohmann::ordered_json object;
  object["timestamp"] = iso_microseconds(record.time);
  object["type"] = record.type;
  object["device_sid"] = record.device_sid;
  object["message"] = record.message;
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace microvisor::cloud
