// Rows (16 bytes), by their first byte:
//   0x9C page header   version (1), ring size (2), page sequence (4), complement of it (4), CRC-32 of the 12
//                      bytes (4)
//   0x35 record        flags (1), key (2), size (2), zero (2), sequence (4), CRC-32 over bytes 1 to 11 and
//   the
//                      value as it stands behind (4)
//   0xAC continuation  15 bytes of the value, padded with zeros
//   0xFF blank
// A sealed value stands as nonce (12), ciphertext, tag (16). Rows 0 and 1 of a page are its header, twice, so
// that decay of one does not lose the page.
#include "firmware/vault/store.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

#include "firmware/crypto/crypto.hpp"
#include "firmware/crypto/gcm.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::vault {

namespace {

using storage::FlashStatus;
using storage::kRowSize;
using storage::Row;

constexpr std::uint8_t kPageTag = 0x9C;
constexpr std::uint8_t kRecordTag = 0x35;
constexpr std::uint8_t kContinuationTag = 0xAC;
constexpr std::uint8_t kFormatVersion = 1;
constexpr std::uint8_t kRemoved = 1;
constexpr std::uint8_t kSealed = 2;
constexpr std::size_t kMaximumStored = kMaximumStoreValue + crypto::kSealOverhead;

constexpr std::uint32_t kRowsPerPage = kPageSize / kRowSize;
constexpr std::uint32_t kFirstRow = 2;  // behind the two header rows
constexpr std::uint32_t kValuePerRow = kRowSize - 1;
/// Rows of values that may be live, per page of the ring. Well below a page, so that a page with room comes
/// round soon.
constexpr std::uint32_t kLiveRowsPerPage = 300;
constexpr unsigned kAttempts = 6;
constexpr std::uint32_t kLost = 1;  // no record stands at this address

constexpr std::uint32_t rows_of(std::size_t value_size) {
  return 1 + static_cast<std::uint32_t>((value_size + kValuePerRow - 1) / kValuePerRow);
}
static_assert(rows_of(kMaximumStored) + kLiveRowsPerPage < kRowsPerPage - kFirstRow);

Row encode_page_header(std::uint32_t sequence, std::uint32_t page_count) {
  Row row{};
  row[0] = kPageTag;
  row[1] = kFormatVersion;
  storage::put16(row, 2, static_cast<std::uint16_t>(page_count));
  storage::put32(row, 4, sequence);
  storage::put32(row, 8, ~sequence);
  storage::put32(row, 12, storage::crc32(std::span(row).first(12)));
  return row;
}

bool decode_page_header(const Row& row, std::uint32_t page_count, std::uint32_t& sequence) {
  sequence = storage::get32(row, 4);
  return row == encode_page_header(sequence, page_count);
}

/// What a sealed value is bound to: its record.
std::array<std::uint8_t, 6> context_of(std::uint16_t key, std::uint32_t sequence) {
  std::array<std::uint8_t, 6> context{};
  storage::put16(context, 0, key);
  storage::put32(context, 2, sequence);
  return context;
}

}  // namespace

// ---- The bytes of a value as they are stored

/// Gives them in order. A value is sealed while it goes by, each time it is needed (once for the CRC, once
/// for the rows), so that no buffer of its size is.
class Store::Stored {
 public:
  Stored(const Header& header, const crypto::SealingKey* key, const crypto::SealNonce& nonce,
         std::span<const std::uint8_t> value)
      : value_(value) {
    if (!header.sealed) return;
    gcm_.emplace(*key, crypto::Gcm::Direction::Encrypt, context_of(header.key, header.sequence), nonce);
    std::copy(nonce.begin(), nonce.end(), piece_.begin());
    filled_ = nonce.size();
  }

  /// The next bytes; zeros behind the end.
  void next(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      if (taken_ == filled_ && !refill()) return std::fill(out.begin(), out.end(), std::uint8_t{0});
      const std::size_t count = std::min(filled_ - taken_, out.size());
      std::memcpy(out.data(), piece_.data() + taken_, count);
      taken_ += count;
      out = out.subspan(count);
    }
  }
  /// False if a byte given could not be sealed.
  [[nodiscard]] bool good() const { return good_; }

 private:
  bool refill() {
    taken_ = 0;
    filled_ = std::min(piece_.size(), value_.size());
    std::copy_n(value_.begin(), filled_, piece_.begin());
    value_ = value_.subspan(filled_);
    if (!gcm_) return filled_ != 0;
    if (filled_ != 0) {
      good_ = good_ && gcm_->update(std::span(piece_).first(filled_));
      return true;
    }
    filled_ = closed_ ? 0 : piece_.size();
    if (!closed_) good_ = good_ && gcm_->finish(piece_);
    closed_ = true;
    return filled_ != 0;
  }

  std::span<const std::uint8_t> value_;  // what is left of it
  std::optional<crypto::Gcm> gcm_;
  crypto::SealTag piece_{};  // a block of ciphertext, the nonce or the tag
  std::size_t filled_ = 0;
  std::size_t taken_ = 0;
  bool closed_ = false;
  bool good_ = true;
};

// ---- Reading
// ---------------------------------------------------------------------------------------------------------

Store::Entry* Store::find(std::uint16_t key) {
  const auto end = entries_.begin() + entry_count_;
  const auto found =
      std::find_if(entries_.begin(), end, [key](const Entry& entry) { return entry.header.key == key; });
  return found == end ? nullptr : &*found;
}

bool Store::read_page_sequence(std::uint32_t index, std::uint32_t& sequence) {
  // The second header row is begun only when the first is finished. So while the second is blank the first
  // may be half written, and the page does not count yet; once the second has been touched, the first one is
  // sound.
  Row first;
  Row second;
  const std::uint32_t address = page_address(index);
  const bool first_readable = flash_.read_row(address, first) == FlashStatus::Ok;
  const bool second_readable = flash_.read_row(address + kRowSize, second) == FlashStatus::Ok;
  if (second_readable && decode_page_header(second, page_count(), sequence)) return true;
  const bool second_blank = second_readable && storage::is_blank(second);
  return !second_blank && first_readable && decode_page_header(first, page_count(), sequence);
}

void Store::find_head() {
  has_head_ = false;
  for (std::uint32_t index = 0; index < page_count(); ++index) {
    std::uint32_t sequence = 0;
    if (!read_page_sequence(index, sequence)) continue;
    if (has_head_ && sequence <= page_sequence_) continue;
    has_head_ = true;
    head_ = index;
    page_sequence_ = sequence;
  }
}

bool Store::read_header(std::uint32_t address, Header& header) {
  Row row;
  if (flash_.read_row(address, row) != FlashStatus::Ok) {
    ++damaged_rows_;
    return false;
  }
  if (row[0] != kRecordTag) return false;
  header.removed = (row[1] & kRemoved) != 0;
  header.sealed = (row[1] & kSealed) != 0;
  header.key = storage::get16(row, 2);
  header.size = storage::get16(row, 4);
  header.sequence = storage::get32(row, 8);
  header.crc = storage::get32(row, 12);
  return true;
}

bool Store::record_is_good(std::uint32_t address, const Header& header) {
  const std::uint32_t rows = rows_of(header.size);
  const std::uint32_t first = (address % kPageSize) / kRowSize;
  if (header.size > kMaximumStored || first + rows > kRowsPerPage) return false;
  Row row;
  if (flash_.read_row(address, row) != FlashStatus::Ok) return false;
  std::uint32_t crc = storage::crc32(std::span(row).subspan(1, 11));
  std::uint32_t left = header.size;
  for (std::uint32_t i = 1; i < rows; ++i) {
    if (flash_.read_row(address + i * kRowSize, row) != FlashStatus::Ok || row[0] != kContinuationTag)
      return false;
    const std::uint32_t count = std::min(left, kValuePerRow);
    crc = storage::crc32(std::span(row).subspan(1, count), crc);
    left -= count;
  }
  return crc == header.crc;
}

void Store::note(const Header& header, std::uint32_t address) {
  next_sequence_ = std::max(next_sequence_, header.sequence + 1);
  Entry* entry = find(header.key);
  if (entry == nullptr) {
    if (entry_count_ == entries_.size()) return;
    entry = &entries_[entry_count_++];
    *entry = Entry{header, address};
  } else if (header.sequence >= entry->header.sequence) {  // of two copies the later one
    *entry = Entry{header, address};
  }
}

void Store::scan_page(std::uint32_t index) {
  std::uint32_t row = kFirstRow;
  while (row < kRowsPerPage) {
    const std::uint32_t address = page_address(index) + row * kRowSize;
    Header header;
    if (read_header(address, header) && record_is_good(address, header)) {
      note(header, address);
      row += rows_of(header.size);
    } else {
      ++row;  // a bad record is stepped over row by row: its continuation rows are recognised as such
    }
  }
}

StoreStatus Store::mount() {
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    scan();
    // What has been read once must not fall back to an older value later: see settle(). If a row gives way at
    // that very moment, everything is read again, without it.
    if (!has_head_ || settle()) return StoreStatus::Ok;
  }
  return StoreStatus::FlashFailed;
}

void Store::scan() {
  entries_ = {};
  entry_count_ = 0;
  next_sequence_ = 1;
  damaged_rows_ = 0;
  find_head();
  if (!has_head_) return;
  // From the oldest page to the head: of a record that was moved, the copy counts, for the original is about
  // to go.
  for (std::uint32_t i = 1; i <= page_count(); ++i) {
    const std::uint32_t index = (head_ + i) % page_count();
    std::uint32_t sequence = 0;
    if (read_page_sequence(index, sequence)) scan_page(index);
  }
  // Go on behind the last row that is not blank, and leave one row out: it may be torn and look blank.
  std::uint32_t row = kRowsPerPage;
  for (; row > kFirstRow; --row) {
    Row bytes;
    if (flash_.read_row(page_address(head_) + (row - 1) * kRowSize, bytes) != FlashStatus::Ok) break;
    if (!storage::is_blank(bytes)) break;
  }
  head_row_ = std::min(row + 1, kRowsPerPage);
}

bool Store::settle() {
  // A power cut leaves at most one row half-way, the last one written. If that row belongs to a record, it is
  // the last record of the head page, which is therefore written once more.
  Entry* last = nullptr;
  for (std::uint32_t i = 0; i < entry_count_; ++i) {
    Entry& entry = entries_[i];
    if (page_of(entry.address) == head_ && (last == nullptr || entry.address > last->address)) last = &entry;
  }
  if (last == nullptr) return true;
  const std::uint32_t rows = rows_of(last->header.size);
  Copied copied = Copied::TargetBad;
  while (copied == Copied::TargetBad) {
    // Several cuts in a row may have left several rows that look blank and take no programming: each is
    // stepped over.
    if (make_room(rows) != StoreStatus::Ok) return false;
    const std::uint32_t address = page_address(head_) + head_row_ * kRowSize;
    copied = copy_record(*last, address);
    head_row_ += copied == Copied::Done ? rows : 1;
    if (copied == Copied::Done) last->address = address;
  }
  return copied == Copied::Done;
}

/// Bytes of the value as they are stored.
bool Store::read_stored(const Entry& entry, std::size_t from, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::uint32_t row_index = 1 + static_cast<std::uint32_t>(from / kValuePerRow);
    Row row;
    if (flash_.read_row(entry.address + row_index * kRowSize, row) != FlashStatus::Ok) return false;
    const std::size_t skip = from % kValuePerRow;
    const std::size_t count = std::min<std::size_t>(kValuePerRow - skip, out.size());
    std::memcpy(out.data(), row.data() + 1 + skip, count);
    from += count;
    out = out.subspan(count);
  }
  return true;
}

StoreStatus Store::get(Key key, std::span<std::uint8_t> out, std::size_t& size) {
  size = 0;
  const Entry* entry = find(static_cast<std::uint16_t>(key));
  if (entry == nullptr || entry->header.removed) return StoreStatus::NotFound;
  const Header& header = entry->header;
  size = header.value_size();
  if (size > out.size()) return StoreStatus::TooLarge;
  const auto value = out.first(size);
  if (!header.sealed) return read_stored(*entry, 0, value) ? StoreStatus::Ok : StoreStatus::FlashFailed;
  if (key_ == nullptr) return StoreStatus::NoKey;
  crypto::SealNonce nonce;
  crypto::SealTag tag;
  if (!read_stored(*entry, 0, nonce) || !read_stored(*entry, nonce.size(), value) ||
      !read_stored(*entry, nonce.size() + size, tag)) {
    return StoreStatus::FlashFailed;
  }
  return crypto::unseal(*key_, context_of(header.key, header.sequence), {nonce, value, tag})
             ? StoreStatus::Ok
             : StoreStatus::NoKey;
}

/// A sealed value is the same if sealing it again, for the same record, gives the same bytes.
bool Store::equals(const Entry& entry, std::span<const std::uint8_t> value) {
  const Header& header = entry.header;
  if (header.removed || header.value_size() != value.size()) return false;
  crypto::SealNonce nonce{};
  if (header.sealed && (key_ == nullptr || !read_stored(entry, 0, nonce))) return false;
  Stored wanted(header, key_, nonce, value);
  for (std::size_t done = 0; done < header.size; done += kValuePerRow) {
    std::array<std::uint8_t, kValuePerRow> stored{};
    std::array<std::uint8_t, kValuePerRow> expected{};
    const std::size_t count = std::min<std::size_t>(kValuePerRow, header.size - done);
    if (!read_stored(entry, done, std::span(stored).first(count))) return false;
    wanted.next(std::span(expected).first(count));
    if (stored != expected) return false;
  }
  return wanted.good();
}

// ---- Writing
// ---------------------------------------------------------------------------------------------------------

StoreStatus Store::put(Key key, std::span<const std::uint8_t> value) {
  if (value.size() > kMaximumStoreValue) return StoreStatus::TooLarge;
  const std::uint16_t number = static_cast<std::uint16_t>(key);
  const Entry* entry = find(number);
  if (entry != nullptr && entry->header.sealed == seals(key) && equals(*entry, value)) return StoreStatus::Ok;
  return append(number, value, false);
}

StoreStatus Store::remove(Key key) {
  const std::uint16_t number = static_cast<std::uint16_t>(key);
  const Entry* entry = find(number);
  if (entry == nullptr || entry->header.removed) return StoreStatus::Ok;
  return append(number, {}, true);
}

StoreStatus Store::remove_all_but(Key key) {
  StoreStatus status = StoreStatus::Ok;
  for (std::uint32_t i = 0; status == StoreStatus::Ok && i < entry_count_; ++i) {
    const auto other = static_cast<Key>(entries_[i].header.key);
    if (other != key) status = remove(other);
  }
  return status;
}

std::uint32_t Store::live_rows() const {
  std::uint32_t rows = 0;
  for (std::uint32_t i = 0; i < entry_count_; ++i) rows += rows_of(entries_[i].header.size);
  return rows;
}

StoreStatus Store::append(std::uint16_t key, std::span<const std::uint8_t> value, bool removed) {
  const bool sealed = !removed && seals(static_cast<Key>(key));
  const std::size_t stored = value.size() + (sealed ? crypto::kSealOverhead : 0);
  const std::uint32_t rows = rows_of(stored);
  crypto::SealNonce nonce{};
  if (sealed && (!key_->good || !crypto::random(nonce))) return StoreStatus::NoKey;
  if (find(key) == nullptr && entry_count_ == entries_.size()) return StoreStatus::Full;
  const Entry* old = find(key);
  const std::uint32_t replaced = old == nullptr ? 0 : rows_of(old->header.size);
  if (live_rows() - replaced + rows > (page_count() - 2) * kLiveRowsPerPage) return StoreStatus::Full;

  Header header;
  header.key = key;
  header.size = static_cast<std::uint16_t>(stored);
  header.removed = removed;
  header.sealed = sealed;
  for (unsigned attempt = 0; attempt < kAttempts; ++attempt) {
    const StoreStatus room = make_room(rows);
    if (room != StoreStatus::Ok) return room;
    header.sequence = next_sequence_;
    const std::uint32_t address = page_address(head_) + head_row_ * kRowSize;
    head_row_ += rows;
    if (!program_record(address, header, nonce, value)) continue;
    if (read_header(address, header) && record_is_good(address, header)) {
      note(header, address);
      return StoreStatus::Ok;
    }
  }
  return StoreStatus::FlashFailed;
}

/// Continues `crc` over the value as it will be stored.
bool Store::measure_value(const Header& header, const crypto::SealNonce& nonce,
                          std::span<const std::uint8_t> value, std::uint32_t& crc) const {
  Stored stored(header, key_, nonce, value);
  for (std::size_t done = 0; done < header.size; done += kValuePerRow) {
    std::array<std::uint8_t, kValuePerRow> piece{};
    const auto part = std::span(piece).first(std::min<std::size_t>(kValuePerRow, header.size - done));
    stored.next(part);
    crc = storage::crc32(part, crc);
  }
  return stored.good();
}

// Nothing but its own pages is changed by a store, even if one instruction is skipped where an address is
// worked out: boot stages and the kernel lie in the same bank. Not inlined, so that the pages are read again.

bool Store::is_own(std::uint32_t address) const {
  return address >= pages_.address() && address < pages_.end();
}

[[gnu::noinline]] bool Store::program(std::uint32_t address, const Row& row) {
  return is_own(address) && flash_.program_row(address, row) == FlashStatus::Ok;
}

[[gnu::noinline]] bool Store::erase(std::uint32_t address) {
  return is_own(address) && flash_.erase_page(address) == FlashStatus::Ok;
}

bool Store::program_record(std::uint32_t address, const Header& header, const crypto::SealNonce& nonce,
                           std::span<const std::uint8_t> value) {
  Row row{};
  row[0] = kRecordTag;
  row[1] = static_cast<std::uint8_t>((header.removed ? kRemoved : 0u) | (header.sealed ? kSealed : 0u));
  storage::put16(row, 2, header.key);
  storage::put16(row, 4, header.size);
  storage::put32(row, 8, header.sequence);
  std::uint32_t crc = storage::crc32(std::span(row).subspan(1, 11));
  if (!measure_value(header, nonce, value, crc)) return false;
  storage::put32(row, 12, crc);
  if (!program(address, row)) return false;
  Stored written(header, key_, nonce, value);
  for (std::size_t done = 0; done < header.size; done += kValuePerRow) {
    address += kRowSize;
    row[0] = kContinuationTag;
    written.next(std::span(row).subspan(1));
    if (!written.good() || !program(address, row)) return false;
  }
  return true;
}

Store::Copied Store::copy_record(const Entry& entry, std::uint32_t address) {
  for (std::uint32_t i = 0; i < rows_of(entry.header.size); ++i) {
    Row row;
    if (flash_.read_row(entry.address + i * kRowSize, row) != FlashStatus::Ok) return Copied::SourceBad;
    if (!program(address + i * kRowSize, row)) return Copied::TargetBad;
  }
  if (record_is_good(address, entry.header)) return Copied::Done;
  return record_is_good(entry.address, entry.header) ? Copied::TargetBad : Copied::SourceBad;
}

StoreStatus Store::make_room(std::uint32_t rows) {
  for (std::uint32_t i = 0; i <= page_count(); ++i) {
    if (has_head_ && head_row_ + rows <= kRowsPerPage) return StoreStatus::Ok;
    const StoreStatus status = advance();
    if (status != StoreStatus::Ok) return status;
  }
  return StoreStatus::Full;
}

StoreStatus Store::advance() {
  // The page behind the head holds nothing that counts. It is erased, takes what counts of the page behind it
  // (which is thereby free for the next time), and joins the ring by its header.
  const std::uint32_t target = has_head_ ? (head_ + 1) % page_count() : 0;
  const std::uint32_t next = (target + 1) % page_count();
  if (!erase(page_address(target))) return StoreStatus::FlashFailed;
  std::uint32_t row = kFirstRow;
  Moves moves{};
  if (has_head_) {
    const StoreStatus status = move_page(next, target, row, moves);
    if (status != StoreStatus::Ok) return status;
  }
  const std::uint32_t sequence = has_head_ ? page_sequence_ + 1 : 1;
  const Row header = encode_page_header(sequence, page_count());
  for (std::uint32_t i = 0; i < kFirstRow; ++i) {
    if (!program(page_address(target) + i * kRowSize, header)) return StoreStatus::FlashFailed;
  }
  for (std::uint32_t i = 0; i < entry_count_; ++i) {
    if (moves[i] != 0) entries_[i].address = moves[i];
  }
  drop_lost();
  has_head_ = true;
  head_ = target;
  head_row_ = row;
  page_sequence_ = sequence;
  return StoreStatus::Ok;
}

void Store::drop_lost() {
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < entry_count_; ++i) {
    if (entries_[i].address != kLost) entries_[kept++] = entries_[i];
  }
  entry_count_ = kept;
}

StoreStatus Store::move_page(std::uint32_t from, std::uint32_t to, std::uint32_t& row, Moves& moves) {
  for (std::uint32_t i = 0; i < entry_count_; ++i) {
    const Entry& entry = entries_[i];
    if (page_of(entry.address) != from) continue;
    const std::uint32_t rows = rows_of(entry.header.size);
    Copied copied = Copied::TargetBad;
    while (copied == Copied::TargetBad) {
      if (row + rows > kRowsPerPage) return StoreStatus::FlashFailed;
      const std::uint32_t address = page_address(to) + row * kRowSize;
      row += rows;
      copied = copy_record(entry, address);
      if (copied == Copied::Done) moves[i] = address;
    }
    // A record that has decayed since it was last read cannot be saved; it must not keep the ring from
    // turning.
    if (copied == Copied::SourceBad) moves[i] = kLost;
  }
  return StoreStatus::Ok;
}

}  // namespace microvisor::firmware::vault
