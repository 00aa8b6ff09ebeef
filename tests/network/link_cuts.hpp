// Cuts of the link at random moments while an application (guests/cuts.c) has HTTP, MQTT both ways, a byte
// stream, configuration and its log under way, and the accounts that have to balance after each of them and
// at the end.
//
// What the application has done it says on its serial line, which no cut concerns; what the broker has,
// another client of it. Lives on the test's thread.
#pragma once

#include <map>
#include <random>
#include <set>
#include <string>

#include "tests/network/field.hpp"

namespace microvisor::test {

class LinkCuts {
 public:
  LinkCuts(const std::string& elf, std::uint32_t seed);

  /// One more. What was wrong then; empty: nothing.
  [[nodiscard]] std::string cut();
  /// After the last one: all that was under way arrives, the device is switched off, and nothing is left.
  [[nodiscard]] std::string finish();
  /// How often each kind of work was done.
  [[nodiscard]] std::string done();

 private:
  enum class Kind : unsigned { Carrier, ModemPower, Gateway, Silence, kCount };

  void break_link(Kind kind);
  [[nodiscard]] bool run_until(const std::function<bool()>& done, double seconds);
  [[nodiscard]] bool await(const std::string& start, double seconds, std::string& line);
  void read_serial_line();
  void take_number(unsigned qos, const std::string& digits, std::map<unsigned, unsigned> (&counts)[3]);
  void keep_publishing();
  [[nodiscard]] std::string check_reasons(const std::string& line) const;
  [[nodiscard]] std::string check_cloud(int devices);
  [[nodiscard]] std::string check_messages() const;
  [[nodiscard]] bool all_read() const;
  [[nodiscard]] bool peer_has_all() const;
  [[nodiscard]] std::map<unsigned, unsigned> with_the_peer(const std::string& topic) const;

  Field field_;
  std::mt19937 random_;
  std::size_t read_ = 0;     // of the serial line's lines
  std::size_t awaited_ = 0;  // likewise, by await()
  bool publishing_ = false;
  bool finishing_ = false;
  unsigned published_[3] = {};                    // numbers 0 to it by the peer, by QoS
  std::map<unsigned, unsigned> got_[3];           // by the application, how often each
  std::map<unsigned, unsigned> acknowledged_[3];  // its publications, by the broker
  std::string said_wrong_;                        // by the application
  unsigned cuts_ = 0;
};

}  // namespace microvisor::test
