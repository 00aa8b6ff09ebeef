// See field.hpp.
#include "tests/network/field.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <stdexcept>

#include "cli/deployment.hpp"
#include "cli/files.hpp"
#include "cli/output.hpp"
#include "cli/provisioning.hpp"
#include "protocol/bundle/elf.hpp"

namespace microvisor::test {
namespace {

using cloud::test::FarEnd;
using cloud::test::HttpsServer;

constexpr std::size_t kParameters = 0x400;  // tests/kernel/guests/guest.h
constexpr std::size_t kPageBytes = 600;
constexpr board::Time kSlice =
    board::kTicksPerSecond / 50;  // a slice that waits for the host takes some ms more

void answer(const HttpsServer::Request&, HttpsServer::Peer& peer) {
  peer.write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(kPageBytes) + "\r\n\r\n" +
             std::string(kPageBytes, 'p'));
}

void send_back(FarEnd::Wire& wire) {
  for (std::string bytes = wire.read(); !bytes.empty(); bytes = wire.read()) {
    if (!wire.write(bytes)) return;
  }
}

std::string here(const std::string& name, std::uint16_t port) {
  return name + ":127.0.0.1:" + std::to_string(port);
}

}  // namespace

Field::Field(const board::RadioConditions& conditions, Pace pace)
    : pages(authority.issue("A server", "DNS:server.test"), answer),
      echo(send_back),
      directory_(std::filesystem::temp_directory_path() / ("mv-field-" + std::to_string(::getpid()))) {
  start_servers();
  start_device(conditions, pace);
  log_ = std::thread([this] { follow_log(); });
}

Field::~Field() {
  clock_.follow(nullptr);
  if (server) server->stop();  // and with it the stream of the log
  if (log_.joinable()) log_.join();
  std::filesystem::remove_all(directory_);
}

void Field::start_servers() {
  std::filesystem::create_directories(directory_);
  std::ofstream(authorities()) << authority.own().certificate_pem;
  broker_port = broker.listener("allow_anonymous true\nmax_inflight_messages 20\n");
  const auto identity = authority.issue("A broker", "DNS:broker.test");
  broker_tls_port = broker.listener("allow_anonymous true\ncertfile " +
                                    broker.write("broker.pem", identity.certificate_pem) + "\nkeyfile " +
                                    broker.write("broker.key", identity.key_pem) + "\n");
  broker.start();
  peer = std::make_unique<cloud::test::MqttPeer>(broker_port, "peer");
  cloud::ServerOptions options;
  options.clock = &clock_;
  options.listen = options.gateway = "127.0.0.1:0";
  options.data = directory_ + "/cloud";
  options.quiet = true;
  options.relay = {{here("server.test:443", pages.port()), here("broker.test:1883", broker_port),
                    here("echo.test:7", echo.port())},
                   authorities()};
  options.advertised_gateway = "127.0.0.1:" + std::to_string(wire.port());
  auto started = cloud::Server::start(options);
  if (!started) throw std::runtime_error(started.error());
  server = std::move(*started);
  wire.lead_to(server->gateway_port());
  client = std::make_unique<cli::Client>(cli::read_credentials(server->credentials_path()));
  client->post_json("/api/endpoints", {{"name", "echo"}, {"url", "tcp://echo.test:7"}});
}

void Field::start_device(const board::RadioConditions& conditions, Pace pace) {
  auto memories = board::BoardMemories::in_memory(board::BoardIdentity::from_seed(1));
  if (!memories) throw std::runtime_error(memories.error().message);
  sid = cli::provision(*memories, client.get());
  cli::VirtualDeviceOptions options;
  options.fast = pace == Pace::Fast;
  options.serial = true;
  options.radio = conditions;
  device = std::make_unique<cli::VirtualDevice>(std::move(*memories), options);
  device->on_serial_line = [this](const std::string& line) {
    said.push_back({line, device->board().scheduler().microseconds(), on_the_air()});
  };
  clock_.follow(device.get());
}

void Field::follow_log() {
  try {
    cli::Client(client->credentials())
        .stream(
            "/api/devices/" + sid + "/logs",
            [this](const nlohmann::json& record) {
              const std::lock_guard lock(mutex_);
              arrived_.push_back({cli::text_of(record, "type"), cli::text_of(record, "message"), now()});
              return true;
            },
            [] { return true; });
  } catch (const std::exception& error) {
    const std::lock_guard lock(mutex_);
    arrived_.push_back({"the stream has ended", error.what(), now()});
  }
}

protocol::Bytes Field::image(const std::string& elf, std::uint32_t kind, std::size_t ballast) {
  const protocol::Bytes file = cli::read_file(elf);
  auto image = protocol::elf_to_image(file);
  if (!image) throw std::runtime_error(elf + " is no application");
  image->at(kParameters) = static_cast<std::uint8_t>(kind);
  std::minstd_rand random(1);
  for (std::size_t at = 0; at < ballast; ++at) image->push_back(static_cast<std::uint8_t>(random() >> 8));
  return *image;
}

void Field::deploy(const protocol::Bytes& image, std::uint32_t politeness_seconds) {
  protocol::BundleOptions options;
  options.maximum_politeness_seconds = politeness_seconds;
  const auto bundle = protocol::make_bundle(image, options);
  if (!bundle) throw std::runtime_error("no bundle");
  cli::set_target(*client, sid, cli::text_of(cli::upload_application(*client, *bundle), "sid"));
}

bool Field::run_until(const std::function<bool()>& done, double seconds) {
  board::Board& board = device->board();
  const auto ticks = static_cast<board::Time>(seconds * static_cast<double>(board::kTicksPerSecond));
  const board::Time end = board.scheduler().now() + ticks;
  while (board.scheduler().now() < end) {
    if (done()) return true;
    peer->poll();
    board.run({.until = board.scheduler().now() + kSlice});
  }
  return done();
}

void Field::power_off() { wire.cut(); }

std::uint64_t Field::on_the_air() const {
  return device->radio()->from_board().bytes + device->radio()->to_board().bytes;
}

bool Field::has_said(const std::string& line) const {
  return std::any_of(said.begin(), said.end(), [&](const Said& one) { return one.line == line; });
}

std::vector<Arrival> Field::arrived() const {
  const std::lock_guard lock(mutex_);
  return arrived_;
}

double Field::metric(const std::string& name) {
  std::istringstream text(client->download("/metrics"));
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size()));
  }
  throw std::runtime_error("no such figure: " + name);
}

bool Field::has_arrived(const std::string& type, const std::string& message) const {
  const auto records = arrived();
  return std::any_of(records.begin(), records.end(),
                     [&](const Arrival& one) { return one.type == type && one.message == message; });
}

std::string Field::story() const {
  std::ostringstream text;
  for (const Said& one : said) text << one.microseconds / 1000 << " ms: " << one.line << "\n";
  for (const Arrival& one : arrived())
    text << one.microseconds / 1000 << " ms, " << one.type << ": " << one.message << "\n";
  return text.str();
}

}  // namespace microvisor::test
