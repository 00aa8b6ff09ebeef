// One line of a device's log stream.
#pragma once

#include <string>

#include "cloud/clock/clock.hpp"

namespace microvisor::cloud {

/// The record types people see. The first three are those of the original service.
namespace log_type {
inline constexpr const char* kConnection = "connection";
inline constexpr const char* kUpdate = "ota_update";
inline constexpr const char* kApplication = "app_logging";
inline constexpr const char* kTest = "test_log";    ///< what a factory test application logs
inline constexpr const char* kEvent = "app_event";  ///< something happened to the application
}  // namespace log_type

struct LogRecord {
  Timestamp time = 0;
  std::string device_sid;
  std::string type;
  std::string message;  ///< UTF-8; one line
};

/// {"timestamp":...,"type":...,"device_sid":...,"message":...} without a line end.
std::string to_json(const LogRecord& record);

/// Bytes as valid UTF-8 (what is not becomes U+FFFD), without line ends at the end; others become spaces.
std::string clean_text(std::string_view bytes);

}  // namespace microvisor::cloud
