// A cloud in this process and a board in a process of its own, provisioned and claimed: where tests of whole
// updates begin. Owned by one thread.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/client.hpp"
#include "cli/flash_view.hpp"
#include "cloud/server.hpp"
#include "protocol/bundle/bundle.hpp"
#include "tests/ota/board_process.hpp"

namespace microvisor::tests {

/// A temporary directory, removed in the end unless it is to be kept.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  bool keep = false;

 private:
  std::filesystem::path path_;
};

/// Between two looks at a condition: the journal, where the moment matters, and the cloud, where it does not
/// and each look costs.
inline constexpr std::chrono::microseconds kGlance{300}, kQuestion{50'000};

/// Waits until the condition holds; false after far more time than anything takes, also on a machine that has
/// other work.
bool await(std::chrono::microseconds pause, const std::function<bool()>& condition);

class Rig {
 public:
  Rig(std::filesystem::path microvisor, const std::filesystem::path& scratch);

  /// The SID of the new application.
  std::string upload(const protocol::Bundle& bundle, const std::string& name);
  void deploy(const std::string& app);
  /// Waits until the cloud shows `app` up-to-date and running. Throws if that does not come.
  void require_running(const std::string& app);
  /// What the cloud shows of the device beside the v1 resource.
  [[nodiscard]] nlohmann::json device();
  /// Switches board and cloud off, has something done to the cloud's data, and switches them on again, the
  /// cloud at the same addresses.
  void with_cloud_stopped(const std::function<void(const std::filesystem::path& data)>& action);

  [[nodiscard]] BoardProcess& board() { return board_; }
  [[nodiscard]] cli::FlashView& flash() { return flash_; }

 private:
  void start_cloud(const std::string& listen, const std::string& gateway);
  std::string make_board();

  std::filesystem::path data_, directory_;
  std::unique_ptr<cloud::Server> server_;
  std::optional<cli::Client> client_;
  std::string sid_;
  BoardProcess board_;
  cli::FlashView flash_;
};

}  // namespace microvisor::tests
