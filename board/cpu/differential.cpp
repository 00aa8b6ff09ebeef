// Differential test: random programs on this core and on `qemu-system-arm -M mps2-an505`.
//
// One guest image holds all programs of a run. Each loads the same registers and flags, executes 8 to 40
// instructions drawn from the rows of the instruction table (so a row cannot be forgotten), and appends its
// registers, flags and memory to a log, which the guest writes out by semihosting at the end. The two logs
// must be equal. Encodings whose result the architecture leaves open (UNPREDICTABLE, UNKNOWN) are not drawn.
//
//   differential [--programs N] [--seed S] [--batch N] [--keep]
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "board/cpu/differential_guest.hpp"
#include "board/cpu/test_bus.hpp"

namespace microvisor::board {
namespace {

namespace fs = std::filesystem;

/// What this core leaves in the log.
std::vector<std::uint32_t> run_here(const GuestImage& image) {
  TestBus bus;
  Scheduler scheduler;
  auto& code = bus.add(GuestImage::kCode, GuestImage::kCodeSize);
  std::memcpy(code.bytes.data(), image.bytes().data(), image.bytes().size());
  bus.add(GuestImage::kData, GuestImage::kDataSize);
  bus.add(GuestImage::kLog, GuestImage::kLogSize);
  Core core(bus, scheduler);
  core.semihosting = true;
  core.reset(GuestImage::kCode);
  for (;;) {
    scheduler.arm_budget(1'000'000);
    const Stop stop = core.execute();
    if (stop == Stop::Budget) continue;
    if (stop != Stop::Semihosting) {
      std::cerr << "differential: stopped for reason " << static_cast<int>(stop) << " at " << std::hex
                << core.state.r[15] << "\n";
      return {};
    }
    constexpr std::uint32_t kWrite = 5, kExit = 0x18;
    if (core.state.r[0] == kExit) break;
    core.state.r[0] = core.state.r[0] == kWrite ? 0 : 1;
    core.state.r[15] += 2;
  }
  std::vector<std::uint32_t> log(image.log_words());
  for (std::size_t index = 0; index < log.size(); ++index) {
    if (!bus.peek(GuestImage::kLog + static_cast<std::uint32_t>(4 * index), 4, log[index])) return {};
  }
  return log;
}

/// What QEMU leaves; the guest writes to the file that the image names.
std::vector<std::uint32_t> run_in_qemu(const GuestImage& image, const fs::path& folder) {
  const fs::path elf = folder / "guest.elf", out = image.output_file();
  image.write_elf(elf);
  fs::remove(out);
  const std::string command =
      "timeout 120 qemu-system-arm -M mps2-an505 -display none -monitor none -serial none "
      "-semihosting-config enable=on,target=native -kernel " +
      elf.string() + " >" + (folder / "qemu.log").string() + " 2>&1";
  if (std::system(command.c_str()) != 0)
    std::cerr << "differential: qemu-system-arm failed, see " << folder << "\n";
  std::ifstream stream(out, std::ios::binary);
  std::vector<std::uint32_t> log(image.log_words());
  stream.read(reinterpret_cast<char*>(log.data()), static_cast<std::streamsize>(log.size() * 4));
  log.resize(static_cast<std::size_t>(stream.gcount()) / 4);
  return log;
}

/// Prints the first programs that differ; the number of all.
std::size_t compare(const GuestImage& image, const std::vector<std::uint32_t>& ours,
                    const std::vector<std::uint32_t>& theirs) {
  if (ours.size() != image.log_words() || theirs.size() != ours.size()) {
    std::cerr << "differential: a log is cut short: " << ours.size() << " and " << theirs.size() << " of "
              << image.log_words() << " words\n";
    return image.programs().size();
  }
  std::size_t failed = 0;
  for (std::size_t number = 0; number < image.programs().size(); ++number) {
    const std::size_t first = number * GuestImage::kLogWords;
    if (std::equal(&ours[first], &ours[first] + GuestImage::kLogWords, &theirs[first])) continue;
    if (++failed > 3) continue;
    const std::uint64_t id = image.programs()[number].id;
    std::cerr << "program " << id << " differs; replay: differential --programs 1 --seed " << id << "\n"
              << image.programs()[number].listing;
    for (std::size_t word = 0; word < GuestImage::kLogWords; ++word) {
      if (ours[first + word] == theirs[first + word]) continue;
      std::fprintf(stderr, "  %-10s ours %08x qemu %08x\n", GuestImage::log_name(word).c_str(),
                   ours[first + word], theirs[first + word]);
    }
  }
  return failed;
}

struct Options {
  std::uint64_t programs = 3000;
  std::uint64_t seed = 1;
  std::uint64_t batch = 3000;
  bool keep = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int index = 1; index < argc; ++index) {
    const std::string name = argv[index];
    if (name == "--keep") {
      options.keep = true;
      continue;
    }
    if (index + 1 == argc) throw std::runtime_error(name + " needs a number");
    const std::uint64_t value = std::stoull(argv[++index]);
    if (name == "--programs") options.programs = value;
    if (name == "--seed") options.seed = value;
    if (name == "--batch") options.batch = value;
  }
  return options;
}

int run(const Options& options) {
  const fs::path folder = fs::temp_directory_path() / ("differential-" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::uint64_t failed = 0, done = 0;
  while (done < options.programs) {
    const std::uint64_t count = std::min(options.batch, options.programs - done);
    const GuestImage image(options.seed + done, count, folder / "log.bin");
    failed += compare(image, run_here(image), run_in_qemu(image, folder));
    done += image.programs().size();
    if (failed > 20) break;
  }
  if (!options.keep) fs::remove_all(folder);
  std::cout << "differential: " << done << " programs from seed " << options.seed << ", " << failed
            << " failed\n";
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
