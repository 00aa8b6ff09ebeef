#include "board/debug/trace_writer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>

#include "board/cpu/system_units.hpp"
#include "board/debug/exception_names.hpp"

namespace microvisor::board {
namespace {

enum Track : unsigned {
  kSecureTrack = 1,
  kNonSecureTrack = 2,
  kExceptionTrack = 3,
  kSleepTrack = 4,
  kThreadTracks = 10,  ///< and up: the functions of one thread each
};
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

unsigned track_of_functions(unsigned track) {
  return track == CallListener::kHandlers ? +kExceptionTrack : kThreadTracks + track;
}

/// Where a return can lead: neither EXC_RETURN, FNC_RETURN nor what LR is after a reset.
bool is_code(std::uint32_t address) { return address < 0xE000'0000; }

}  // namespace

TraceWriter::TraceWriter(const std::filesystem::path& file, Core& core, Symbols symbols, std::uint64_t limit)
    : out_(file, std::ios::binary | std::ios::trunc),
      core_(core),
      symbols_(std::move(symbols)),
      limit_(limit),
      functions_(core.state, *this),
      world_(core.state.world),
      world_since_(core.scheduler.now()) {
  out_ << '[';
  if (!out_) error_ = errno;
  event(R"("ph":"M","name":"process_name","args":{"name":"STM32U585"})");
  for (const unsigned track : {kSecureTrack, kNonSecureTrack, kExceptionTrack, kSleepTrack}) {
    name_track(track, kTrackNames[track]);
  }
  set_tracer(core_, this);
  for (const auto& [address, symbol] : symbols_) {
    if (symbol.function) add_trace_point(core_, address);
  }
}

TraceWriter::~TraceWriter() { close(); }

void TraceWriter::close() {
  if (!out_.is_open()) return;
  if (core_.tracer == this) set_tracer(core_, nullptr);
  if (!full_since_) end_slices();
  out_ << "\n]\n";
  out_.flush();
  if (!out_ && error_ == 0) error_ = errno;
  out_.close();
}

void TraceWriter::end_slices() {
  while (!active_.empty()) end_exception();
  functions_.end_all();
  if (!asleep_since_) end_world();
  end_sleep();
}

/// False once there is no room for more: then everything that is open has been ended.
bool TraceWriter::has_room() {
  if (full_since_) return false;
  if (size_ < limit_) return true;
  end_slices();
  full_since_ = core_.scheduler.now();
  return false;
}

void TraceWriter::event(std::string_view fields) {
  out_ << (size_ == 0 ? "\n" : ",\n") << "{\"pid\":1," << fields << '}';
  size_ += fields.size() + std::string_view(",\n{\"pid\":1,}").size();
  if (!out_ && error_ == 0) error_ = errno;
}

void TraceWriter::name_track(unsigned track, std::string_view name) {
  event(
      fmt::format(R"("ph":"M","tid":{},"name":"thread_name","args":{{"name":{}}})", track, json_text(name)));
  event(fmt::format(R"("ph":"M","tid":{0},"name":"thread_sort_index","args":{{"sort_index":{0}}})", track));
}

void TraceWriter::begin(unsigned track, std::string_view name, std::string_view more) {
  event(fmt::format(R"("ph":"B","tid":{},"name":{},"ts":{}{})", track, json_text(name),
                    time_text(core_.scheduler.now()), more));
}

void TraceWriter::end(unsigned track, std::string_view name) {
  event(fmt::format(R"("ph":"E","tid":{},"name":{},"ts":{})", track, json_text(name),
                    time_text(core_.scheduler.now())));
}

void TraceWriter::slice(unsigned track, std::string_view name, Time from, Time to) {
  if (from == to) return;
  event(fmt::format(R"("ph":"X","tid":{},"name":{},"ts":{},"dur":{})", track, json_text(name),
                    time_text(from), stamp_text(stamp_of(to) - stamp_of(from))));
}

/// A stretch in a world has the name of the function at which it begins.
void TraceWriter::switch_world(World world, std::uint32_t address) {
  if (world == world_) return;
  end_world();
  world_ = world;
  const Symbol* symbol = symbol_around(symbols_, address);
  world_name_ = symbol == nullptr ? std::string() : symbol->name;
}

void TraceWriter::end_world() {
  const Time now = core_.scheduler.now();
  const std::string_view world = world_ == kSecure ? "secure" : "non-secure";
  slice(world_ == kSecure ? kSecureTrack : kNonSecureTrack, world_name_.empty() ? world : world_name_,
        world_since_, now);
  world_since_ = now;
}

void TraceWriter::exception_entered(unsigned number, World world, std::uint32_t from) {
  if (!has_room()) return;
  returning_ = false;
  Active entry{.number = number, .world = world, .call = 0, .name = {}};
  const auto gate = symbols_.find(from);
  if (number == kSecureFault && world_ == kNonSecure && gate != symbols_.end()) {
    entry.name = gate->second.name;
  }
  begin(kExceptionTrack, exception_text(number, world),
        fmt::format(R"(,"args":{{"from":"0x{:08x}"}})", from));
  if (!entry.name.empty()) {
    entry.call = ++calls_;
    event(fmt::format(R"("ph":"b","cat":"call","id":{},"tid":{},"name":{},"ts":{})", entry.call,
                      +kNonSecureTrack, json_text(entry.name), time_text(core_.scheduler.now())));
  }
  active_.push_back(std::move(entry));
  functions_.handler_entered();
  switch_world(world, core_.state.r[15]);
}

void TraceWriter::exception_ended(unsigned number, World world) {
  if (!has_room()) return;
  returning_ = true;
  const auto is_it = [=](const Active& entry) { return entry.number == number && entry.world == world; };
  if (std::ranges::none_of(active_, is_it)) return;
  // Whatever stands above has lost its exception without a return.
  while (!is_it(active_.back())) end_exception();
  end_exception();
}

void TraceWriter::end_exception() {
  functions_.handler_ended();
  const Active entry = std::move(active_.back());
  active_.pop_back();
  if (entry.call != 0) {
    event(fmt::format(R"("ph":"e","cat":"call","id":{},"tid":{},"name":{},"ts":{})", entry.call,
                      +kNonSecureTrack, json_text(entry.name), time_text(core_.scheduler.now())));
  }
  end(kExceptionTrack, exception_text(entry.number, entry.world));
}

void TraceWriter::world_entered(World world, std::uint32_t address) {
  if (!has_room()) return;
  if (std::exchange(returning_, false)) {
    functions_.exception_returned();
  } else {
    functions_.crossed(address);
  }
  switch_world(world, address);
}

void TraceWriter::reached(std::uint32_t address) {
  if (!has_room()) return;
  functions_.returned(address);
  const auto symbol = symbols_.find(address);
  if (symbol == symbols_.end() || !symbol->second.function) return;
  functions_.entered(symbol->second.name);
  const std::uint32_t return_address = core_.state.r[14];
  if (is_code(return_address)) add_trace_point(core_, return_address);
}

void TraceWriter::function_began(unsigned track, std::string_view name) {
  // A thread is called after the first function seen on it.
  if (track > named_threads_) {
    named_threads_ = track;
    name_track(track_of_functions(track), fmt::format("Thread {}: {}", track, name));
  }
  begin(track_of_functions(track), name);
}

void TraceWriter::function_ended(unsigned track, std::string_view name) {
  end(track_of_functions(track), name);
}

void TraceWriter::reset(std::string_view cause) {
  if (!has_room()) return;
  while (!active_.empty()) end_exception();
  functions_.end_all();
  switch_world(kSecure, core_.state.r[15]);
  event(fmt::format(R"("ph":"i","s":"g","tid":{},"name":{},"ts":{})", +kSecureTrack,
                    json_text("reset: " + std::string(cause)), time_text(core_.scheduler.now())));
}

void TraceWriter::asleep(std::string_view mode) {
  if (!has_room()) return;
  if (asleep_since_) {
    end_sleep();
  } else {
    end_world();
  }
  asleep_since_ = core_.scheduler.now();
  sleep_mode_ = mode;
}

void TraceWriter::awake() {
  if (!has_room()) return;
  end_sleep();
  world_since_ = core_.scheduler.now();
}

void TraceWriter::end_sleep() {
  if (!asleep_since_) return;
  slice(kSleepTrack, sleep_mode_, *asleep_since_, core_.scheduler.now());
  asleep_since_.reset();
}

}  // namespace microvisor::board
