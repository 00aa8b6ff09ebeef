// The TCP side of debugging a board: takes one GDB at a time, any number after each other.
//
// A thread of its own does nothing but carry bytes: what comes in is posted to the board, whose thread holds
// the session; what the session sends waits in an outbox. So a slow or silent GDB never stops the board. A
// connection halts the board; when it ends without a word, the board goes on as after a detach.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <tl/expected.hpp>

#include "board/board.hpp"
#include "board/debug/board_target.hpp"
#include "board/debug/gdb_session.hpp"

namespace microvisor::board {

class GdbServer {
 public:
  /// Listens at "PORT" (of 127.0.0.1) or "ADDRESS:PORT"; port 0 picks one. The error is one line. The board
  /// must outlive the server, which is to be made and destroyed while run() is not running.
  static tl::expected<std::unique_ptr<GdbServer>, std::string> listen(std::string_view where, Board& board);
  ~GdbServer();
  GdbServer(const GdbServer&) = delete;
  GdbServer& operator=(const GdbServer&) = delete;

  /// ADDRESS:PORT as it came to be.
  [[nodiscard]] const std::string& address() const { return address_; }
  /// True if other machines can connect.
  [[nodiscard]] bool open_to_others() const { return open_to_others_; }
  /// A GDB is connected. From any thread.
  [[nodiscard]] bool attached() const { return attached_; }

  // On the board's thread.
  [[nodiscard]] BoardTarget& target() { return target_; }
  /// Shows text on GDB's console.
  void console(std::string_view text);
  /// The firmware has ended by itself, with this status.
  void exited(int status);

 private:
  class Descriptor;
  struct Endpoint;
  GdbServer(Board& board, std::unique_ptr<Endpoint> endpoint, std::string address, bool open_to_others);

  // On the thread of the socket.
  void serve();
  void converse();
  bool take_bytes();
  bool send_bytes();
  void turn_away();

  // On the board's thread.
  void open_session(std::uint64_t connection);
  void receive(const std::string& bytes);
  void close_session();
  void queue(std::uint64_t connection, std::string_view bytes);
  void wake() const;

  Board& board_;
  BoardTarget target_;
  std::unique_ptr<Endpoint> endpoint_;
  std::string address_;
  bool open_to_others_;
  std::atomic<bool> attached_{false};
  std::optional<GdbSession> session_;

  std::mutex mutex_;
  std::uint64_t connection_ = 0;  ///< counts them: what an old session still says is dropped
  std::string outbox_;
  bool hang_up_ = false;  ///< when the outbox is empty
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace microvisor::board
