// pts(4), termios(3): a pair of terminals: line discipline, echo, window size, hang-up.
#include "check.h"

#include <sys/ioctl.h>
#include <termios.h>

int main(void) {
  char text[64] = "", name[64];
  int master = posix_openpt(O_RDWR | O_NOCTTY);
  NEED(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 &&
       ptsname_r(master, name, sizeof name) == 0);
  int terminal = open(name, O_RDWR | O_NOCTTY);
  NEED(terminal >= 0);
  CHECK(isatty(terminal) == 1 && isatty(0) == 0);
  NEED(write(master, "line\n", 5) == 5);
  CHECK(read(terminal, text, 64) == 5 && memcmp(text, "line\n", 5) == 0);
  CHECK_THAT(read(master, text, 64) == 6 && memcmp(text, "line\r\n", 6) == 0, "echo");
  NEED(write(terminal, "out\n", 4) == 4);
  CHECK(read(master, text, 64) == 5 && memcmp(text, "out\r\n", 5) == 0);
  // unlockpt(3): "EINVAL: the fd argument is not associated with a master pseudoterminal".
  CHECK(unlockpt(master) == 0);
  CHECK_ERRNO(unlockpt(terminal), EINVAL);
  CHECK_ERRNO(grantpt(terminal), EINVAL);
  struct termios settings;
  CHECK(tcgetattr(terminal, &settings) == 0 && (settings.c_lflag & ICANON));
  cfmakeraw(&settings);
  CHECK(tcsetattr(terminal, TCSANOW, &settings) == 0);
  NEED(write(master, "k", 1) == 1);
  CHECK(read(terminal, text, 64) == 1 && text[0] == 'k');
  struct winsize size = {24, 80, 0, 0}, got;
  CHECK(ioctl(master, TIOCSWINSZ, &size) == 0 && ioctl(terminal, TIOCGWINSZ, &got) == 0 &&
        got.ws_row == 24 && got.ws_col == 80);
  IN_CHILD({
    CHECK(setsid() == getpid());
    CHECK(ioctl(terminal, TIOCSCTTY, 0) == 0);
    CHECK(tcgetsid(terminal) == getpid() && tcgetpgrp(terminal) == getpid());
    CHECK(open("/dev/tty", O_RDWR) >= 0);
    signal(SIGHUP, SIG_IGN);
  });
  CHECK(close(terminal) == 0);
  CHECK_ERRNO(read(master, text, 64), EIO);
  CHECK_ERRNO(tcgetattr(open("/dev/null", O_RDWR), &settings), ENOTTY);
  return finish();
}
