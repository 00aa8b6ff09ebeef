#include "firmware/image/line_image.hpp"

#include <algorithm>
#include <stdexcept>

#include "firmware/factory/line_objects.hpp"
#include "firmware/layout.hpp"
#include "firmware/storage/bytes.hpp"

namespace microvisor::firmware::image {
namespace {

using factory::kLineEntrySize;
using factory::kLineHeaderSize;
using storage::kNorSectorSize;
using Objects = std::vector<const LineBundle::Object*>;

Objects distinct_objects(const LineBundle* test, const LineBundle* product) {
  Objects all;
  for (const LineBundle* bundle : {test, product}) {
    if (bundle == nullptr) continue;
    for (const LineBundle::Object& object : bundle->objects) {
      const auto same = [&](const LineBundle::Object* other) { return other->hash == object.hash; };
      if (std::ranges::none_of(all, same)) all.push_back(&object);
    }
  }
  return all;
}

std::vector<std::uint8_t> directory_of(const LineBundle* test, const LineBundle* product,
                                       const Objects& objects, std::uint32_t first) {
  const std::size_t size = kLineHeaderSize + objects.size() * kLineEntrySize;
  std::vector<std::uint8_t> directory(kNorSectorSize, 0xFF);
  std::fill_n(directory.begin(), size, std::uint8_t{0});
  storage::put32(directory, 0, factory::kLineMagic);
  storage::put32(directory, 4, factory::kLineFormat);
  storage::put32(directory, 8, static_cast<std::uint32_t>(objects.size()));
  storage::put32(directory, 12, first);
  if (test != nullptr) std::ranges::copy(test->manifest, directory.begin() + 16);
  if (product != nullptr) std::ranges::copy(product->manifest, directory.begin() + 48);
  std::uint32_t offset = first;
  std::size_t at = kLineHeaderSize;
  for (const LineBundle::Object* object : objects) {
    std::ranges::copy(object->hash, directory.begin() + static_cast<std::ptrdiff_t>(at));
    storage::put32(directory, at + 32, offset);
    storage::put32(directory, at + 36, static_cast<std::uint32_t>(object->bytes.size()));
    offset += static_cast<std::uint32_t>(object->bytes.size());
    at += kLineEntrySize;
  }
  storage::put32(directory, size, storage::crc32(std::span(directory).first(size)));
  return directory;
}

}  // namespace

std::vector<std::uint8_t> build_line_image(const LineBundle* test, const LineBundle* product) {
  const Objects objects = distinct_objects(test, product);
  if (objects.size() > factory::kMaximumLineObjects) throw std::invalid_argument("too many layers");
  std::vector<std::uint8_t> image;
  for (const LineBundle::Object* object : objects)
    image.insert(image.end(), object->bytes.begin(), object->bytes.end());
  image.resize((image.size() + kNorSectorSize - 1) / kNorSectorSize * kNorSectorSize, 0xFF);
  if (image.size() + kNorSectorSize > kApplicationNorSize)
    throw std::invalid_argument("more than the application's part of the external flash");
  const auto first = static_cast<std::uint32_t>(kNorSize - kNorSectorSize - image.size());
  const auto directory = directory_of(test, product, objects, first);
  image.insert(image.end(), directory.begin(), directory.end());
  return image;
}

}  // namespace microvisor::firmware::image
