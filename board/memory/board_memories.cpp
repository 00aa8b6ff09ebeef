#include "board/memory/board_memories.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

namespace microvisor::board {
namespace {

namespace fs = std::filesystem;
using Kind = BoardError::Kind;
using Unexpected = tl::unexpected<BoardError>;

constexpr int kVersion = 2;
constexpr std::string_view kVersionPrefix = "microvisor board ";

Unexpected failure(Kind kind, std::string message) {
  return Unexpected(BoardError{kind, std::move(message)});
}

Unexpected system_failure(const std::string& what) {
  return failure(Kind::System, what + ": " + std::strerror(errno));
}

std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool parse_hex(const std::string& text, std::span<std::uint8_t> bytes) {
  if (text.size() != bytes.size() * 2 || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return false;
  }
  for (std::size_t index = 0; index < bytes.size(); ++index) {
    bytes[index] = static_cast<std::uint8_t>(std::stoul(text.substr(index * 2, 2), nullptr, 16));
  }
  return true;
}

bool valid_sid(const std::string& sid) {
  std::array<std::uint8_t, 16> digits{};
  return sid.starts_with("UV") && parse_hex(sid.substr(2), digits);
}

/// Makes a file of `size` bytes that begins with `bytes`. Unless it is `sparse` all of it gets its room on
/// the disk now, because later it is written through a mapping, where a full disk would be a SIGBUS.
tl::expected<void, BoardError> write_file(const fs::path& path, std::span<const std::uint8_t> bytes,
                                          std::size_t size, bool sparse = false) {
  const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0) return system_failure("cannot write " + path.string());
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t written = write(descriptor, bytes.data() + done, bytes.size() - done);
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
  }
  bool good = done == bytes.size() && ftruncate(descriptor, static_cast<off_t>(size)) == 0;
  if (good && !sparse && size != 0) {
    errno = posix_fallocate(descriptor, 0, static_cast<off_t>(size));
    good = errno == 0;
  }
  const int reason = errno;
  if (close(descriptor) == 0) errno = reason;
  return good ? tl::expected<void, BoardError>() : system_failure("cannot write " + path.string());
}

tl::expected<void, BoardError> write_text(const fs::path& path, const std::string& text) {
  return write_file(path, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, text.size());
}

std::string identity_text(const BoardIdentity& identity) {
  return nlohmann::json{{"uid", hex(identity.uid)}, {"sid", identity.sid}, {"seed", identity.seed}}.dump(2) +
         "\n";
}

tl::expected<BoardIdentity, BoardError> read_identity(const fs::path& path) {
  if (!fs::exists(path)) return failure(Kind::Missing, path.string() + " is missing");
  std::ifstream file(path);
  const auto json = nlohmann::json::parse(file, nullptr, false);
  BoardIdentity identity;
  try {
    identity.sid = json.at("sid").get<std::string>();
    identity.seed = json.at("seed").get<std::uint64_t>();
    if (parse_hex(json.at("uid").get<std::string>(), identity.uid) && valid_sid(identity.sid))
      return identity;
  } catch (const nlohmann::json::exception&) {
    // The one message below serves for all that can be wrong with the file.
  }
  return failure(Kind::Corrupt, path.string() + " is damaged");
}

template <typename State>
std::span<const std::uint8_t> bytes_of(const State& state) {
  return {reinterpret_cast<const std::uint8_t*>(&state), sizeof state};
}

/// A region as one block.
std::vector<std::uint8_t> contents_of(const MemoryImage& image, Region region) {
  std::vector<std::uint8_t> bytes(layout_of(region).size, layout_of(region).blank);
  for (const std::uint32_t page : image.pages(region)) {
    std::ranges::copy(image.page(region, page),
                      bytes.begin() + std::ptrdiff_t{page} * std::ptrdiff_t{kHostPage});
  }
  return bytes;
}

tl::expected<MemoryImage, BoardError> make_factory_image() {
  auto image = MemoryImage::blank();
  if (!image) return image;
  // Only what is not zero: the wear of a NOR that is never written takes no room.
  if (auto put = image->copy(Region::FlashState, bytes_of(FlashState{})); !put)
    return Unexpected(put.error());
  if (auto put = image->copy(Region::NorState, bytes_of(NorState{})); !put) return Unexpected(put.error());
  return image;
}

/// The contents of a board as it leaves the factory.
const tl::expected<MemoryImage, BoardError>& factory_image() {
  static const tl::expected<MemoryImage, BoardError> image = make_factory_image();
  return image;
}

/// Puts the cells of the NOR that are not erased into its file, which stays sparse.
tl::expected<void, BoardError> fill_nor(const fs::path& path, const MemoryImage& image) {
  auto file = Mapping::file(path, kNorSize);
  if (!file) return Unexpected(file.error());
  for (const std::uint32_t page : image.pages(Region::NorArray)) {
    const auto bytes = image.page(Region::NorArray, page);
    if (auto backed = file->back(page * kHostPage, bytes.size()); !backed) return backed;
    std::ranges::copy(bytes, file->bytes().begin() + std::ptrdiff_t{page} * std::ptrdiff_t{kHostPage});
  }
  return {};
}

/// Writes all files of a new board into an empty directory; `version` comes last.
tl::expected<void, BoardError> write_board(const fs::path& directory, const BoardIdentity& identity,
                                           const MemoryImage& image) {
  const std::pair<const char*, Region> files[] = {
      {"flash.bin", Region::FlashArray},    {"otp.bin", Region::Otp},
      {"flash.state", Region::FlashState},  {"nor.state", Region::NorState},
      {"backup.bin", Region::BackupDomain},
  };
  for (const auto& [name, region] : files) {
    const auto bytes = contents_of(image, region);
    if (auto written = write_file(directory / name, bytes, bytes.size()); !written) return written;
  }
  if (auto written = write_file(directory / "nor.bin", {}, kNorSize, true); !written) return written;
  if (auto filled = fill_nor(directory / "nor.bin", image); !filled) return filled;
  if (auto written = write_file(directory / "lock", {}, 0); !written) return written;
  if (auto written = write_text(directory / "identity.json", identity_text(identity)); !written)
    return written;
  return write_text(directory / "version", std::string(kVersionPrefix) + std::to_string(kVersion) + "\n");
}

tl::expected<void, BoardError> check_version(const fs::path& directory) {
  if (!fs::is_directory(directory))
    return failure(Kind::Missing, "there is no board directory " + directory.string());
  std::ifstream file(directory / "version");
  std::string line;
  if (!file || !std::getline(file, line)) {
    const bool board_files = fs::exists(directory / "flash.bin") || fs::exists(directory / "identity.json");
    return board_files ? failure(Kind::HalfWritten,
                                 "board directory " + directory.string() + " is half-written; create it anew")
                       : failure(Kind::Missing, directory.string() + " is not a board directory");
  }
  int version = 0;
  const std::string_view number = std::string_view(line).substr(std::min(line.size(), kVersionPrefix.size()));
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version);
  if (!line.starts_with(kVersionPrefix) || error != std::errc() || end != number.data() + number.size()) {
    return failure(Kind::Corrupt, (directory / "version").string() + " is damaged");
  }
  if (version == kVersion) return {};
  const bool newer = version > kVersion;
  return failure(newer ? Kind::NewerVersion : Kind::OlderVersion,
                 "board directory " + directory.string() + " was made by " +
                     (newer ? "a newer" : "an older") + " version (format " + std::to_string(version) +
                     ", this program knows " + std::to_string(kVersion) + ")");
}

/// Takes the lock for as long as the descriptor is open, and leaves the process number in the file for others
/// to name.
tl::expected<int, BoardError> take_lock(const fs::path& directory) {
  const fs::path path = directory / "lock";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return system_failure("cannot open " + path.string());
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    std::string owner;
    std::getline(std::ifstream(path) >> std::ws, owner);
    close(descriptor);
    return failure(Kind::InUse, "board directory " + directory.string() + " is in use" +
                                    (owner.empty() ? "" : " by process " + owner));
  }
  // The number is for people; on a full disk the board can be used without it.
  const std::string line = std::to_string(getpid()) + "\n";
  if (ftruncate(descriptor, 0) == 0) (void)!write(descriptor, line.data(), line.size());
  return descriptor;
}

template <typename State>
bool holds(const Mapping& file) {
  const auto* state = reinterpret_cast<const State*>(file.bytes().data());
  return state->magic == State::kMagic && state->format == State::kFormat;
}

}  // namespace

BoardIdentity BoardIdentity::random() {
  std::random_device device;
  return from_seed((std::uint64_t{device()} << 32) | device());
}

BoardIdentity BoardIdentity::from_seed(std::uint64_t seed) {
  std::mt19937_64 numbers(seed);
  BoardIdentity identity;
  identity.seed = seed;
  for (std::uint8_t& byte : identity.uid) byte = static_cast<std::uint8_t>(numbers() >> 56);
  std::array<std::uint8_t, 16> digits{};
  for (std::uint8_t& byte : digits) byte = static_cast<std::uint8_t>(numbers() >> 56);
  identity.sid = "UV" + hex(digits);
  return identity;
}

tl::expected<void, BoardError> BoardMemories::create(const fs::path& directory, const BoardIdentity& identity,
                                                     const MemoryImage* image) {
  if (fs::exists(directory)) return failure(Kind::Exists, directory.string() + " exists already");
  if (image == nullptr) {
    if (!factory_image()) return Unexpected(factory_image().error());
    image = &*factory_image();
  }
  const fs::path final_name = fs::absolute(directory).lexically_normal();
  std::string pattern =
      (final_name.parent_path() / ("." + final_name.filename().string() + ".XXXXXX")).string();
  if (mkdtemp(pattern.data()) == nullptr) return system_failure("cannot create " + directory.string());
  std::error_code ignored;
  if (auto written = write_board(pattern, identity, *image); !written) {
    fs::remove_all(pattern, ignored);
    std::string message = written.error().message;  // names what was asked for, not where it was tried
    if (const auto at = message.find(pattern); at != std::string::npos)
      message.replace(at, pattern.size(), directory.string());
    return failure(written.error().kind, message);
  }
  if (chmod(pattern.c_str(), 0755) != 0 || rename(pattern.c_str(), final_name.c_str()) != 0) {
    const int reason = errno;
    fs::remove_all(pattern, ignored);
    errno = reason;
    if (reason == ENOTEMPTY || reason == EEXIST)
      return failure(Kind::Exists, directory.string() + " exists already");
    return system_failure("cannot create " + directory.string());
  }
  return {};
}

tl::expected<BoardMemories, BoardError> BoardMemories::open(const fs::path& directory) {
  if (auto checked = check_version(directory); !checked) return Unexpected(checked.error());
  BoardMemories memories;
  memories.directory_ = directory;
  auto lock = take_lock(directory);
  if (!lock) return Unexpected(lock.error());
  memories.lock_ = *lock;
  auto identity = read_identity(directory / "identity.json");
  if (!identity) return Unexpected(identity.error());
  memories.identity_ = *identity;
  const std::tuple<Mapping*, const char*, std::size_t> files[] = {
      {&memories.array_, "flash.bin", kFlashSize},
      {&memories.otp_, "otp.bin", kOtpSize},
      {&memories.state_, "flash.state", sizeof(FlashState)},
      {memories.nor_array_.get(), "nor.bin", kNorSize},
      {&memories.nor_state_, "nor.state", sizeof(NorState)},
      {&memories.backup_, "backup.bin", kBackupDomainSize},
  };
  for (const auto& [mapping, name, size] : files) {
    auto mapped = Mapping::file(directory / name, size);
    if (!mapped) return Unexpected(mapped.error());
    *mapping = std::move(*mapped);
  }
  if (!holds<FlashState>(memories.state_))
    return failure(Kind::Corrupt, (directory / "flash.state").string() + " is damaged");
  if (!holds<NorState>(memories.nor_state_))
    return failure(Kind::Corrupt, (directory / "nor.state").string() + " is damaged");
  memories.assemble();
  return memories;
}

tl::expected<BoardMemories, BoardError> BoardMemories::in_memory(const BoardIdentity& identity) {
  if (!factory_image()) return Unexpected(factory_image().error());
  return in_memory(identity, *factory_image());
}

tl::expected<BoardMemories, BoardError> BoardMemories::in_memory(const BoardIdentity& identity,
                                                                 const MemoryImage& image) {
  BoardMemories memories;
  memories.identity_ = identity;
  for (const auto& [region, mapping] : memories.regions()) {
    auto mapped = image.map(region);
    if (!mapped) return Unexpected(mapped.error());
    *mapping = std::move(*mapped);
  }
  memories.assemble();
  return memories;
}

tl::expected<void, BoardError> BoardMemories::copy_to(MemoryImage& image) {
  for (const auto& [region, mapping] : regions()) {
    const auto* in_use = region == Region::NorArray ? mapping->pages_in_use() : nullptr;
    if (auto copied = image.copy(region, mapping->bytes(), in_use); !copied) return copied;
  }
  return {};
}

BoardMemories::BoardMemories()
    : supply_(std::make_unique<MemorySupply>()), nor_array_(std::make_unique<Mapping>()) {}

std::array<std::pair<Region, Mapping*>, 6> BoardMemories::regions() {
  return {{{Region::FlashArray, &array_},
           {Region::Otp, &otp_},
           {Region::FlashState, &state_},
           {Region::NorArray, nor_array_.get()},
           {Region::NorState, &nor_state_},
           {Region::BackupDomain, &backup_}}};
}

void BoardMemories::assemble() {
  flash_ =
      std::make_unique<FlashCells>(array_.bytes(), otp_.bytes(), state_.bytes(), *supply_, identity_.seed);
  nor_ = std::make_unique<NorCells>(NorArray(nor_array_->bytes(), nor_array_->pages_in_use()),
                                    nor_state_.bytes(), *supply_, identity_.seed,
                                    [file = nor_array_.get()](std::size_t offset, std::size_t size) {
                                      const auto backed = file->back(offset, size);
                                      return backed ? std::string() : backed.error().message;
                                    });
}

tl::expected<void, BoardError> BoardMemories::set_sid(const std::string& sid) {
  if (!valid_sid(sid)) return failure(Kind::Corrupt, sid + " is no device SID");
  BoardIdentity named = identity_;
  named.sid = sid;
  if (!directory_.empty()) {
    const fs::path file = directory_ / "identity.json";
    const fs::path beside = directory_ / "identity.json.new";
    if (auto written = write_text(beside, identity_text(named)); !written) return written;
    if (rename(beside.c_str(), file.c_str()) != 0) return system_failure("cannot replace " + file.string());
  }
  identity_ = std::move(named);
  return {};
}

BoardMemories::~BoardMemories() {
  if (lock_ >= 0) close(lock_);
}

BoardMemories::BoardMemories(BoardMemories&& other) noexcept : BoardMemories() { *this = std::move(other); }

BoardMemories& BoardMemories::operator=(BoardMemories&& other) noexcept {
  std::swap(directory_, other.directory_);
  std::swap(lock_, other.lock_);
  std::swap(identity_, other.identity_);
  std::swap(array_, other.array_);
  std::swap(otp_, other.otp_);
  std::swap(state_, other.state_);
  std::swap(supply_, other.supply_);
  std::swap(nor_array_, other.nor_array_);
  std::swap(nor_state_, other.nor_state_);
  std::swap(backup_, other.backup_);
  std::swap(flash_, other.flash_);
  std::swap(nor_, other.nor_);
  return *this;
}

}  // namespace microvisor::board
