// Puts the cloud together: data directory, store, services, sockets, thread.
#include "cloud/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/host_name.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "cloud/accounts/accounts.hpp"
#include "cloud/api/http_server.hpp"
#include "cloud/configuration/fetch_server.hpp"
#include "cloud/gateway/listener.hpp"
#include "cloud/relay/http.hpp"
#include "cloud/relay/mqtt_line.hpp"
#include "cloud/relay/mqtt_relay.hpp"
#include "cloud/relay/stream_relay.hpp"

namespace microvisor::cloud {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using tcp = asio::ip::tcp;
using Error = std::string;

constexpr const char* kDatabaseName = "microvisor.db";
constexpr const char* kMasterKeyName = "master.key";
constexpr const char* kCredentialsName = "credentials.json";
constexpr auto kStopTime = std::chrono::milliseconds(1000);
constexpr auto kStopPoll = std::chrono::milliseconds(5);
constexpr auto kMqttTick = std::chrono::milliseconds(250);

/// "127.0.0.1:8080", "[::1]:8080", "localhost:8080".
tl::expected<tcp::endpoint, Error> parse_endpoint(const std::string& text) {
  const auto bad = [&] { return tl::unexpected("not an address and port: " + text); };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return bad();
  std::string host = text.substr(0, colon);
  if (host == "localhost") host = "127.0.0.1";
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  const std::string port = text.substr(colon + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos)
    return bad();
  const int number = std::stoi(port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (error || number > 65535) return bad();
  return tcp::endpoint(address, static_cast<std::uint16_t>(number));
}

std::string to_text(const tcp::endpoint& endpoint) {
  const std::string address = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(endpoint.port());
}

tl::expected<tcp::acceptor, Error> listen_on(asio::io_context& io, const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(io);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(1024, error);
  if (error) return tl::unexpected("cannot listen on " + to_text(endpoint) + ": " + error.message());
  return acceptor;
}

tl::expected<void, Error> prepare_directory(const std::string& path) {
  std::error_code error;
  if (path.empty()) return tl::unexpected(Error("no data directory given"));
  if (fs::exists(path, error) && !fs::is_directory(path, error))
    return tl::unexpected(path + " is not a directory");
  if (!fs::exists(path, error)) {
    if (!fs::create_directories(path, error))
      return tl::unexpected("cannot make " + path + ": " + error.message());
    fs::permissions(path, fs::perms::owner_all, error);
    return {};
  }
  const fs::path directory(path);
  const bool empty = fs::is_empty(directory, error);
  if (error) return tl::unexpected("cannot read " + path + ": " + error.message());
  if (!empty && !fs::exists(directory / kMasterKeyName)) {
    return tl::unexpected(path + " is neither empty nor a data directory of Microvisor");
  }
  return {};
}

bool write_credentials(const std::string& path, const Credentials& credentials) {
  nlohmann::ordered_json object;
  object["account_sid"] = credentials.account_sid;
  object["auth_token"] = credentials.auth_token;
  object["base_url"] = credentials.base_url;
  object["gateway"] = credentials.gateway;
  return write_private_file(path, object.dump(2) + "\n");
}

}  // namespace

tl::expected<Credentials, std::string> read_credentials(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return tl::unexpected("cannot read " + path);
  const std::string content{std::istreambuf_iterator<char>(file), {}};
  const auto object = nlohmann::json::parse(content, nullptr, false);
  if (!object.is_object()) return tl::unexpected(path + " is not a credentials file");
  Credentials credentials;
  const std::pair<const char*, std::string*> members[] = {{"account_sid", &credentials.account_sid},
                                                          {"auth_token", &credentials.auth_token},
                                                          {"base_url", &credentials.base_url},
                                                          {"gateway", &credentials.gateway}};
  for (const auto& [name, value] : members) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_string()) return tl::unexpected(path + " lacks \"" + name + "\"");
    *value = found->get<std::string>();
  }
  return credentials;
}

/// Members are destroyed from the last to the first: the io_context takes its coroutines along while what
/// they refer to is still there.
struct Server::Impl {
  SystemClock system_clock;
  const Clock* chosen_clock = &system_clock;
  std::unique_ptr<Vault> vault;
  std::unique_ptr<Store> store;
  std::unique_ptr<Bus> bus = make_in_process_bus();
  LogHub hub;
  std::optional<Pki> pki;
  std::optional<Accounts> accounts;
  std::optional<Signers> signers;
  std::optional<Custodian> custodian;
  std::optional<Deployments> deployments;
  std::optional<KernelUpdates> kernels;
  std::optional<Attestations> attestations;
  std::optional<KnownMeasurements> measurements;
  std::optional<Values> values;
  std::optional<RelayPolicy> relay_policy;
  std::optional<mqtt::Dialler> mqtt_dialler;
  std::optional<mqtt::Relay> mqtt_relay;
  std::optional<Gateway> gateway;
  std::optional<api::Api> api;
  std::optional<api::HttpServer> http;
  std::optional<Listener> listener;
  asio::io_context io{1};
  std::optional<StreamRelay> streams;
  std::function<void(std::function<void()>)> post = [this](std::function<void()> function) {
    asio::post(io, std::move(function));
  };
  Encodings encodings{post};
  std::shared_ptr<HttpRelay> http_relay;
  std::thread thread;

  std::string base_url;
  Credentials credentials;
  std::string credentials_path;
  std::uint16_t api_port = 0;
  std::uint16_t gateway_port = 0;
  std::mutex mutex;
  std::condition_variable stopped_changed;
  bool stopped = false;

  void open_services(const ServerOptions& options);
  void open_mqtt();
  asio::awaitable<void> tick_mqtt();
  void open_streams();
  tl::expected<void, Error> open_credentials(const std::string& gateway_address);
  tl::expected<void, Error> open(const ServerOptions& options);
  void begin_stop();
  asio::awaitable<void> finish();
};

void Server::Impl::open_services(const ServerOptions& options) {
  if (options.clock != nullptr) chosen_clock = options.clock;
  const Clock& clock = *chosen_clock;
  const fs::path directory(options.data);
  auto opened = Vault::open(directory / kMasterKeyName);
  if (!opened) throw std::runtime_error(opened.error());
  vault = std::make_unique<Vault>(*opened);
  store = open_sqlite_store(directory / kDatabaseName);
  fs::permissions(directory / kDatabaseName, fs::perms::owner_read | fs::perms::owner_write);
  bus->subscribe(Bus::Handler<LogRecord>([this](const LogRecord& record) { hub.publish(record); }));
  pki = Pki::open(*store, *vault);
  accounts.emplace(*store, *vault, clock);
  signers.emplace(*store, *accounts, *bus, clock);
  custodian.emplace(*store, *signers, clock);
  deployments.emplace(*store, *bus, clock);
  kernels.emplace(*store, *bus, clock);
  attestations.emplace(*store, *bus, clock);
  measurements.emplace(*store);
  values.emplace(*store, *vault, clock);
  gateway.emplace(*store, *bus, *deployments, *kernels, *attestations, encodings, clock, TlsContext(*pki));
  gateway->serve(link::SERVICE_CONFIG, serve_fetches(*values));
  http_relay = HttpRelay::make(*store, *bus, clock, *relay_policy, post);
  gateway->serve(link::SERVICE_HTTP, http_relay->service());
  open_mqtt();
  open_streams();
  credentials_path = directory / kCredentialsName;
}

void Server::Impl::open_mqtt() {
  mqtt_dialler.emplace(io.get_executor(), *relay_policy, [this](const std::string& account_sid) {
    return AllowedHosts(store->allowed_hosts(account_sid));
  });
  mqtt_relay.emplace(
      [this](const ChannelOwner& owner, const mqtt::BrokerAddress& address, mqtt::BrokerEvents& events) {
        return mqtt_dialler->dial(owner, address, events);
      });
  gateway->serve(link::SERVICE_MQTT, [this](Channel& channel) { return mqtt_relay->serve(channel); });
  asio::co_spawn(io, tick_mqtt(), asio::detached);
}

asio::awaitable<void> Server::Impl::tick_mqtt() {
  asio::steady_timer timer(io);
  for (;;) {
    timer.expires_after(kMqttTick);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    mqtt_relay->tick();
  }
}

void Server::Impl::open_streams() {
  streams.emplace(io, *relay_policy, [this](const std::string& sid) { return store->allowed_hosts(sid); });
  gateway->serve_endpoints([this](std::shared_ptr<ByteStream> stream, const std::string& url) {
    return streams->serve(std::move(stream), url);
  });
}

/// The file is written before the account is stored: killed in between, the next start begins anew.
tl::expected<void, Error> Server::Impl::open_credentials(const std::string& gateway_address) {
  const bool first_start = !store->first_account();
  const NewAccount account = first_start ? accounts->prepare() : NewAccount{};
  if (first_start) {
    credentials.account_sid = account.sid;
    credentials.auth_token = account.auth_token;
  } else if (auto known = read_credentials(credentials_path)) {
    credentials = *known;
  }
  credentials.base_url = base_url;
  credentials.gateway = gateway_address;
  if (credentials.account_sid.empty()) return {};  // taken away by its owner; the account works without it
  if (!write_credentials(credentials_path, credentials))
    return tl::unexpected("cannot write " + credentials_path);
  if (first_start) accounts->create(account);
  return {};
}

tl::expected<void, Error> Server::Impl::open(const ServerOptions& options) {
  const auto listen = parse_endpoint(options.listen);
  if (!listen) return tl::unexpected(listen.error());
  const auto gateway_endpoint = parse_endpoint(options.gateway);
  if (!gateway_endpoint) return tl::unexpected(gateway_endpoint.error());
  if (!listen->address().is_loopback()) {
    return tl::unexpected("refusing to serve the API on " + options.listen +
                          " without TLS: listen on a loopback address and put a TLS proxy in front");
  }
  auto policy = RelayPolicy::make(options.relay);
  if (!policy) return tl::unexpected(policy.error());
  relay_policy = std::move(*policy);
  if (auto directory = prepare_directory(options.data); !directory) return directory;
  auto api_acceptor = listen_on(io, *listen);
  if (!api_acceptor) return tl::unexpected(api_acceptor.error());
  auto gateway_acceptor = listen_on(io, *gateway_endpoint);
  if (!gateway_acceptor) return tl::unexpected(gateway_acceptor.error());
  open_services(options);

  api_port = api_acceptor->local_endpoint().port();
  gateway_port = gateway_acceptor->local_endpoint().port();
  base_url =
      options.base_url.empty() ? "http://" + to_text(api_acceptor->local_endpoint()) : options.base_url;
  std::string gateway_address = options.advertised_gateway;
  if (gateway_address.empty()) {
    const bool any = gateway_endpoint->address().is_unspecified();
    boost::system::error_code ignored;
    gateway_address = any ? asio::ip::host_name(ignored) + ":" + std::to_string(gateway_port)
                          : to_text(gateway_acceptor->local_endpoint());
  }
  if (auto written = open_credentials(gateway_address); !written) return written;
  api.emplace(api::Services{*store, *accounts, *signers, *custodian, *bus, *deployments, *kernels,
                            *measurements, *values, *gateway, *http_relay, *mqtt_relay, *pki, *chosen_clock,
                            gateway_address});
  http.emplace(hub, *bus, *store, *chosen_clock);
  http->run(std::move(*api_acceptor), *api, base_url);
  listener.emplace(*gateway);
  listener->run(std::move(*gateway_acceptor));
  return {};
}

/// On the service thread.
void Server::Impl::begin_stop() {
  listener->close();
  hub.close();
  http->close();
  asio::co_spawn(io, finish(), asio::detached);
}

/// Waits for the last connection to go, but not for ever: a client may be in the middle of something.
asio::awaitable<void> Server::Impl::finish() {
  asio::steady_timer timer(io);
  const auto deadline = std::chrono::steady_clock::now() + kStopTime;
  const auto quiet = [this] {
    return http->quiet() && listener->quiet() && mqtt_relay->quiet() && streams->carried() == 0;
  };
  while (!quiet() && std::chrono::steady_clock::now() < deadline) {
    timer.expires_after(kStopPoll);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  io.stop();
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() { stop(); }

tl::expected<std::unique_ptr<Server>, std::string> Server::start(const ServerOptions& options) {
  auto impl = std::make_unique<Impl>();
  try {
    if (auto opened = impl->open(options); !opened) return tl::unexpected(opened.error());
  } catch (const std::exception& error) {
    return tl::unexpected(std::string(error.what()));
  }
  if (!options.quiet) {
    std::fprintf(stderr, "cloud: API %s, gateway %s\n", impl->base_url.c_str(),
                 impl->credentials.gateway.c_str());
  }
  Impl* raw = impl.get();
  impl->thread = std::thread([raw] { raw->io.run(); });
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopped) return;
    impl_->stopped = true;
  }
  asio::post(impl_->io, [impl = impl_.get()] { impl->begin_stop(); });
  impl_->thread.join();
  impl_->mqtt_relay->break_off();
  impl_->mqtt_dialler->stop();
  impl_->stopped_changed.notify_all();
}

void Server::wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->stopped_changed.wait(lock, [this] { return impl_->stopped; });
}

std::uint16_t Server::api_port() const { return impl_->api_port; }
std::uint16_t Server::gateway_port() const { return impl_->gateway_port; }
const std::string& Server::base_url() const { return impl_->base_url; }
const Credentials& Server::credentials() const { return impl_->credentials; }
const std::string& Server::credentials_path() const { return impl_->credentials_path; }

}  // namespace microvisor::cloud
