// Signals that a file sends: fcntl(2), "Managing signals", leases and directory notification.
#pragma once

#include "base/archive.hpp"
#include "base/copier.hpp"
#include "base/types.hpp"
#include "sched/wait_queue.hpp"

#include <memory>
#include <vector>

namespace tine::fs {

class DirectoryNotice;
class File;
class SignalFile;

/// Who gets the signals of a description, and who chose it: F_SETOWN_EX, F_GETOWNER_UIDS.
struct AsyncOwner {
  enum class Kind : u8 { thread, process, group };
  Kind kind = Kind::process;
  Pid id; ///< 0: nobody
  u32 uid = 0, euid = 0;
};

/// What a signal of a file says.
struct AsyncEvent {
  int signal = 0; ///< F_SETSIG; 0: SIGIO, which says nothing more
  int fd = -1;    ///< si_fd
  int code = 0;   ///< si_code: POLL_IN, POLL_MSG...
};

/// Sends the signals of files, for one box. Implemented above (process/), outlives the box's files.
class AsyncSender {
public:
  virtual ~AsyncSender() = default;
  /// Nothing is sent where whoever chose the owner may not signal it.
  virtual void send(const AsyncOwner &owner, const AsyncEvent &event) = 0;
  /// /proc/sys/fs/lease-break-time; 0: there is no limit.
  [[nodiscard]] virtual Nanoseconds lease_break_time() const = 0;
  /// A signal became pending: those who wait for it with a signalfd look again.
  void wake_signal_files(int signal);

private:
  friend class SignalFile;
  std::vector<SignalFile *> signal_files_; ///< of the box; leave it when they go
};

/// What a description that sends signals has beyond others. Owned by it.
class AsyncSignals {
public:
  AsyncSignals(File &file, AsyncSender &sender);
  ~AsyncSignals();

  AsyncOwner owner;
  int signal = 0; ///< F_SETSIG
  std::unique_ptr<DirectoryNotice> notice;

  void send(int fd, int code) { sender_.send(owner, {signal, fd, code}); }
  [[nodiscard]] AsyncSender &sender() { return sender_; }
  /// O_ASYNC: a signal when input or output becomes possible, with `fd` in its siginfo.
  void tell_readiness(int fd);
  void end_readiness();
  /// A descriptor of the table was closed.
  void descriptor_closed(const void *table);
  /// Of a saved box.
  void archive(Archive &archive);
  /// The same for the description in the copy of a box.
  [[nodiscard]] std::unique_ptr<AsyncSignals> copy(Copier &copier, File &made) const;

private:
  void archive_notice(Archive &archive);
  class Readiness;
  File &file_;
  AsyncSender &sender_;
  std::unique_ptr<Readiness> readiness_;
};

} // namespace tine::fs
