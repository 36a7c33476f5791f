// The line discipline: termios(3)'s canonical mode, echo, signals.
#include "fs/terminal.hpp"

#include "fs/ioctl.hpp"

#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/ttydefaults.h>

namespace tine::fs {
namespace {

constexpr u8 disabled = 0; // _POSIX_VDISABLE

bool is_special(const KernelTermios &termios, std::size_t index, u8 character) {
  const u8 special = termios.control_characters[index];
  return special != disabled && special == character;
}

} // namespace

Result<Ref<Pty>> Pty::copy(Copier &copier) const {
  Ref<Pty> made = make_ref<Pty>(number_);
  made->owner = owner;
  made->locked = locked;
  made->slave_was_open = slave_was_open;
  made->signal_group = signal_group;
  made->signal_context = copier.counterpart_address(signal_context);
  made->termios_ = termios_;
  made->size_ = size_;
  made->line_ = line_;
  made->input_ = input_;
  made->lines_ = lines_;
  made->output_ = output_;
  made->literal_next_ = literal_next_;
  made->stopped_ = stopped_;
  return made;
}

void Pty::send_signal(int signal) {
  if (signal_group && !owner.foreground.is_none())
    signal_group(signal_context, owner.foreground, signal);
}

void Pty::set_size(const struct winsize &size) {
  const bool is_new = size.ws_row != size_.ws_row || size.ws_col != size_.ws_col;
  size_ = size;
  if (is_new)
    send_signal(SIGWINCH);
}

void Pty::put_output(u8 character) {
  if ((termios_.output_flags & OPOST) != 0 && (termios_.output_flags & ONLCR) != 0 &&
      character == '\n')
    output_.push_back('\r');
  output_.push_back(character);
}

void Pty::echo(u8 character) {
  if ((termios_.local_flags & ECHO) == 0) {
    if (character == '\n' && (termios_.local_flags & ECHONL) != 0)
      put_output(character);
    return;
  }
  const bool is_control = character < 32 && character != '\n' && character != '\t';
  if (is_control && (termios_.local_flags & ECHOCTL) != 0) {
    put_output('^');
    put_output(static_cast<u8>(character + 64));
  } else {
    put_output(character);
  }
}

bool Pty::receive_signal(u8 character) {
  if ((termios_.local_flags & ISIG) == 0)
    return false;
  int signal = 0;
  if (is_special(termios_, VINTR, character))
    signal = SIGINT;
  else if (is_special(termios_, VQUIT, character))
    signal = SIGQUIT;
  else if (is_special(termios_, VSUSP, character))
    signal = SIGTSTP;
  if (signal == 0)
    return false;
  echo(character);
  if ((termios_.local_flags & NOFLSH) == 0) {
    line_.clear();
    input_.clear();
    lines_.clear();
  }
  send_signal(signal);
  return true;
}

void Pty::erase_one() {
  if (line_.empty())
    return;
  // A character of UTF-8 is one character (IUTF8).
  u8 last = line_.back();
  line_.pop_back();
  while ((termios_.input_flags & IUTF8) != 0 && (last & 0xc0U) == 0x80 && !line_.empty()) {
    last = line_.back();
    line_.pop_back();
  }
  if ((termios_.local_flags & (ECHO | ECHOE)) != (ECHO | ECHOE))
    return;
  const int width = last < 32 && (termios_.local_flags & ECHOCTL) != 0 ? 2 : 1;
  for (int column = 0; column < width; ++column)
    for (const u8 character : {u8{'\b'}, u8{' '}, u8{'\b'}})
      output_.push_back(character);
}

void Pty::receive_canonical(u8 character) {
  if (is_special(termios_, VERASE, character))
    return erase_one();
  if (is_special(termios_, VKILL, character)) {
    while (!line_.empty())
      erase_one();
    return;
  }
  if (is_special(termios_, VWERASE, character) && (termios_.local_flags & IEXTEN) != 0) {
    while (!line_.empty() && line_.back() == ' ')
      erase_one();
    while (!line_.empty() && line_.back() != ' ')
      erase_one();
    return;
  }
  const bool is_end = is_special(termios_, VEOF, character);
  if (!is_end) {
    if (line_.size() + 1 < buffer_limit || character == '\n')
      line_.push_back(character);
    echo(character);
  }
  const bool ends_line = character == '\n' || is_special(termios_, VEOL, character) || is_end;
  if (!ends_line)
    return;
  lines_.push_back(line_.size());
  input_.insert(input_.end(), line_.begin(), line_.end());
  line_.clear();
}

/// One character from the master, as if it was typed.
void Pty::receive(u8 character) {
  const u32 input = termios_.input_flags;
  if (literal_next_) {
    literal_next_ = false;
    echo(character);
    ((termios_.local_flags & ICANON) != 0 ? line_ : input_).push_back(character);
    return;
  }
  if ((input & ISTRIP) != 0)
    character &= 0x7fU;
  if (character == '\r') {
    if ((input & IGNCR) != 0)
      return;
    if ((input & ICRNL) != 0)
      character = '\n';
  } else if (character == '\n' && (input & INLCR) != 0) {
    character = '\r';
  }
  if ((input & IXON) != 0 && is_special(termios_, VSTOP, character)) {
    stopped_ = true;
    return;
  }
  if ((input & IXON) != 0 && is_special(termios_, VSTART, character)) {
    stopped_ = false;
    slave_changed.wake_all();
    return;
  }
  if (receive_signal(character))
    return;
  if ((termios_.local_flags & ICANON) != 0) {
    if (is_special(termios_, VLNEXT, character) && (termios_.local_flags & IEXTEN) != 0)
      literal_next_ = true;
    else
      receive_canonical(character);
    return;
  }
  if (input_.size() < buffer_limit)
    input_.push_back(character);
  echo(character);
}

Result<u64> Pty::master_write(memory::IoBuffer &from) {
  u64 done = 0;
  while (from.remaining() > 0) {
    if (input_.size() >= buffer_limit)
      break;
    u8 bytes[256];
    const Result<u64> count = from.copy_in(
        std::as_writable_bytes(std::span(bytes))
            .first(std::min<u64>({from.remaining(), sizeof bytes, buffer_limit - input_.size()})));
    if (!count)
      return done > 0 ? Result<u64>(done) : count.error();
    for (u64 index = 0; index < *count; ++index)
      receive(bytes[index]);
    done += *count;
  }
  slave_changed.wake_all();
  master_changed.wake_all(); // echo
  return done == 0 && from.remaining() > 0 ? Result<u64>(Errno{EAGAIN}) : done;
}

namespace {

Result<u64> take(std::deque<u8> &queue, memory::IoBuffer &to, u64 limit) {
  std::vector<u8> bytes(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(limit));
  const u64 count = TINE_TRY(to.copy_out(std::as_bytes(std::span(bytes))));
  queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(count));
  return count;
}

} // namespace

Result<u64> Pty::master_read(memory::IoBuffer &to) {
  if (to.remaining() == 0)
    return u64{0};
  if (output_.empty()) // EIO: "the slave side is closed"
    return slave_was_open && slave_count == 0 ? Errno{EIO} : Errno{EAGAIN};
  const u64 count = TINE_TRY(take(output_, to, std::min<u64>(output_.size(), to.remaining())));
  slave_changed.wake_all();
  return count;
}

u32 Pty::master_poll() const {
  u32 events = 0;
  if (!output_.empty())
    events |= POLLIN | POLLRDNORM;
  if (input_.size() < buffer_limit)
    events |= POLLOUT | POLLWRNORM;
  if (slave_was_open && slave_count == 0)
    events |= POLLHUP;
  return events;
}

bool Pty::has_input() const {
  return (termios_.local_flags & ICANON) != 0 ? !lines_.empty() : !input_.empty();
}

Result<u64> Pty::slave_read(memory::IoBuffer &to) {
  if (to.remaining() == 0)
    return u64{0};
  TINE_TRY(owner.check(TerminalOwner::Use::read, false));
  if ((termios_.local_flags & ICANON) == 0) {
    // MIN and TIME: only MIN is kept, and a timeout with MIN 0 is taken as none.
    const u64 least = termios_.control_characters[VMIN];
    if (input_.empty() && master_count == 0)
      return u64{0};
    if (input_.size() < std::min<u64>(least, to.remaining()) && master_count > 0)
      return Errno{EAGAIN};
    const u64 count =
        input_.empty() ? 0
                       : TINE_TRY(take(input_, to, std::min<u64>(input_.size(), to.remaining())));
    master_changed.wake_all();
    return count;
  }
  if (lines_.empty())
    return master_count == 0 ? Result<u64>(u64{0}) : Errno{EAGAIN};
  // A read gets at most one line; an empty one is the end of the file.
  const u64 count = lines_.front() == 0
                        ? 0
                        : TINE_TRY(take(input_, to, std::min<u64>(lines_.front(), to.remaining())));
  lines_.front() -= count;
  if (lines_.front() == 0)
    lines_.pop_front();
  master_changed.wake_all();
  return count;
}

Result<u64> Pty::slave_write(memory::IoBuffer &from) {
  if (master_count == 0)
    return Errno{EIO};
  TINE_TRY(owner.check(TerminalOwner::Use::write, (termios_.local_flags & TOSTOP) != 0));
  u64 done = 0;
  while (from.remaining() > 0) {
    if (stopped_ || output_.size() >= buffer_limit)
      break;
    u8 bytes[512];
    const Result<u64> count = from.copy_in(
        std::as_writable_bytes(std::span(bytes)).first(std::min<u64>(from.remaining(), 512)));
    if (!count)
      return done > 0 ? Result<u64>(done) : count.error();
    for (u64 index = 0; index < *count; ++index)
      put_output(bytes[index]);
    done += *count;
  }
  master_changed.wake_all();
  return done == 0 && from.remaining() > 0 ? Result<u64>(Errno{EAGAIN}) : done;
}

u32 Pty::slave_poll() const {
  u32 events = 0;
  if (has_input())
    events |= POLLIN | POLLRDNORM;
  if (!stopped_ && output_.size() < buffer_limit)
    events |= POLLOUT | POLLWRNORM;
  if (master_count == 0)
    events |= POLLIN | POLLHUP;
  return events;
}

Result<u64> Pty::set_termios(const IoctlCall &call, bool flush) {
  TINE_TRY(owner.check(TerminalOwner::Use::change, true));
  const bool was_canonical = (termios_.local_flags & ICANON) != 0;
  termios_ = TINE_TRY(get_object<KernelTermios>(call));
  if (flush) {
    line_.clear();
    input_.clear();
    lines_.clear();
  }
  const bool is_canonical = (termios_.local_flags & ICANON) != 0;
  if (was_canonical && !is_canonical) {
    input_.insert(input_.end(), line_.begin(), line_.end());
    line_.clear();
    lines_.clear();
  } else if (!was_canonical && is_canonical && !input_.empty()) {
    lines_.push_back(input_.size());
  }
  slave_changed.wake_all();
  return u64{0};
}

/// What only the master's side has.
Result<u64> Pty::master_ioctl(const IoctlCall &call) {
  switch (call.request) {
  case TIOCGPTN:
    return put_object(call, number_);
  case TIOCSPTLCK:
    locked = TINE_TRY(get_object<int>(call)) != 0;
    return u64{0};
  case TIOCGPTLCK:
    return put_int(call, locked ? 1 : 0);
  default: // TIOCPKT
    return u64{0};
  }
}

Result<u64> Pty::ioctl(const IoctlCall &call, const Ref<File> &file, bool is_master) {
  switch (call.request) {
  case TIOCGPTN:
  case TIOCSPTLCK:
  case TIOCGPTLCK:
  case TIOCPKT:
    return is_master ? master_ioctl(call) : Errno{ENOTTY};
  case TIOCGPGRP:
    if (is_master)
      return put_int(call, owner.foreground.value);
    break;
  case TCGETS:
    return put_object(call, termios_);
  case TCSETS:
  case TCSETSW:
    return set_termios(call, false);
  case TCSETSF:
    return set_termios(call, true);
  case TIOCGWINSZ:
    return put_object(call, size_);
  case TIOCSWINSZ: {
    const auto size = TINE_TRY(get_object<struct winsize>(call));
    set_size(size);
    return u64{0};
  }
  case FIONREAD:
    if (is_master)
      return put_int(call, static_cast<int>(output_.size()));
    return put_int(call, (termios_.local_flags & ICANON) != 0
                             ? static_cast<int>(lines_.empty() ? 0 : lines_.front())
                             : static_cast<int>(input_.size()));
  case TIOCOUTQ:
    return put_int(call, static_cast<int>(is_master ? input_.size() : output_.size()));
  case TCFLSH:
    if (call.argument != TCOFLUSH) {
      line_.clear();
      input_.clear();
      lines_.clear();
    }
    if (call.argument != TCIFLUSH)
      output_.clear();
    return u64{0};
  case TCSBRK:
  case TCSBRKP:
  case TCXONC:
    return u64{0};
  default:
    break;
  }
  if (const auto answer = owner.ioctl(call, file))
    return *answer;
  return Errno{ENOTTY};
}

} // namespace tine::fs
