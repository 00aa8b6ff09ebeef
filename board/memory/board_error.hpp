// The errors of the board library: one kind for programs, one line for people.
#pragma once

#include <cstdint>
#include <string>

namespace microvisor::board {

struct BoardError {
  enum class Kind : std::uint8_t {
    Exists,        ///< the directory to create is there already
    Missing,       ///< no board directory there, or a file of it is gone
    HalfWritten,   ///< creating it was interrupted
    NewerVersion,  ///< made by a newer version of the program
    OlderVersion,  ///< made by an older one, in a format that is no longer read
    Corrupt,       ///< a file is not what it should be
    InUse,         ///< another process runs this board
    System,        ///< the operating system refused (disk full, permissions)
    BadImage,      ///< a program that cannot be loaded
    Unbootable,    ///< the option bytes do not lead to user code
    BadFault,      ///< a fault to inject that cannot be understood
  };
  Kind kind;
  std::string message;  ///< one line, no full stop, fit for "error: ..."
};

}  // namespace microvisor::board
