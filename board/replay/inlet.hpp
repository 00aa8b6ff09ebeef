// The one door by which the world outside reaches a running board: packets for its modem, its reset pin.
//
// What comes in waits for an event of the board's scheduler, due one tick after it has come and last among
// the events of its moment. So a board is a function of its image, its seed, and virtual times with what came
// at them: whether it slept or ran, and in what pieces, makes no difference. LiveInlet takes what comes from
// a network of the host and tells a recorder, ReplayedInlet brings the same again at the same times.
//
// An inlet belongs to a board and lives on its thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <vector>

#include "board/bus/scheduler.hpp"
#include "board/modem/network.hpp"

namespace microvisor::board {

/// Something that came from outside.
struct Input {
  enum class Kind : std::uint8_t { Packet = 1, ResetPin = 2 };
  Time due = 0;  ///< at the first boundary between instructions at or after it
  Kind kind = Kind::Packet;
  std::vector<std::uint8_t> bytes;  ///< of a packet
};

class Inlet : public Network {
 public:
  explicit Inlet(Scheduler& scheduler) : scheduler_(scheduler), event_(scheduler, [this] { come(); }) {}

  void on_receive(Receiver receiver) override { receiver_ = std::move(receiver); }
  /// What pulls the reset pin.
  void on_reset_pin(std::function<void()> pull) { pull_ = std::move(pull); }

 protected:
  /// What comes next; nullptr if nothing is known of yet. Stays valid until take().
  [[nodiscard]] virtual const Input* next() const = 0;
  /// It has come in.
  virtual void take() = 0;
  /// Has what comes next come in.
  void arm();
  [[nodiscard]] Time now() const { return scheduler_.now(); }

 private:
  void come();
  void bring(const Input& input);

  Scheduler& scheduler_;
  Scheduler::Event event_;
  Receiver receiver_;
  std::function<void()> pull_;
};

class LiveInlet final : public Inlet {
 public:
  /// `network` must outlive the inlet.
  LiveInlet(Scheduler& scheduler, Network& network);
  ~LiveInlet() override;

  void pull_reset_pin() { arrive(Input::Kind::ResetPin, {}); }
  /// Called for everything that has come in.
  void on_input(std::function<void(const Input&)> listener) { listener_ = std::move(listener); }
  /// Called when the board looks outside without waiting: between two instructions, when all that was due has
  /// come in.
  void on_look(std::function<void()> listener) { look_listener_ = std::move(listener); }

  void send(std::span<const std::uint8_t> packet) override { network_.send(packet); }
  bool poll(std::chrono::microseconds timeout) override;
  [[nodiscard]] bool awaiting() const override { return network_.awaiting(); }
  void wake() override { network_.wake(); }

 private:
  void arrive(Input::Kind kind, std::span<const std::uint8_t> bytes);
  [[nodiscard]] const Input* next() const override { return coming_.empty() ? nullptr : &coming_.front(); }
  void take() override;

  Network& network_;
  std::deque<Input> coming_;
  std::function<void(const Input&)> listener_;
  std::function<void()> look_listener_;
};

class ReplayedInlet final : public Inlet {
 public:
  /// `inputs`, in the order of their times, must outlive the inlet. Those due up to `since` are left out: the
  /// board has had them.
  ReplayedInlet(Scheduler& scheduler, std::span<const Input> inputs, Time since);

  void send(std::span<const std::uint8_t>) override {}
  bool poll(std::chrono::microseconds) override { return false; }
  [[nodiscard]] bool awaiting() const override { return false; }
  void wake() override {}

 private:
  [[nodiscard]] const Input* next() const override { return rest_.empty() ? nullptr : &rest_.front(); }
  void take() override { rest_ = rest_.subspan(1); }

  std::span<const Input> rest_;
};

}  // namespace microvisor::board
