#include "cli/host_terminal.hpp"

#include <sys/ioctl.h>

namespace tine::cli {

RawTerminal::RawTerminal(int fd) : fd_(fd) {
  if (::ioctl(fd, TCGETS, &before_) != 0)
    return;
  // cfmakeraw(3)
  struct termios raw = before_;
  raw.c_iflag &=
      ~static_cast<tcflag_t>(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  raw.c_oflag &= ~static_cast<tcflag_t>(OPOST);
  raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  raw.c_cflag &= ~static_cast<tcflag_t>(CSIZE | PARENB);
  raw.c_cflag |= CS8;
  changed_ = ::ioctl(fd, TCSETSW, &raw) == 0;
}

RawTerminal::~RawTerminal() {
  if (changed_)
    ::ioctl(fd_, TCSETSW, &before_);
}

} // namespace tine::cli
