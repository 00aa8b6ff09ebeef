#include "cli/label.hpp"

#include <fmt/core.h>
#include <qrencode.h>

#include <memory>

#include "cli/failure.hpp"
#include "cloud/accounts/sid.hpp"

namespace microvisor::cli {
namespace {

constexpr std::string_view kPrefix = "microvisor/1/";
constexpr int kQuiet = 4;  // modules around the symbol (ISO/IEC 18004 section 5.3.8)

/// The symbol, to be asked module by module; outside of it all is light.
class Symbol {
 public:
  explicit Symbol(const std::string& text)
      : code_(QRcode_encodeString8bit(text.c_str(), 0, QR_ECLEVEL_M), QRcode_free) {
    if (!code_) throw Failure("too long for a QR code");
  }
  [[nodiscard]] int width() const { return code_->width; }
  [[nodiscard]] bool dark(int x, int y) const {
    const bool inside = x >= 0 && y >= 0 && x < width() && y < width();
    return inside && (code_->data[y * width() + x] & 1) != 0;
  }

 private:
  std::unique_ptr<QRcode, void (*)(QRcode*)> code_;
};

}  // namespace

std::string label_text(const Label& label) {
  return std::string(kPrefix) + label.sid + (label.claim_code.empty() ? "" : "/" + label.claim_code);
}

Label read_label(const std::string& text) {
  Label label{text, ""};
  if (text.starts_with(kPrefix)) {
    label.sid = text.substr(kPrefix.size());
    if (const std::size_t slash = label.sid.find('/'); slash != std::string::npos) {
      label.claim_code = label.sid.substr(slash + 1);
      label.sid.resize(slash);
    }
  }
  if (!cloud::is_sid(cloud::kDevicePrefix, label.sid))
    throw Failure(text + ": neither a device SID (UV and 32 hex digits) nor a label's text");
  return label;
}

std::string qr_for_terminal(const std::string& text) {
  static constexpr const char* kBlocks[] = {"█", "▄", "▀", " "};  // light on dark: terminals are dark
  const Symbol symbol(text);
  std::string lines;
  for (int y = -kQuiet; y < symbol.width() + kQuiet; y += 2) {
    for (int x = -kQuiet; x < symbol.width() + kQuiet; ++x)
      lines += kBlocks[(symbol.dark(x, y) ? 1 : 0) + (symbol.dark(x, y + 1) ? 2 : 0)];
    lines += '\n';
  }
  return lines;
}

std::string qr_as_svg(const std::string& text) {
  const Symbol symbol(text);
  const int size = symbol.width() + 2 * kQuiet;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}mm\" height=\"{0}mm\" viewBox=\"0 0 {0} {0}\">\n"
      "<rect width=\"{0}\" height=\"{0}\" fill=\"#fff\"/>\n<path d=\"",
      size);
  for (int y = 0; y < symbol.width(); ++y) {
    for (int x = 0; x < symbol.width(); ++x) {
      if (symbol.dark(x, y)) svg += fmt::format("M{} {}h1v1h-1z", x + kQuiet, y + kQuiet);
    }
  }
  return svg + "\"/>\n</svg>\n";
}

}  // namespace microvisor::cli
