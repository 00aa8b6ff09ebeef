// An application as its developer has it: a folder with a CMakeLists.txt, built in its folder `build`.
#pragma once

#include <filesystem>
#include <string>

namespace microvisor::cli {

struct BuildOptions {
  std::string application;  ///< which of the project's executables; empty: it has one
  bool clean = false;       ///< the build folder is emptied first
  bool debug = false;       ///< a build folder that is made now is for CMake's build type Debug
};

/// Where a project is built.
[[nodiscard]] std::filesystem::path build_folder_of(const std::filesystem::path& project);

/// Configures and builds with CMake, whose output goes to stderr. The toolchain and the package of the SDK
/// are those beside this program, or in $MICROVISOR_SDK; a project that names its own keeps them. The
/// executable. Throws Failure.
[[nodiscard]] std::filesystem::path build_project(const std::filesystem::path& project,
                                                  const BuildOptions& options);

/// The executable of the last build. Throws Failure if there is none.
[[nodiscard]] std::filesystem::path built_application(const std::filesystem::path& project,
                                                      const std::string& application);

}  // namespace microvisor::cli
