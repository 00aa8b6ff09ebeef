// What a file is, its first bytes say, not its name; only a raw image is known by its .bin.
#include "cli/files.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "cli/failure.hpp"
#include "protocol/bundle/elf.hpp"

namespace microvisor::cli {
namespace {

namespace fs = std::filesystem;

/// The value, or a Failure that names the file.
template <class T>
T checked(protocol::Result<T> result, const fs::path& file) {
  if (!result) throw Failure(file.string() + ": " + result.error().message);
  return std::move(*result);
}

bool looks_like_zip(protocol::ByteView bytes) {
  return bytes.size() >= 4 && bytes[0] == 'P' && bytes[1] == 'K';
}

void write(const fs::path& file, protocol::ByteView bytes, bool for_owner_only) {
  const fs::path part = file.string() + ".part";
  {
    std::ofstream stream(part, std::ios::binary | std::ios::trunc);
    std::error_code ignored;  // where there are no permissions there is nothing to protect
    if (for_owner_only) fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write, ignored);
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!stream.flush()) {
      fs::remove(part, ignored);
      throw Failure(file.string() + ": cannot be written");
    }
  }
  std::error_code error;
  fs::rename(part, file, error);
  if (error) throw Failure(file.string() + ": " + error.message());
}

}  // namespace

protocol::Bytes read_file(const fs::path& file) {
  std::error_code error;
  if (fs::is_directory(file, error)) throw Failure(file.string() + ": is a directory");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw Failure(file.string() + ": " + std::strerror(errno));
  protocol::Bytes bytes{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) throw Failure(file.string() + ": cannot be read");
  return bytes;
}

void write_file(const fs::path& file, protocol::ByteView bytes) { write(file, bytes, false); }
void write_private_file(const fs::path& file, protocol::ByteView bytes) { write(file, bytes, true); }

protocol::SigningKey read_private_key(const fs::path& file) {
  const protocol::Bytes pem = read_file(file);
  return checked(protocol::SigningKey::from_pem(protocol::as_text(pem)), file);
}

protocol::PublicKey read_public_key(const fs::path& file) {
  const protocol::Bytes pem = read_file(file);
  return checked(protocol::public_key_from_pem(protocol::as_text(pem)), file);
}

protocol::Bundle load_application(const fs::path& file, const protocol::BundleOptions& options,
                                  std::span<const protocol::ExternalImage> external) {
  const protocol::Bytes bytes = read_file(file);
  if (looks_like_zip(bytes)) return checked(protocol::read_bundle(bytes), file);
  if (protocol::looks_like_elf(bytes)) {
    return checked(protocol::make_bundle(checked(protocol::elf_to_image(bytes), file), options, external),
                   file);
  }
  if (file.extension() == ".bin") {
    if (const auto image = protocol::check_image(bytes); !image) {
      throw Failure(file.string() + ": " + image.error().message);
    }
    return checked(protocol::make_bundle(bytes, options, external), file);
  }
  throw Failure(file.string() + ": neither an ELF file nor a bundle");
}

}  // namespace microvisor::cli
