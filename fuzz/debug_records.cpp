// Two machines with the key and one device, and between them somebody who does what the input says: opens and
// closes streams, carries, drops, doubles, swaps, changes and makes up bytes, lets time pass. Whatever is
// done, a device reads exactly what the machine of that session has written, in order and from the start, and
// so does the machine.
//
// The cryptography is a toy that is fast and finds every change: what is tried is all that is built upon it.
#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "fuzz/input.hpp"
#include "protocol/debug/requester.hpp"
#include "protocol/debug/responder.hpp"

namespace debug = microvisor::protocol::debug;
using microvisor::fuzz::Input;
using microvisor::fuzz::require;

namespace {

using Bytes = std::vector<std::uint8_t>;

class Toy final : public debug::Crypto {
 public:
  /// FNV-1a, four times.
  debug::Digest sha256(Parts parts) override {
    debug::Digest digest{};
    for (std::uint64_t lane = 0; lane < 4; ++lane) {
      std::uint64_t hash = 0xCBF2'9CE4'8422'2325 + lane;
      for (const auto part : parts)
        for (const std::uint8_t byte : part) hash = (hash ^ byte) * 0x100'0000'01B3;
      for (std::size_t i = 0; i < 8; ++i)
        digest[8 * lane + i] = static_cast<std::uint8_t>(hash >> (56 - 8 * i));
    }
    return digest;
  }
  bool generate(debug::Scalar& secret, debug::Point& point) override {
    ++made_;
    secret = sha256({{reinterpret_cast<const std::uint8_t*>(&made_), sizeof made_}});
    point = point_of(secret);
    return true;
  }
  /// A point gives its secret away.
  static debug::Point point_of(const debug::Scalar& secret) {
    debug::Point point{4};
    std::copy(secret.begin(), secret.end(), point.begin() + 1);
    return point;
  }
  bool agree(const debug::Scalar& secret, const debug::Point& peer, debug::Digest& shared) override {
    for (std::size_t i = 0; i < shared.size(); ++i)
      shared[i] = static_cast<std::uint8_t>(secret[i] + peer[1 + i]);
    return peer[0] == 4;
  }
  bool encrypt(const debug::CipherKey& key, const debug::CipherNonce& nonce,
               std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
               debug::Tag& tag) override {
    tag = tag_of(key, nonce, associated, data);
    for (std::uint8_t& byte : data) byte ^= key[0];
    return true;
  }
  bool decrypt(const debug::CipherKey& key, const debug::CipherNonce& nonce,
               std::span<const std::uint8_t> associated, std::span<std::uint8_t> data,
               const debug::Tag& tag) override {
    for (std::uint8_t& byte : data) byte ^= key[0];
    return tag == tag_of(key, nonce, associated, data);
  }

 private:
  debug::Tag tag_of(const debug::CipherKey& key, const debug::CipherNonce& nonce,
                    std::span<const std::uint8_t> associated, std::span<const std::uint8_t> data) {
    const debug::Digest digest = sha256({key, nonce, associated, data});
    debug::Tag tag{};
    std::copy_n(digest.begin(), tag.size(), tag.begin());
    return tag;
  }
  std::uint64_t made_ = 0;
};

struct Machine {
  std::unique_ptr<debug::Requester> requester;
  std::uint32_t stream = 0;
  Bytes to_device, to_machine;         // on their way
  std::deque<Bytes> commands, events;  // that have been written and not yet read
  std::uint32_t session = 0;           // the device's, once it has read something
};

class World {
 public:
  explicit World(Input input) : input_(input) { device_.allow(device_keys_, about_); }

  void run() {
    while (!input_.rest().empty()) {
      act(machines_[input_.choose(2)]);
      read_commands();
      while (const auto ending = device_.take_ending()) require(ending->number != 0);
    }
  }

 private:
  void act(Machine& machine) {
    switch (input_.choose(12)) {
      case 0: return connect(machine);
      case 1: return device_.closed(machine.stream);
      case 2: return send(machine);
      case 3: return tell();
      case 4: return deliver(machine, machine.to_device.size());
      case 5: return deliver(machine, input_.choose(256));
      case 6: return answer(machine);
      case 7: return change(machine.to_device);
      case 8: return change(machine.to_machine);
      case 9: return swap();
      case 10: now_ += 1000 * input_.choose(256); return device_.tick(now_);
      default:
        deliver(machine, machine.to_device.size());
        read_commands();
        return answer(machine);
    }
  }

  void connect(Machine& machine) {
    device_.closed(machine.stream);
    machine = {};
    machine.stream = ++streams_;
    static_cast<void>(device_.open(machine.stream, now_));
    machine.requester = std::make_unique<debug::Requester>(toy_, machine_keys_, about_);
    require(machine.requester->start());
    collect(machine);
  }

  static void collect(Machine& machine) {
    const auto output = machine.requester->output();
    machine.to_device.insert(machine.to_device.end(), output.begin(), output.end());
    machine.requester->sent(output.size());
  }

  void send(Machine& machine) {
    if (!machine.requester) return;
    const Bytes plain(1 + input_.choose(70) * (1 + input_.choose(30)), static_cast<std::uint8_t>(++said_));
    if (!machine.requester->send(plain)) return;
    machine.commands.push_back(plain);
    collect(machine);
  }

  /// The device tells its session something.
  void tell() {
    const auto room = device_.room();
    if (room.empty()) return;
    require(room.size() == debug::kMaximumMessage && device_.session() != 0);
    const Bytes plain(1 + input_.choose(256) * input_.choose(8), static_cast<std::uint8_t>(++said_));
    std::copy(plain.begin(), plain.end(), room.begin());
    for (Machine& machine : machines_)
      if (machine.session == device_.session()) machine.events.push_back(plain);
    device_.send(plain.size());
  }

  void deliver(Machine& machine, std::size_t count) {
    count = std::min(count, machine.to_device.size());
    const std::size_t taken = device_.push(machine.stream, std::span(machine.to_device).first(count), now_);
    require(taken <= count);
    machine.to_device.erase(machine.to_device.begin(), machine.to_device.begin() + static_cast<long>(taken));
    for (Machine& each : machines_)
      if (each.session == 0 && each.stream == machine.stream && !device_.message().empty() &&
          !known(device_.session()))
        each.session = device_.session();
  }
  [[nodiscard]] bool known(std::uint32_t session) const {
    return std::any_of(machines_.begin(), machines_.end(),
                       [&](const Machine& each) { return each.session == session; });
  }

  void read_commands() {
    if (device_.message().empty()) return;
    const Bytes message(device_.message().begin(), device_.message().end());
    bool found = false;
    for (Machine& machine : machines_) {
      if (machine.session != device_.session()) continue;
      require(!machine.commands.empty() && machine.commands.front() == message);
      machine.commands.pop_front();
      found = true;
    }
    require(found);
    device_.message_done();
  }

  /// What the device has to say on this stream reaches the machine.
  void answer(Machine& machine) {
    const auto output = device_.output(machine.stream);
    machine.to_machine.insert(machine.to_machine.end(), output.begin(), output.end());
    device_.sent(machine.stream, output.size());
    if (!machine.requester) return;
    const std::size_t taken = machine.requester->push(machine.to_machine);
    require(taken <= machine.to_machine.size());
    machine.to_machine.erase(machine.to_machine.begin(),
                             machine.to_machine.begin() + static_cast<long>(taken));
    const auto message = machine.requester->message();
    if (message.empty()) return;
    require(!machine.events.empty() &&
            std::equal(message.begin(), message.end(), machine.events.front().begin(),
                       machine.events.front().end()));
    machine.events.pop_front();
    machine.requester->message_done();
  }

  /// One byte becomes another, is dropped, or comes twice.
  void change(Bytes& bytes) {
    if (bytes.empty()) return;
    const auto at = bytes.begin() + static_cast<long>(input_.choose(256) % bytes.size());
    switch (input_.choose(3)) {
      case 0: *at = static_cast<std::uint8_t>(input_.choose(256)); return;
      case 1: bytes.erase(at); return;
      default: bytes.insert(at, *at);
    }
  }

  /// What is on its way for one stream goes to the other.
  void swap() {
    std::swap(machines_[0].to_device, machines_[1].to_device);
    std::swap(machines_[0].to_machine, machines_[1].to_machine);
  }

  Input input_;
  Toy toy_;
  const debug::Scalar machine_secret_{1}, device_secret_{2};
  const debug::Point machine_point_ = Toy::point_of(machine_secret_);
  const debug::Point device_point_ = Toy::point_of(device_secret_);
  const debug::StaticKeys machine_keys_{machine_secret_, machine_point_, device_point_};
  const debug::StaticKeys device_keys_{device_secret_, device_point_, machine_point_};
  const debug::Prologue about_{};
  debug::Responder device_{toy_};
  std::array<Machine, 2> machines_;
  std::uint64_t now_ = 0;
  std::uint32_t streams_ = 0;
  unsigned said_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World(Input(data, size)).run();
  return 0;
}
