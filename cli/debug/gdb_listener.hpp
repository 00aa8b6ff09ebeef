// The TCP side of a GDB server: one GDB at a time, any number after each other, served on the caller's thread
// together with the target.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "cli/debug/polled_target.hpp"

namespace microvisor::cli::debug {

/// A descriptor that is closed with this.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

/// A GDB that has connected.
class GdbConnection {
 public:
  explicit GdbConnection(Descriptor socket) : socket_(std::move(socket)) {}

  /// Why serve() has come back.
  enum class End : std::uint8_t {
    Left,        ///< GDB has detached, or is gone
    TargetOver,  ///< there is nothing to debug any more
    Stopped,     ///< `keep_going` said so
  };
  /// Serves it. `keep_going` is asked several times a second; `target_descriptor` is readable when the target
  /// has an event, -1 if it never has; `tell` gets text for the user. A GDB that leaves without a word leaves
  /// the target as after a detach.
  [[nodiscard]] End serve(PolledTarget& target, int target_descriptor,
                          const std::function<bool()>& keep_going,
                          const std::function<void(std::string_view)>& tell);

 private:
  Descriptor socket_;
};

class GdbListener {
 public:
  /// Listens at "PORT" (of 127.0.0.1) or "ADDRESS:PORT"; port 0 picks one. The error is one line.
  [[nodiscard]] static tl::expected<GdbListener, std::string> listen(std::string_view where);

  /// ADDRESS:PORT as it came to be.
  [[nodiscard]] const std::string& address() const { return address_; }
  /// Waits for a GDB; `meanwhile` is called several times a second, and ends the waiting by false.
  [[nodiscard]] std::optional<GdbConnection> wait(const std::function<bool()>& meanwhile) const;

 private:
  GdbListener(Descriptor socket, std::string address)
      : socket_(std::move(socket)), address_(std::move(address)) {}
  Descriptor socket_;
  std::string address_;
};

}  // namespace microvisor::cli::debug
