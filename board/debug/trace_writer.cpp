#include "board/debug/trace_writer.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "board/cpu/system_units.hpp"
#include "board/debug/exception_names.hpp"

namespace microvisor::board {
namespace {

enum Track : unsigned { kSecureTrack = 1, kNonSecureTrack = 2, kExceptionTrack = 3, kSleepTrack = 4 };
constexpr std::string_view kTrackNames[] = {"", "Secure", "Non-secure", "Exceptions", "Sleep"};

/// Time stamps count in 10 ps: a cycle of 160 MHz is 625 of them.
constexpr Time kStampsPerMicrosecond = 100'000;

Time stamp_of(Time time) {
  return time / kTicksPerMicrosecond * kStampsPerMicrosecond +
         time % kTicksPerMicrosecond * kStampsPerMicrosecond / kTicksPerMicrosecond;
}

/// In microseconds, which is the unit of the format.
std::string stamp_text(Time stamp) {
  return fmt::format("{}.{:05}", stamp / kStampsPerMicrosecond, stamp % kStampsPerMicrosecond);
}
std::string time_text(Time time) { return stamp_text(stamp_of(time)); }

std::string json_text(std::string_view text) {
  std::string result = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') result += '\\';
    const auto code = static_cast<unsigned char>(letter);
    result += code < 0x20 || code > 0x7E ? fmt::format("\\u{:04x}", code) : std::string(1, letter);
  }
  return result + "\"";
}

std::string exception_text(unsigned number, World world) {
  return fmt::format("{}{}", exception_name(number), world == kSecure ? " (S)" : " (NS)");
}

}  // namespace

TraceWriter::TraceWriter(const std::filesystem::path& file, const Scheduler& scheduler, Names names)
    : out_(file, std::ios::binary | std::ios::trunc), scheduler_(scheduler), names_(std::move(names)) {
  out_ << '[';
  event(R"("ph":"M","name":"process_name","args":{"name":"STM32U585"})");
  for (const unsigned track : {kSecureTrack, kNonSecureTrack, kExceptionTrack, kSleepTrack}) {
    event(fmt::format(R"("ph":"M","tid":{},"name":"thread_name","args":{{"name":{}}})", track,
                      json_text(kTrackNames[track])));
    event(fmt::format(R"("ph":"M","tid":{0},"name":"thread_sort_index","args":{{"sort_index":{0}}})", track));
  }
}

TraceWriter::~TraceWriter() { close(); }

bool TraceWriter::close() {
  if (!out_.is_open()) return good();
  while (!active_.empty()) end_exception();
  if (!asleep_since_) end_world();
  end_sleep();
  out_ << "\n]\n";
  const bool written = out_.flush().good();
  out_.close();
  return written;
}

void TraceWriter::event(std::string_view fields) {
  out_ << (first_ ? "\n" : ",\n") << "{\"pid\":1," << fields << '}';
  first_ = false;
}

void TraceWriter::slice(unsigned track, std::string_view name, Time from, Time to) {
  if (from == to) return;
  event(fmt::format(R"("ph":"X","tid":{},"name":{},"ts":{},"dur":{})", track, json_text(name),
                    time_text(from), stamp_text(stamp_of(to) - stamp_of(from))));
}

void TraceWriter::switch_world(World world) {
  if (world == world_) return;
  end_world();
  world_ = world;
}

void TraceWriter::end_world() {
  const Time now = scheduler_.now();
  slice(world_ == kSecure ? kSecureTrack : kNonSecureTrack, world_ == kSecure ? "secure" : "non-secure",
        world_since_, now);
  world_since_ = now;
}

void TraceWriter::exception_entered(unsigned number, World world, std::uint32_t from) {
  Active entry{.number = number, .world = world, .call = 0, .name = {}};
  const std::string now = time_text(scheduler_.now());
  if (number == kSecureFault && world_ == kNonSecure) entry.name = names_(from);
  event(fmt::format(R"("ph":"B","tid":{},"name":{},"ts":{},"args":{{"from":"0x{:08x}"}})", +kExceptionTrack,
                    json_text(exception_text(number, world)), now, from));
  if (!entry.name.empty()) {
    entry.call = ++calls_;
    event(fmt::format(R"("ph":"b","cat":"call","id":{},"tid":{},"name":{},"ts":{})", entry.call,
                      +kNonSecureTrack, json_text(entry.name), now));
  }
  active_.push_back(std::move(entry));
  switch_world(world);
}

void TraceWriter::exception_ended(unsigned number, World world) {
  const auto is_it = [=](const Active& entry) { return entry.number == number && entry.world == world; };
  if (std::ranges::none_of(active_, is_it)) return;
  // Whatever stands above has lost its exception without a return.
  while (!is_it(active_.back())) end_exception();
  end_exception();
}

void TraceWriter::end_exception() {
  const Active entry = std::move(active_.back());
  active_.pop_back();
  const std::string now = time_text(scheduler_.now());
  if (entry.call != 0) {
    event(fmt::format(R"("ph":"e","cat":"call","id":{},"tid":{},"name":{},"ts":{})", entry.call,
                      +kNonSecureTrack, json_text(entry.name), now));
  }
  event(fmt::format(R"("ph":"E","tid":{},"name":{},"ts":{})", +kExceptionTrack,
                    json_text(exception_text(entry.number, entry.world)), now));
}

void TraceWriter::world_entered(World world, std::uint32_t /*address*/) { switch_world(world); }

void TraceWriter::reset(std::string_view cause) {
  while (!active_.empty()) end_exception();
  switch_world(kSecure);
  event(fmt::format(R"("ph":"i","s":"g","tid":{},"name":{},"ts":{})", +kSecureTrack,
                    json_text("reset: " + std::string(cause)), time_text(scheduler_.now())));
}

void TraceWriter::asleep(bool deep) {
  if (asleep_since_) {
    end_sleep();
  } else {
    end_world();
  }
  asleep_since_ = scheduler_.now();
  deep_ = deep;
}

void TraceWriter::awake() {
  end_sleep();
  world_since_ = scheduler_.now();
}

void TraceWriter::end_sleep() {
  if (!asleep_since_) return;
  slice(kSleepTrack, deep_ ? "deep sleep" : "sleep", *asleep_since_, scheduler_.now());
  asleep_since_.reset();
}

}  // namespace microvisor::board
