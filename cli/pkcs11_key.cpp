// PKCS #11 (OASIS, version 2.40) by the module's function list: find the token, log in, find the key, sign
// with CKM_ECDSA, whose signature is r then s as manifests have it (section 2.3.1 of the mechanisms).
#include "cli/pkcs11_key.hpp"

#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>
#include <span>
#include <vector>

#include "cli/failure.hpp"
#include "cli/files.hpp"

namespace microvisor::cli {
namespace {

using protocol::Bytes;
using protocol::ByteView;

constexpr std::string_view kScheme = "pkcs11:";
/// Object identifier of prime256v1, DER (RFC 5480 section 2.1.1.1).
constexpr std::array<std::uint8_t, 10> kP256{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};

template <auto release>
struct Releaser {
  template <typename Type>
  void operator()(Type* object) const {
    release(object);
  }
};
using Uri = std::unique_ptr<P11KitUri, Releaser<p11_kit_uri_free>>;
using ModuleList = std::unique_ptr<CK_FUNCTION_LIST_PTR, Releaser<p11_kit_modules_finalize_and_release>>;

void require(CK_RV result, const std::string& what) {
  if (result != CKR_OK) throw Failure("pkcs11: " + what + ": " + p11_kit_strerror(result));
}

Uri parse(const std::string& text) {
  Uri uri(p11_kit_uri_new());
  if (const int error = p11_kit_uri_parse(text.c_str(), P11_KIT_URI_FOR_ANY, uri.get());
      error != P11_KIT_URI_OK)
    throw Failure("pkcs11: the URI cannot be read: " + std::string(p11_kit_uri_message(error)));
  if (p11_kit_uri_any_unrecognized(uri.get()) != 0)
    throw Failure("pkcs11: the URI has an attribute that is not known");
  return uri;
}

/// The one module that the URI names.
class Module {
 public:
  explicit Module(const std::string& path) : functions_(p11_kit_module_load(path.c_str(), 0)) {
    if (functions_ == nullptr) throw Failure(path + ": is no PKCS #11 module");
    if (const CK_RV result = p11_kit_module_initialize(functions_); result != CKR_OK) {
      p11_kit_module_release(functions_);
      require(result, path);
    }
  }
  ~Module() {
    p11_kit_module_finalize(functions_);
    p11_kit_module_release(functions_);
  }
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  [[nodiscard]] CK_FUNCTION_LIST_PTR functions() const { return functions_; }

 private:
  CK_FUNCTION_LIST_PTR functions_;
};

/// What the token is unlocked by; nothing if nobody has said.
std::optional<std::string> find_pin(P11KitUri* uri) {
  if (const char* value = p11_kit_uri_get_pin_value(uri)) return value;
  if (const char* source = p11_kit_uri_get_pin_source(uri)) {
    std::string file = source;
    if (file.starts_with("file:")) file.erase(0, 5);
    const Bytes content = read_file(file);
    std::string pin(content.begin(), content.end());
    pin.erase(std::find_if(pin.begin(), pin.end(), [](char c) { return c == '\n' || c == '\r'; }), pin.end());
    return pin;
  }
  if (const char* value = std::getenv("MICROVISOR_PKCS11_PIN")) return value;
  return std::nullopt;
}

}  // namespace

/// A session with the token, logged in, and the key found there.
class Pkcs11Key::Token {
 public:
  explicit Token(const std::string& text) : uri_(parse(text)) {
    load_modules();
    open_session();
    key_ = find_private_key();
  }
  ~Token() {
    if (functions_ != nullptr) functions_->C_CloseSession(session_);
  }
  Token(const Token&) = delete;
  Token& operator=(const Token&) = delete;

  /// The public half: the object of the same CKA_ID.
  [[nodiscard]] protocol::PublicKey read_public_key() {
    Bytes id = attribute(key_, CKA_ID);
    CK_OBJECT_CLASS kind = CKO_PUBLIC_KEY;
    const auto found = find({{CKA_CLASS, &kind, sizeof kind}, {CKA_ID, id.data(), id.size()}});
    if (found.empty())
      throw Failure("pkcs11: the token has no public key of the same CKA_ID as the private key");
    if (const Bytes curve = attribute(found.front(), CKA_EC_PARAMS);
        !std::equal(curve.begin(), curve.end(), kP256.begin(), kP256.end())) {
      throw Failure("pkcs11: the key is not of curve P-256");
    }
    // An OCTET STRING around the point; some tokens leave that away.
    const Bytes encoded = attribute(found.front(), CKA_EC_POINT);
    protocol::PublicKey point{};
    if (encoded.size() < point.size()) throw Failure("pkcs11: the public key cannot be read");
    std::copy(encoded.end() - static_cast<std::ptrdiff_t>(point.size()), encoded.end(), point.begin());
    if (!protocol::is_p256_point(point)) throw Failure("pkcs11: the public key is no point of P-256");
    return point;
  }

  [[nodiscard]] protocol::Signature sign(ByteView message) const {
    protocol::Hash digest = protocol::sha256(message);
    protocol::Signature signature{};
    CK_MECHANISM mechanism{CKM_ECDSA, nullptr, 0};
    CK_ULONG size = signature.size();
    require(functions_->C_SignInit(session_, &mechanism, key_), "signing");
    require(functions_->C_Sign(session_, digest.data(), digest.size(), signature.data(), &size), "signing");
    if (size != signature.size()) throw Failure("pkcs11: the token's signature has a wrong size");
    return signature;
  }

 private:
  void load_modules() {
    if (const char* path = p11_kit_uri_get_module_path(uri_.get())) {
      module_.emplace(path);
    } else {
      known_modules_.reset(p11_kit_modules_load_and_initialize(0));
    }
  }

  /// Opens a session with the first token that fits the URI.
  void open_session() {
    if (module_) try_open(module_->functions());
    for (CK_FUNCTION_LIST_PTR* each = known_modules_.get();
         each != nullptr && *each != nullptr && functions_ == nullptr; ++each) {
      try_open(*each);
    }
    if (functions_ == nullptr) throw Failure("pkcs11: no token fits the URI");
  }

  /// Opens a session with a token of this module, if one fits.
  void try_open(CK_FUNCTION_LIST_PTR functions) {
    std::array<CK_SLOT_ID, 64> slots{};
    CK_ULONG count = slots.size();
    require(functions->C_GetSlotList(CK_TRUE, slots.data(), &count), "listing slots");
    for (const CK_SLOT_ID slot : std::span(slots).first(count)) {
      CK_TOKEN_INFO token{};
      if (functions->C_GetTokenInfo(slot, &token) != CKR_OK) continue;
      if (p11_kit_uri_match_token_info(uri_.get(), &token) == 0) continue;
      require(functions->C_OpenSession(slot, CKF_SERIAL_SESSION, nullptr, nullptr, &session_),
              "opening a session");
      functions_ = functions;
      if ((token.flags & CKF_LOGIN_REQUIRED) != 0) log_in();
      return;
    }
  }

  void log_in() {
    auto pin = find_pin(uri_.get());
    if (!pin) throw Failure("pkcs11: the token wants a PIN: pin-source in the URI, or MICROVISOR_PKCS11_PIN");
    auto* bytes = reinterpret_cast<CK_UTF8CHAR_PTR>(pin->data());
    const CK_RV result = functions_->C_Login(session_, CKU_USER, bytes, pin->size());
    if (result != CKR_USER_ALREADY_LOGGED_IN) require(result, "logging in");
  }

  [[nodiscard]] CK_OBJECT_HANDLE find_private_key() {
    CK_OBJECT_CLASS kind = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC;
    std::vector<CK_ATTRIBUTE> wanted{{CKA_CLASS, &kind, sizeof kind}, {CKA_KEY_TYPE, &type, sizeof type}};
    CK_ULONG count = 0;
    const CK_ATTRIBUTE_PTR named = p11_kit_uri_get_attributes(uri_.get(), &count);
    std::copy_if(named, named + count, std::back_inserter(wanted),
                 [](const CK_ATTRIBUTE& each) { return each.type == CKA_LABEL || each.type == CKA_ID; });
    const auto found = find(std::move(wanted));
    if (found.empty()) throw Failure("pkcs11: the token has no elliptic-curve private key that fits the URI");
    if (found.size() > 1) throw Failure("pkcs11: several keys fit the URI: add object= or id=");
    return found.front();
  }

  [[nodiscard]] std::vector<CK_OBJECT_HANDLE> find(std::vector<CK_ATTRIBUTE> wanted) {
    std::array<CK_OBJECT_HANDLE, 2> objects{};
    CK_ULONG count = 0;
    require(functions_->C_FindObjectsInit(session_, wanted.data(), wanted.size()), "looking for a key");
    const CK_RV result = functions_->C_FindObjects(session_, objects.data(), objects.size(), &count);
    functions_->C_FindObjectsFinal(session_);
    require(result, "looking for a key");
    return {objects.begin(), objects.begin() + static_cast<std::ptrdiff_t>(count)};
  }

  [[nodiscard]] Bytes attribute(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type) {
    std::array<std::uint8_t, 256> value{};
    CK_ATTRIBUTE wanted{type, value.data(), value.size()};
    require(functions_->C_GetAttributeValue(session_, object, &wanted, 1), "reading a key's attribute");
    return {value.begin(), value.begin() + static_cast<std::ptrdiff_t>(wanted.ulValueLen)};
  }

  Uri uri_;
  std::optional<Module> module_;
  ModuleList known_modules_;
  CK_FUNCTION_LIST_PTR functions_ = nullptr;
  CK_SESSION_HANDLE session_ = 0;
  CK_OBJECT_HANDLE key_ = 0;
};

Pkcs11Key::Pkcs11Key(const std::string& uri)
    : token_(std::make_unique<Token>(uri)), public_key_(token_->read_public_key()) {}

Pkcs11Key::~Pkcs11Key() = default;

protocol::Signature Pkcs11Key::sign(ByteView message) const {
  const protocol::Signature signature = token_->sign(message);
  if (!protocol::verify(public_key_, message, signature))
    throw Failure("pkcs11: the token's signature does not verify with the public key it shows");
  return signature;
}

std::unique_ptr<protocol::Signer> open_signing_key(const std::string& where) {
  if (where.starts_with(kScheme)) return std::make_unique<Pkcs11Key>(where);
  auto key = protocol::SigningKey::from_pem(protocol::as_text(read_file(where)));
  if (!key) throw Failure(where + ": " + key.error().message);
  return std::make_unique<protocol::SigningKey>(std::move(*key));
}

}  // namespace microvisor::cli
