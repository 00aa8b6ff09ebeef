// What boards cost that are made of one snapshot: time to the first instruction, memory of each.
//
//   bench_boards snapshot FIRMWARE.elf FILE MILLISECONDS   runs bare firmware and writes a snapshot
//   bench_boards start FILE                                one board to its first instruction, for timing
//   from outside bench_boards figures FILE COUNT                        JSON: microseconds inside, bytes of
//   each of COUNT boards
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "board/board.hpp"
#include "board/debug/elf_image.hpp"
#include "board/snapshot/snapshot.hpp"

namespace microvisor::board {
namespace {

using Clock = std::chrono::steady_clock;

/// What may be asked of a library that answers with a reason.
template <typename Value>
Value demand(tl::expected<Value, BoardError> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

Time milliseconds(std::uint64_t count) { return count * 1000 * kTicksPerMicrosecond; }

void make(const char* firmware, const char* file, std::uint64_t duration) {
  auto board = demand(Board::create(demand(BoardMemories::in_memory(BoardIdentity::from_seed(1)))));
  if (auto booted = board->boot_image(demand(load_elf(firmware))); !booted) {
    throw std::runtime_error(booted.error().message);
  }
  board->run({.until = milliseconds(duration)});
  if (auto written = demand(board->snapshot())->write(file); !written) {
    throw std::runtime_error(written.error().message);
  }
}

std::unique_ptr<Board> start(const Snapshot& snapshot) {
  auto board = demand(Board::resume(snapshot));
  board->run({.until = kNever, .instructions = 1});
  return board;
}

double median_start(const char* file) {
  std::vector<double> spans;
  for (int round = 0; round < 51; ++round) {
    const auto begin = Clock::now();
    const auto snapshot = demand(Snapshot::read(file));
    const auto board = start(*snapshot);
    spans.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  std::ranges::nth_element(spans, spans.begin() + 25);
  return spans[25];
}

/// Memory of this process: its share of what is shared, and the tables that map it (proc(5)).
std::uint64_t resident_bytes() {
  std::uint64_t kilobytes = 0;
  const auto add = [&kilobytes](const char* path, std::string_view field) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with(field)) kilobytes += std::strtoull(line.c_str() + field.size(), nullptr, 10);
    }
  };
  add("/proc/self/smaps_rollup", "Pss:");
  add("/proc/self/status", "VmPTE:");
  return kilobytes * 1024;
}

/// Each board has lived on for a second of its time.
double bytes_of_each(const char* file, std::size_t count) {
  const auto snapshot = demand(Snapshot::read(file));
  std::vector<std::unique_ptr<Board>> boards;
  boards.reserve(count);
  const std::uint64_t before = resident_bytes();
  for (std::size_t index = 0; index < count; ++index) {
    boards.push_back(start(*snapshot));
    boards.back()->run({.until = boards.back()->scheduler().now() + milliseconds(1000)});
  }
  return static_cast<double>(resident_bytes() - before) / static_cast<double>(count);
}

int run(int count, char** words) {
  const std::string_view what = count > 2 ? words[1] : "";
  if (what == "snapshot" && count == 5) {
    make(words[2], words[3], std::strtoull(words[4], nullptr, 10));
  } else if (what == "start" && count == 3) {
    start(*demand(Snapshot::read(words[2])));
  } else if (what == "figures" && count == 4) {
    std::printf("{\"start_us\": %.1f, \"bytes_each\": %.0f}\n", median_start(words[2]),
                bytes_of_each(words[2], std::strtoull(words[3], nullptr, 10)));
  } else {
    std::fputs("usage: bench_boards snapshot ELF FILE MS | start FILE | figures FILE COUNT\n", stderr);
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace microvisor::board

int main(int count, char** words) {
  try {
    return microvisor::board::run(count, words);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_boards: %s\n", error.what());
    return 1;
  }
}
