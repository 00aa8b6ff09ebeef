#include "tests/ota/rig.hpp"

#include <fmt/core.h>

#include <stdexcept>
#include <thread>

#include "board/memory/board_memories.hpp"
#include "cli/deployment.hpp"
#include "cli/output.hpp"
#include "cli/provisioning.hpp"

namespace microvisor::tests {

namespace fs = std::filesystem;

Scratch::Scratch() {
  std::string pattern = (fs::temp_directory_path() / "microvisor-ota-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a directory");
  path_ = pattern;
}

Scratch::~Scratch() {
  std::error_code ignored;
  if (!keep) fs::remove_all(path_, ignored);
}

bool await(std::chrono::microseconds pause, const std::function<bool()>& condition) {
  constexpr auto kPatience = std::chrono::minutes(10);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(pause);
  }
  return true;
}

Rig::Rig(fs::path microvisor, const fs::path& scratch)
    : data_(scratch / "cloud"),
      directory_(scratch / "board"),
      sid_((start_cloud("127.0.0.1:0", "127.0.0.1:0"), make_board())),
      board_(std::move(microvisor), directory_),
      flash_(directory_) {}

void Rig::start_cloud(const std::string& listen, const std::string& gateway) {
  cloud::ServerOptions options;
  options.listen = listen;
  options.gateway = gateway;
  options.data = data_;
  options.quiet = true;
  auto server = cloud::Server::start(options);
  if (!server) throw std::runtime_error(server.error());
  server_ = std::move(*server);
  client_.emplace(cli::read_credentials(server_->credentials_path()));
}

void Rig::with_cloud_stopped(const std::function<void(const fs::path& data)>& action) {
  const auto at = [](std::uint16_t port) { return fmt::format("127.0.0.1:{}", port); };
  const std::string listen = at(server_->api_port()), gateway = at(server_->gateway_port());
  board_.kill();  // its process has inherited the sockets that listen
  client_.reset();
  server_.reset();
  action(data_);
  start_cloud(listen, gateway);
  board_.start();
}

std::string Rig::make_board() {
  if (const auto made = board::BoardMemories::create(directory_, board::BoardIdentity::random()); !made)
    throw std::runtime_error(made.error().message);
  auto memories = board::BoardMemories::open(directory_);
  if (!memories) throw std::runtime_error(memories.error().message);
  return cli::provision(*memories, &*client_);
}

std::string Rig::upload(const protocol::Bundle& bundle, const std::string& name) {
  return cli::text_of(cli::upload_application(*client_, bundle, name), "sid");
}

void Rig::deploy(const std::string& app) { cli::set_target(*client_, sid_, app); }

nlohmann::json Rig::device() { return client_->get("/api/devices/" + sid_); }

void Rig::require_running(const std::string& app) {
  const bool there = await(kQuestion, [&] {
    if (!board_.running()) throw std::runtime_error("the board's process has ended; see its log");
    const auto shown = client_->get("/v1/Devices/" + sid_).at("app");
    return cli::text_of(shown, "update_status") == "up-to-date" && cli::text_of(shown, "reported_sid") == app;
  });
  if (!there)
    throw std::runtime_error(fmt::format("not recovered; the journal says {}", flash_.journal().phase));
  if (!await(kQuestion, [&] { return device().at("app_running").get<bool>(); }))
    throw std::runtime_error("the application does not run");
}

}  // namespace microvisor::tests
