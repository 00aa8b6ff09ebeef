// How the command prints: log records in the vendor's text form, tables and JSON.
//
// Everything on stdout is written whole lines at a time, under one lock, and flushed at once, so that a
// reader of a pipe sees each record as it comes. Functions may be called from any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace microvisor::cli {

/// Writes one line to stdout and flushes it.
void print_line(std::string_view line);
/// A diagnostic on stderr, prefixed "microvisor: ".
void note(std::string_view line);
/// The same for text that may end in a newline, or be empty: then there is nothing to say.
void note_text(std::string_view text);

/// Keeps `text` as the last line of the terminal behind stderr, below everything printed by the two functions
/// above; cut to the terminal's width. Empty: no such line.
void set_status_line(std::string text);

/// "2026-01-01T12:34:56.123456Z [app_logging] text": type in brackets padded to 13 columns. On a terminal
/// control characters other than tab are shown as \xNN, so that a device cannot write escape sequences to it.
std::string format_log_record(const nlohmann::json& record);

/// A table with a heading; columns are as wide as their widest cell.
std::string format_table(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows);

/// `field` of an object as text: empty for null or absent.
std::string text_of(const nlohmann::json& object, const std::string& field);

/// Names and values, one pair a line, aligned.
std::string format_fields(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace microvisor::cli
