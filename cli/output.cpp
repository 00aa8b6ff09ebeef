// What a device sends is data: a terminal gets no control character of it.
#include "cli/output.hpp"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>

namespace microvisor::cli {
namespace {

std::mutex output_lock;  // of both streams, and of the status line
std::string status_line;

constexpr std::string_view kEraseLine = "\r\033[K";

void write_error(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

/// The status line as it fits on the terminal, drawn over the older one.
std::string drawn_status() {
  if (status_line.empty()) return {};
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return "\r" + status_line.substr(0, known ? size.ws_col - 1 : std::string::npos) + "\033[K";
}

/// Control characters as \\xNN where a terminal would obey them; into a pipe or file the text goes as it
/// came.
std::string visible(std::string_view text) {
  static const bool terminal = isatty(STDOUT_FILENO) == 1;
  if (!terminal) return std::string(text);
  std::string result;
  for (const char letter : text) {
    const auto code = static_cast<unsigned char>(letter);
    if ((code < 0x20 && letter != '\t') || code == 0x7F) {
      result += fmt::format("\\x{:02X}", code);
    } else {
      result += letter;
    }
  }
  return result;
}

std::string padded_row(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string row;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    row += i + 1 == cells.size() ? cells[i] : fmt::format("{:<{}}  ", cells[i], widths[i]);
  }
  return row;
}

}  // namespace

void print_line(std::string_view line) {
  const std::lock_guard guard(output_lock);
  if (!status_line.empty()) write_error(kEraseLine);
  fmt::print("{}\n", line);
  std::fflush(stdout);
  if (!status_line.empty()) write_error(drawn_status());
}

void note(std::string_view line) {
  const std::lock_guard guard(output_lock);
  write_error(
      fmt::format("{}microvisor: {}\n{}", status_line.empty() ? "" : kEraseLine, line, drawn_status()));
}

void note_text(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (!text.empty()) note(text);
}

void set_status_line(std::string text) {
  const std::lock_guard guard(output_lock);
  if (text.empty() && !status_line.empty()) write_error(kEraseLine);
  status_line = std::move(text);
  if (!status_line.empty()) write_error(drawn_status());
}

std::string text_of(const nlohmann::json& object, const std::string& field) {
  const auto it = object.find(field);
  if (it == object.end() || it->is_null()) return {};
  return it->is_string() ? it->get<std::string>() : it->dump();
}

std::string format_log_record(const nlohmann::json& record) {
  return fmt::format("{} {:<13} {}", text_of(record, "timestamp"), "[" + text_of(record, "type") + "]",
                     visible(text_of(record, "message")));
}

std::string format_table(const std::vector<std::string>& headings,
                         const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings.size(); ++column) {
    std::size_t width = headings[column].size();
    for (const auto& row : rows) width = std::max(width, row[column].size());
    widths.push_back(width);
  }
  std::string table = padded_row(headings, widths);
  for (const auto& row : rows) table += "\n" + padded_row(row, widths);
  return table;
}

std::string format_fields(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, name.size());
  std::string lines;
  for (const auto& [name, value] : fields) {
    lines += fmt::format("{}{:<{}}  {}", lines.empty() ? "" : "\n", name, width, value);
  }
  return lines;
}

}  // namespace microvisor::cli
