// How a command fails: one clear line on stderr and a non-zero exit status.
//
// Commands throw Failure with that line, without the program's name and without a full stop; main() is the
// only place that prints it. Exit status 1 is a failure, 2 a wrong command line.
#pragma once

#include <stdexcept>
#include <string>

namespace microvisor::cli {

class Failure : public std::runtime_error {
 public:
  explicit Failure(const std::string& line) : std::runtime_error(line) {}
};

/// Ends the command with a status that is not ours to choose (that of firmware run on a board), without a
/// line.
struct ExitStatus {
  int status;
};

}  // namespace microvisor::cli
