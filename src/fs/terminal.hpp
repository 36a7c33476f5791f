// Terminals: who owns one, and pseudoterminals with their line discipline.
#pragma once

#include "base/types.hpp"
#include "fs/pipe.hpp"

#include <asm/termbits.h>
#include <deque>
#include <sys/ioctl.h>

namespace tine::fs {

/// The kernel's struct termios (glibc's is larger): what TCGETS fills.
struct KernelTermios {
  u32 input_flags = ICRNL | IXON;
  u32 output_flags = OPOST | ONLCR;
  u32 control_flags = B38400 | CS8 | CREAD;
  u32 local_flags = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
  u8 line = 0;
  u8 control_characters[19] = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0};
};

/// Which session a terminal controls, and which of its process groups is in the foreground.
/// Guarded by the kernel lock.
struct TerminalOwner {
  Pid session;
  Pid foreground;

  /// TIOCGPGRP, TIOCSPGRP, TIOCGSID, TIOCSCTTY, TIOCNOTTY by the current caller. Nothing for other
  /// requests.
  [[nodiscard]] std::optional<Result<u64>> ioctl(const IoctlCall &call, const Ref<File> &terminal);
  enum class Use : u8 { read, write, change };
  /// What a background process gets: SIGTTIN or SIGTTOU is sent and the call is to be tried again
  /// (EAGAIN after a signal that stops it), EIO for orphans and those that ignore SIGTTIN.
  [[nodiscard]] Status check(Use use, bool stops_output) const;
};

/// Who owns the terminal that the file is open on; null if it is none.
[[nodiscard]] TerminalOwner *owner_of_terminal(File &file);

/// Sends a signal to a process group of the box; installed by box/, which knows the kernel.
using SignalGroup = void (*)(void *context, Pid group, int signal);

/// A pseudoterminal: the line discipline between the master and the slave side.
class Pty final : public RefCounted {
public:
  explicit Pty(u32 number) : number_(number) {}

  // ---- the master: what a terminal emulator does ----
  [[nodiscard]] Result<u64> master_write(memory::IoBuffer &from);
  [[nodiscard]] Result<u64> master_read(memory::IoBuffer &to);
  [[nodiscard]] u32 master_poll() const;
  // ---- the slave: what programs do ----
  [[nodiscard]] Result<u64> slave_read(memory::IoBuffer &to);
  [[nodiscard]] Result<u64> slave_write(memory::IoBuffer &from);
  [[nodiscard]] u32 slave_poll() const;

  [[nodiscard]] Result<u64> ioctl(const IoctlCall &call, const Ref<File> &file, bool is_master);
  [[nodiscard]] u32 number() const { return number_; }
  /// The terminal in the copy of a box, with what is in its queues; its ends count themselves.
  [[nodiscard]] Result<Ref<Pty>> copy(Copier &copier) const;
  void send_signal(int signal);
  /// SIGWINCH to the foreground if it is another one.
  void set_size(const struct winsize &size);

  TerminalOwner owner;
  u32 master_count = 0, slave_count = 0;
  bool locked = true; ///< until unlockpt(3)
  bool slave_was_open = false;
  sched::WaitQueue master_changed, slave_changed;
  SignalGroup signal_group = nullptr;
  void *signal_context = nullptr;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Pty *saved);
  void archive_body(Archive &archive);

private:
  void receive(u8 character);
  void receive_canonical(u8 character);
  [[nodiscard]] bool receive_signal(u8 character);
  void erase_one();
  void echo(u8 character);
  void put_output(u8 character);
  [[nodiscard]] bool has_input() const;
  [[nodiscard]] Result<u64> master_ioctl(const IoctlCall &call);
  [[nodiscard]] Result<u64> set_termios(const IoctlCall &call, bool flush);

  static constexpr std::size_t buffer_limit = 4096; // N_TTY_BUF_SIZE
  u32 number_;
  KernelTermios termios_;
  struct winsize size_ {};
  std::deque<u8> line_;           ///< canonical mode: the line that is being edited
  std::deque<u8> input_;          ///< what the slave may read
  std::deque<std::size_t> lines_; ///< canonical mode: lengths of whole lines in input_
  std::deque<u8> output_;         ///< what the master may read
  bool literal_next_ = false;
  bool stopped_ = false; ///< ^S
};

} // namespace tine::fs
