// The bus of a single process: publishing calls the subscribers.
#include <tuple>
#include <vector>

#include "cloud/bus/bus.hpp"

namespace microvisor::cloud {
namespace {

class InProcessBus final : public Bus {
 public:
  void publish(const DeviceCommand& message) override { deliver(message); }
  void publish(const DeviceChanged& message) override { deliver(message); }
  void publish(const SignersChanged& message) override { deliver(message); }
  void publish(const EndpointsChanged& message) override { deliver(message); }
  void publish(const LogRecord& message) override { deliver(message); }
  void subscribe(Handler<DeviceCommand> handler) override { add(std::move(handler)); }
  void subscribe(Handler<DeviceChanged> handler) override { add(std::move(handler)); }
  void subscribe(Handler<SignersChanged> handler) override { add(std::move(handler)); }
  void subscribe(Handler<EndpointsChanged> handler) override { add(std::move(handler)); }
  void subscribe(Handler<LogRecord> handler) override { add(std::move(handler)); }

 private:
  template <class Message>
  void deliver(const Message& message) {
    for (const auto& handler : std::get<std::vector<Handler<Message>>>(handlers_)) handler(message);
  }
  template <class Message>
  void add(Handler<Message> handler) {
    std::get<std::vector<Handler<Message>>>(handlers_).push_back(std::move(handler));
  }

  std::tuple<std::vector<Handler<DeviceCommand>>, std::vector<Handler<DeviceChanged>>,
             std::vector<Handler<SignersChanged>>, std::vector<Handler<EndpointsChanged>>,
             std::vector<Handler<LogRecord>>>
      handlers_;
};

}  // namespace

std::unique_ptr<Bus> make_in_process_bus() { return std::make_unique<InProcessBus>(); }

}  // namespace microvisor::cloud
