// Processes end with the test that has started them, also when it is killed.
#include "cloud/test/mosquitto_broker.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace microvisor::cloud::test {
namespace {

constexpr const char* kBroker = "/usr/sbin/mosquitto";
constexpr auto kStartTime = std::chrono::seconds(20);

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

std::uint16_t free_port() {
  const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  const bool bound = ::bind(handle, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(handle, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(handle);
  if (!bound) throw std::runtime_error("no port on loopback");
  return ntohs(address.sin_port);
}

bool answers(std::uint16_t port) {
  const int handle = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = ::connect(handle, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(handle);
  return connected;
}

pid_t spawn(const std::vector<std::string>& words, const std::string& log) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t process = ::fork();
  if (process != 0) return process;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

MosquittoBroker::MosquittoBroker() {
  static std::atomic<int> count{0};
  directory_ = std::filesystem::temp_directory_path() /
               ("mv-mosquitto-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
  std::filesystem::create_directories(directory_);
  configuration_ = "per_listener_settings true\nlog_type all\n";
  if (::geteuid() == 0) configuration_ += "user root\n";
}

MosquittoBroker::~MosquittoBroker() {
  kill();
  std::filesystem::remove_all(directory_);
}

std::string MosquittoBroker::write(const std::string& name, const std::string& content) const {
  std::string path = directory_ + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string MosquittoBroker::passwords(const std::string& user, const std::string& password) const {
  std::string path = directory_ + "/passwords";
  int status = 0;
  ::waitpid(spawn({"/usr/bin/mosquitto_passwd", "-b", "-c", path, user, password}, directory_ + "/log"),
            &status, 0);
  if (status != 0) throw std::runtime_error("mosquitto_passwd");
  return path;
}

std::uint16_t MosquittoBroker::listener(const std::string& lines) {
  ports_.push_back(free_port());
  configuration_ += "listener " + std::to_string(ports_.back()) + " 127.0.0.1\n" + lines;
  return ports_.back();
}

void MosquittoBroker::start() {
  process_ = spawn({kBroker, "-c", write("mosquitto.conf", configuration_)}, directory_ + "/log");
  const auto deadline = std::chrono::steady_clock::now() + kStartTime;
  for (const std::uint16_t port : ports_) {
    while (!answers(port)) {
      int status = 0;
      if (::waitpid(process_, &status, WNOHANG) != 0 || std::chrono::steady_clock::now() > deadline) {
        process_ = -1;
        std::ifstream log(directory_ + "/log");
        throw std::runtime_error("mosquitto: " + std::string(std::istreambuf_iterator<char>(log), {}));
      }
      std::this_thread::yield();
    }
  }
}

void MosquittoBroker::stop() {
  if (process_ <= 0) return;
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

void MosquittoBroker::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

MqttPeer::MqttPeer(std::uint16_t port, const std::string& client_id) {
  ::mosquitto_lib_init();
  client_ = ::mosquitto_new(client_id.c_str(), true, this);
  ::mosquitto_connect_callback_set(
      client_, [](mosquitto*, void* peer, int code) { static_cast<MqttPeer*>(peer)->connected = code == 0; });
  ::mosquitto_subscribe_callback_set(client_, [](mosquitto*, void* peer, int, int, const int*) {
    ++static_cast<MqttPeer*>(peer)->subscribed;
  });
  ::mosquitto_publish_callback_set(
      client_, [](mosquitto*, void* peer, int) { ++static_cast<MqttPeer*>(peer)->published; });
  ::mosquitto_message_callback_set(client_, [](mosquitto*, void* peer, const mosquitto_message* message) {
    static_cast<MqttPeer*>(peer)->messages.push_back(
        {message->topic,
         {static_cast<const char*>(message->payload), static_cast<std::size_t>(message->payloadlen)},
         message->qos,
         message->retain});
  });
  if (::mosquitto_connect(client_, "127.0.0.1", port, 60) != MOSQ_ERR_SUCCESS)
    throw std::runtime_error("a client of mosquitto's cannot connect");
}

MqttPeer::~MqttPeer() { ::mosquitto_destroy(client_); }

void MqttPeer::poll() { ::mosquitto_loop(client_, 0, 100); }

void MqttPeer::subscribe(const std::string& topic, int qos) {
  ::mosquitto_subscribe(client_, nullptr, topic.c_str(), qos);
}

void MqttPeer::publish(const std::string& topic, const std::string& payload, int qos, bool retain) {
  ::mosquitto_publish(client_, nullptr, topic.c_str(), static_cast<int>(payload.size()), payload.data(), qos,
                      retain);
}

bool MqttPeer::has(const std::string& topic, const std::string& payload) const {
  for (const Message& message : messages)
    if (message.topic == topic && message.payload == payload) return true;
  return false;
}

}  // namespace microvisor::cloud::test
