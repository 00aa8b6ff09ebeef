// What stands on a device's label: a text for a QR code, whose third field is the SID and whose fourth, if
// there is one, the claim code.
#pragma once

#include <string>

namespace microvisor::cli {

struct Label {
  std::string sid;
  std::string claim_code;  ///< may be empty
};

/// "microvisor/1/UV.../CODE".
std::string label_text(const Label& label);
/// Takes a label's text, or a bare SID. Throws Failure.
Label read_label(const std::string& text);

/// A QR code (ISO/IEC 18004, level M) for terminals: two rows a line, in UTF-8 half blocks, with its quiet
/// zone.
std::string qr_for_terminal(const std::string& text);
/// The same as an SVG document, 1 mm a module.
std::string qr_as_svg(const std::string& text);

}  // namespace microvisor::cli
