// Commands that two kinds of release have in common: Microvisor itself, and firmware of modules.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/commands.hpp"

namespace microvisor::cli {

/// How one kind is called, in the API and to people. Names that outlive the command line.
struct ReleaseKind {
  const char* many;  ///< "kernels": of /api/kernels and its list
  const char* one;   ///< "kernel": of /api/devices/{device}/kernel
  const char* name;  ///< "KERNEL": what stands in the usage for the name of a release
  const char* name_help;
  const char* file_help;  ///< of what is uploaded
  const char* deploy_help;
  const char* all_help;  ///< which devices --all means
};

/// A column of the list: its heading and the member of the release that stands there.
struct ReleaseColumn {
  const char* heading;
  const char* member;
};

void add_release_upload(CLI::App& releases, Context& context, const ReleaseKind& kind);
void add_release_list(CLI::App& releases, Context& context, const ReleaseKind& kind,
                      std::vector<ReleaseColumn> columns);
void add_release_remove(CLI::App& releases, Context& context, const ReleaseKind& kind);
void add_release_deploy(CLI::App& releases, Context& context, const ReleaseKind& kind);

}  // namespace microvisor::cli
