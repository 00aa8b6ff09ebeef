// Sealed form: nonce (12 bytes), ciphertext, tag (16 bytes). Files are written beside and renamed, never
// half.
#include "cloud/accounts/vault.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>

namespace microvisor::cloud {
namespace {

constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

const std::uint8_t* data_of(std::string_view text) { return protocol::as_bytes(text).data(); }

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = ::write(file, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

bool write_private_file(const std::string& path, std::string_view content) {
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return false;
  const bool good = write_all(file, content) && ::fsync(file) == 0;
  ::close(file);
  return good && std::rename(temporary.c_str(), path.c_str()) == 0;
}

bool equal_secrets(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

tl::expected<Vault, std::string> Vault::open(const std::string& path) {
  std::array<std::uint8_t, 32> key{};
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    if (RAND_bytes(key.data(), static_cast<int>(key.size())) != 1)
      return tl::unexpected(std::string("no random numbers"));
    if (!write_private_file(path, protocol::as_text(key))) {
      return tl::unexpected("cannot write " + path + ": " + std::strerror(errno));
    }
    return Vault(key);
  }
  if ((info.st_mode & 077) != 0) return tl::unexpected(path + " may be read by others (expected mode 0600)");
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  if (content.size() != key.size()) return tl::unexpected(path + " is not a master key");
  std::memcpy(key.data(), content.data(), key.size());
  return Vault(key);
}

protocol::Bytes Vault::seal(std::string_view purpose, std::string_view secret) const {
  protocol::Bytes sealed(kNonceBytes + secret.size() + kTagBytes);
  const Context context(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool good =
      RAND_bytes(sealed.data(), static_cast<int>(kNonceBytes)) == 1 &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), sealed.data()) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &count, data_of(purpose), static_cast<int>(purpose.size())) ==
          1 &&
      EVP_EncryptUpdate(context.get(), &sealed[kNonceBytes], &count, data_of(secret),
                        static_cast<int>(secret.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), &sealed[kNonceBytes + secret.size()], &count) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                          &sealed[kNonceBytes + secret.size()]) == 1;
  if (!good) throw std::runtime_error("cannot seal a secret");
  return sealed;
}

std::optional<std::string> Vault::open_sealed(std::string_view purpose, protocol::ByteView sealed) const {
  if (sealed.size() < kNonceBytes + kTagBytes) return std::nullopt;
  const std::size_t size = sealed.size() - kNonceBytes - kTagBytes;
  protocol::Bytes tag(sealed.end() - kTagBytes, sealed.end());
  protocol::Bytes secret(size + 1);
  const Context context(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), sealed.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &count, data_of(purpose), static_cast<int>(purpose.size())) ==
          1 &&
      EVP_DecryptUpdate(context.get(), secret.data(), &count, &sealed[kNonceBytes], static_cast<int>(size)) ==
          1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes), tag.data()) ==
          1 &&
      EVP_DecryptFinal_ex(context.get(), &secret[size], &count) == 1;
  if (!good) return std::nullopt;
  return std::string(protocol::as_text(secret).substr(0, size));
}

}  // namespace microvisor::cloud
