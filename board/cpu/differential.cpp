// Differential test: random programs on this core and on `qemu-system-arm -M mps2-an505`.
//
// Each program loads a random state, executes 8 to 31 instructions, accesses and blocks drawn from the rows
// of the instruction table (so a row cannot be forgotten), and leaves a checksum of its registers, flags and
// memory. One guest image holds many programs, because QEMU needs as long to start as for hundreds of them.
// A program whose checksums differ is run again alone, and everything about it printed. Encodings whose
// result the architecture leaves open (UNPREDICTABLE, UNKNOWN) are not drawn.
//
//   differential [--programs N] [--seed S] [--batch N] [--jobs N]
//
// The programs are numbered S, S + 1, ...; number I alone is `differential --programs 1 --seed I`.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include "board/cpu/differential_guest.hpp"
#include "board/cpu/test_bus.hpp"

namespace microvisor::board {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::uint32_t>;

/// The host of the guest on this core: its memories and the semihosting it uses.
class Here {
 public:
  Here() {
    bus_.add(GuestImage::kCode, GuestImage::kCodeSize);
    bus_.add(GuestImage::kData, GuestImage::kDataSize);
    bus_.add(GuestImage::kTable, GuestImage::kTableSize + GuestImage::kChecksumsSize);
  }

  /// What the guest writes; empty if it did not get to its end.
  Words run(const GuestImage& image) {
    std::memcpy(bus_.memory(0).bytes.data(), image.code().data(), image.code().size());
    std::ranges::fill(bus_.memory(1).bytes, std::uint8_t{0});
    std::memcpy(bus_.memory(2).bytes.data(), image.table().data(), image.table().size() * 4);
    Scheduler scheduler;
    Core core(bus_, scheduler);
    core.semihosting = true;
    core.reset(GuestImage::kCode);
    Words output;
    while (go_on(core, output)) {
    }
    return output;
  }

 private:
  bool go_on(Core& core, Words& output) {
    core.scheduler.arm_budget(1'000'000);
    const Stop stop = core.execute();
    if (stop == Stop::Budget) return true;
    if (stop != Stop::Semihosting) {
      std::cerr << "differential: stopped for reason " << static_cast<int>(stop) << " at " << std::hex
                << core.state.r[15] << std::dec << "\n";
      output.clear();
      return false;
    }
    constexpr std::uint32_t kWrite = 5, kExit = 0x18;
    if (core.state.r[0] == kExit) return false;
    if (core.state.r[0] == kWrite) append(output, word(core.state.r[1] + 4), word(core.state.r[1] + 8));
    core.state.r[0] = core.state.r[0] == kWrite ? 0 : 1;
    core.state.r[15] += 2;
    return true;
  }
  std::uint32_t word(std::uint32_t address) const {
    std::uint32_t value = 0;
    return bus_.peek(address, 4, value) ? value : 0;
  }
  void append(Words& output, std::uint32_t address, std::uint32_t size) const {
    for (std::uint32_t offset = 0; offset < size; offset += 4) output.push_back(word(address + offset));
  }

  TestBus bus_;
};

/// What the guest writes on QEMU, into the file that the image names.
Words run_in_qemu(const GuestImage& image, const fs::path& folder) {
  const fs::path elf = folder / "guest.elf";
  const fs::path& out = image.output_file();
  image.write_elf(elf);
  fs::remove(out);
  const std::string command =
      "timeout 300 qemu-system-arm -M mps2-an505 -display none -monitor none -serial none "
      "-semihosting-config enable=on,target=native -kernel " +
      elf.string() + " >" + (folder / "qemu.log").string() + " 2>&1";
  if (std::system(command.c_str()) != 0)
    std::cerr << "differential: qemu-system-arm failed, see " << folder << "\n";
  std::ifstream stream(out, std::ios::binary);
  Words output(image.output_words());
  stream.read(reinterpret_cast<char*>(output.data()), static_cast<std::streamsize>(output.size() * 4));
  output.resize(static_cast<std::size_t>(stream.gcount()) / 4);
  return output;
}

struct Options {
  std::uint64_t programs = 3000;
  std::uint64_t seed = 1;
  std::uint64_t batch = 12'000;
  std::uint64_t jobs = 1;
};

/// One of several workers, each with a folder and a QEMU of its own.
class Worker {
 public:
  Worker(const Options& options, std::atomic<std::uint64_t>& next, std::atomic<std::uint64_t>& failed,
         const fs::path& folder)
      : options_(options), next_(next), failed_(failed), folder_(folder) {
    fs::create_directories(folder_);
  }

  void run() {
    for (;;) {
      const std::uint64_t first = next_.fetch_add(options_.batch);
      if (first >= options_.programs || failed_ > 20) return;
      run_batch(options_.seed + first, std::min(options_.batch, options_.programs - first));
    }
  }

 private:
  void run_batch(std::uint64_t first, std::uint64_t count) {
    while (count > 0) {
      const GuestImage image(first, count, false, folder_ / "output.bin");
      const std::uint64_t done = image.programs().size();
      compare(image, here_.run(image), run_in_qemu(image, folder_));
      first += done;
      count -= done;
    }
  }

  void compare(const GuestImage& image, const Words& ours, const Words& theirs) {
    if (ours.size() != image.output_words() || theirs.size() != ours.size()) {
      std::cerr << "differential: programs from " << image.programs().front().id
                << ": an output is cut short: " << ours.size() << " and " << theirs.size() << " of "
                << image.output_words() << " words\n";
      failed_ += image.programs().size();
      return;
    }
    for (std::size_t number = 0; number < image.programs().size(); ++number) {
      if (ours[number] == theirs[number]) continue;
      if (++failed_ <= 5) explain(image.programs()[number].id);
    }
  }

  /// Runs one program alone and prints what differs.
  void explain(std::uint64_t id) {
    const GuestImage image(id, 1, true, folder_ / "output.bin");
    const Words ours = here_.run(image), theirs = run_in_qemu(image, folder_);
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
    std::cerr << "program " << id << " differs; replay: build/board/cpu/differential --programs 1 --seed "
              << id << "\n"
              << image.programs().front().listing;
    for (std::size_t word = 1; word < std::min(ours.size(), theirs.size()); ++word) {
      if (ours[word] == theirs[word]) continue;
      std::fprintf(stderr, "  %-10s ours %08x qemu %08x\n", GuestImage::block_name(word - 1).c_str(),
                   ours[word], theirs[word]);
    }
  }

  const Options& options_;
  std::atomic<std::uint64_t>& next_;
  std::atomic<std::uint64_t>& failed_;
  fs::path folder_;
  Here here_;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int index = 1; index + 1 < argc; index += 2) {
    const std::string name = argv[index];
    const std::uint64_t value = std::stoull(argv[index + 1]);
    if (name == "--programs") {
      options.programs = value;
    } else if (name == "--seed") {
      options.seed = value;
    } else if (name == "--batch") {
      options.batch = value;
    } else if (name == "--jobs") {
      options.jobs = value;
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  return options;
}

int run(const Options& options) {
  const fs::path folder = fs::temp_directory_path() / ("differential-" + std::to_string(getpid()));
  std::atomic<std::uint64_t> next{0}, failed{0};
  std::vector<std::thread> threads;
  for (std::uint64_t job = 0; job < std::max<std::uint64_t>(1, options.jobs); ++job) {
    threads.emplace_back([&, job] { Worker(options, next, failed, folder / std::to_string(job)).run(); });
  }
  for (std::thread& thread : threads) thread.join();
  fs::remove_all(folder);
  std::cout << "torture: " << options.programs << " cases, " << failed << " failed\n";
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace microvisor::board

int main(int argc, char** argv) {
  try {
    return microvisor::board::run(microvisor::board::parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "differential: " << error.what() << "\n";
    return 2;
  }
}
