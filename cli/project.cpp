// CMake is asked through its file API (cmake-file-api(7), codemodel version 2) what it builds: names of
// targets are the project's business, and so are the folders that they end up in.
#include "cli/project.hpp"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/child_process.hpp"
#include "cli/failure.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"

namespace microvisor::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct Executable {
  std::string name;
  fs::path file;
};

fs::path api_folder(const fs::path& build) { return build / ".cmake/api/v1"; }

/// Empty: there is none.
fs::path sdk_folder() {
  if (const char* named = std::getenv("MICROVISOR_SDK"); named != nullptr && *named != 0) return named;
  std::error_code error;
  const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "sdk";
  return fs::exists(beside / "cmake/MicrovisorConfig.cmake", error) ? beside : fs::path();
}

json read_json(const fs::path& file) {
  json document = json::parse(protocol::as_text(read_file(file)), nullptr, false);
  if (document.is_discarded()) throw Failure(file.string() + ": no JSON");
  return document;
}

/// The newest answer of CMake's.
fs::path index_of(const fs::path& reply) {
  fs::path newest;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(reply, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("index-") && name > newest.filename().string()) newest = entry.path();
  }
  return newest;
}

std::vector<Executable> executables_of(const fs::path& build) {
  const fs::path reply = api_folder(build) / "reply";
  const fs::path index = index_of(reply);
  if (index.empty()) throw Failure(build.string() + " has not been built by this command");
  std::vector<Executable> found;
  const json answer = read_json(index);
  for (const json& object : answer.at("objects")) {
    if (object.at("kind") != "codemodel") continue;
    const json model = read_json(reply / object.at("jsonFile").get<std::string>());
    for (const json& entry : model.at("configurations").at(0).at("targets")) {
      const json target = read_json(reply / entry.at("jsonFile").get<std::string>());
      if (target.at("type") != "EXECUTABLE") continue;
      found.push_back(
          {target.at("name"), build / target.at("artifacts").at(0).at("path").get<std::string>()});
    }
  }
  return found;
}

void run_step(const char* what, const std::vector<std::string>& words) {
  ChildProcess process(words, ChildProcess::Output::Diagnostics);
  if (process.wait() != 0) throw Failure(fmt::format("{} has failed", what));
}

void configure(const fs::path& project, const fs::path& build, bool debug) {
  std::vector<std::string> words{"cmake", "-S", project, "-B", build};
  if (!fs::exists(build / "CMakeCache.txt")) {
    words.push_back(debug ? "-DCMAKE_BUILD_TYPE=Debug" : "-DCMAKE_BUILD_TYPE=MinSizeRel");
    if (const fs::path sdk = sdk_folder(); !sdk.empty()) {
      words.push_back("-DCMAKE_TOOLCHAIN_FILE=" + (sdk / "cmake/arm-none-eabi.cmake").string());
      words.push_back("-DMicrovisor_DIR=" + (sdk / "cmake").string());
    }
    words.emplace_back("--no-warn-unused-cli");
  }
  fs::create_directories(api_folder(build) / "query");
  write_file(api_folder(build) / "query/codemodel-v2", {});
  run_step("configuring", words);
}

/// Only what CMake has made: a folder of that name may be anything.
void clean(const fs::path& build) {
  std::error_code error;
  if (!fs::exists(build, error)) return;
  if (!fs::exists(build / "CMakeCache.txt", error))
    throw Failure(build.string() + " has no CMakeCache.txt, so it is not emptied");
  fs::remove_all(build);
}

}  // namespace

fs::path build_folder_of(const fs::path& project) {
  return fs::absolute(project).lexically_normal() / "build";
}

fs::path build_project(const fs::path& project, const BuildOptions& options) {
  if (!fs::exists(project / "CMakeLists.txt")) throw Failure(project.string() + ": no CMakeLists.txt there");
  const fs::path build = build_folder_of(project);
  if (options.clean) clean(build);
  note("building " + project.string());
  configure(fs::absolute(project).lexically_normal(), build, options.debug);
  run_step("building", {"cmake", "--build", build});
  return built_application(project, options.application);
}

fs::path built_application(const fs::path& project, const std::string& application) {
  const fs::path build = build_folder_of(project);
  const std::vector<Executable> all = executables_of(build);
  std::vector<std::string> names(all.size());
  std::transform(all.begin(), all.end(), names.begin(), [](const Executable& one) { return one.name; });
  const auto found = application.empty() && all.size() == 1
                         ? all.begin()
                         : std::find_if(all.begin(), all.end(),
                                        [&](const Executable& one) { return one.name == application; });
  if (all.empty()) throw Failure(project.string() + " builds no executable");
  if (found == all.end())
    throw Failure(
        fmt::format("{} builds {}: name one by --application", project.string(), fmt::join(names, ", ")));
  if (!fs::exists(found->file)) throw Failure(found->file.string() + " has not been built");
  return found->file;
}

}  // namespace microvisor::cli
