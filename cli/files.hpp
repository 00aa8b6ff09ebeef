// Whole files in and out, and what a user may hand us as an application: a bundle or an ELF file.
#pragma once

#include <filesystem>
#include <string>

#include "protocol/bundle/bundle.hpp"

namespace microvisor::cli {

/// Throws Failure naming the file.
protocol::Bytes read_file(const std::filesystem::path& file);
/// Writes beside the target and renames, so that an interrupted write leaves the old file. Throws Failure.
void write_file(const std::filesystem::path& file, protocol::ByteView bytes);
/// The same; nobody but the owner may read the file.
void write_private_file(const std::filesystem::path& file, protocol::ByteView bytes);

/// A P-256 key from a PEM file. Throws Failure: "FILE: why".
protocol::SigningKey read_private_key(const std::filesystem::path& file);
/// Likewise.
protocol::PublicKey read_public_key(const std::filesystem::path& file);

/// Reads an application from an ELF file, a bundle or a raw flash image (.bin), and checks it. `options` and
/// `external` apply unless it is a bundle already. Throws Failure: "FILE: why".
protocol::Bundle load_application(const std::filesystem::path& file,
                                  const protocol::BundleOptions& options = {},
                                  std::span<const protocol::ExternalImage> external = {});

}  // namespace microvisor::cli
