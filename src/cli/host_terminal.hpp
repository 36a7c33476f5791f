// The caller's terminal, while a program in a box uses it.
#pragma once

#include <asm/termbits.h> // the kernel's struct: glibc's doesn't go with fs/terminal.hpp

namespace tine::cli {

/// Every character goes to the program as it is typed, until the end of the scope.
class RawTerminal {
public:
  /// Nothing if `fd` is no terminal.
  explicit RawTerminal(int fd);
  ~RawTerminal();
  RawTerminal(const RawTerminal &) = delete;
  RawTerminal &operator=(const RawTerminal &) = delete;

private:
  int fd_;
  bool changed_ = false;
  struct termios before_ {};
};

} // namespace tine::cli
