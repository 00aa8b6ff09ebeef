#include "board/cpu/shared_code.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>
#include <utility>

namespace microvisor::board {
namespace {

constexpr std::size_t kLeastSweep = 1024;

std::size_t hash_of(std::uint32_t number, const std::uint8_t* code) {
  const std::string_view bytes(reinterpret_cast<const char*>(code), kPageBytes);
  return std::hash<std::string_view>{}(bytes) ^ number;
}

bool same(const SharedPage& page, std::uint32_t number, const std::uint8_t* code) {
  return page_number(page.records.data()) == number && std::memcmp(page.code.data(), code, kPageBytes) == 0;
}

}  // namespace

SharedPage::SharedPage(const DecodedPage& page, const std::uint8_t* bytes) : DecodedPage(page) {
  std::copy_n(bytes, kPageBytes, code.begin());
}

SharedCode& SharedCode::instance() {
  static SharedCode store;
  return store;
}

SharedCode::Page SharedCode::find(std::uint32_t number, const std::uint8_t* code) {
  const std::size_t hash = hash_of(number, code);
  Page page;
  {
    const std::lock_guard lock(mutex_);
    const auto found = pages_.find(hash);
    if (found != pages_.end()) page = found->second.lock();
  }
  return page && same(*page, number, code) ? page : nullptr;
}

SharedCode::Page SharedCode::publish(const DecodedPage& page, const std::uint8_t* code) {
  const std::uint32_t number = page_number(page.records.data());
  const std::size_t hash = hash_of(number, code);
  const std::lock_guard lock(mutex_);
  sweep();
  std::weak_ptr<const SharedPage>& place = pages_[hash];
  Page known = place.lock();
  const bool collides = known && !same(*known, number, code);
  if (known && !collides && covers(*known, page)) return known;
  // Not make_shared(): what is weakly held must not keep the page's memory.
  auto made = std::make_unique<SharedPage>(page, code);
  if (known && !collides) merge(*made, *known, code);
  Page shared(std::move(made));
  if (!collides) place = shared;
  return shared;
}

std::size_t SharedCode::size() {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::ranges::count_if(pages_, [](const auto& entry) { return !entry.second.expired(); }));
}

/// Pages that nobody holds any more leave a place behind; there are never more of these than of others.
void SharedCode::sweep() {
  if (pages_.size() < sweep_at_) return;
  std::erase_if(pages_, [](const auto& entry) { return entry.second.expired(); });
  sweep_at_ = std::max(kLeastSweep, 2 * pages_.size());
}

}  // namespace microvisor::board
