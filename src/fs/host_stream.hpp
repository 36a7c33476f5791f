// The caller's own descriptors as files of the box: standard input, output and error.
#pragma once

#include "base/unique_fd.hpp"
#include "fs/file.hpp"
#include "fs/terminal.hpp"
#include "sched/host_events.hpp"

#include <memory>

namespace tine::fs {

/// What the copy of a box has in place of the caller's standard input, output and error. A box that
/// says nothing of one (-1) shares it with the original.
struct StandardStreams {
  UniqueFd descriptors[3];
};

/// A host descriptor that guests read and write: a terminal, a pipe, a socket or a file of the
/// caller. Never blocks the host thread. Its state (offset, terminal modes) is the caller's.
class HostStream final : public File {
public:
  /// `fd` stays the caller's; it must outlive the stream.
  HostStream(int fd, u32 flags, sched::HostEvents &events, std::string name);
  /// The same for a descriptor that the stream owns, as standard descriptor `role`.
  HostStream(UniqueFd fd, int role, u32 flags, sched::HostEvents &events, std::string name);
  ~HostStream() override;

  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] Result<u64> write(memory::IoBuffer &from) override;
  [[nodiscard]] Result<u64> read_at(memory::IoBuffer &to, u64 at) override;
  [[nodiscard]] Result<u64> write_at(memory::IoBuffer &from, u64 at) override;
  [[nodiscard]] Result<u64> seek(i64 distance, int whence) override;
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override;
  void prepare_wait(u32 events) override;
  [[nodiscard]] Result<struct stat> stat() override;
  [[nodiscard]] Result<u64> ioctl(const IoctlCall &call) override;
  [[nodiscard]] Status truncate(u64 size) override;
  [[nodiscard]] Status allocate(int mode, u64 at, u64 length) override;
  [[nodiscard]] Status sync() override;
  [[nodiscard]] std::string description() override { return name_; }
  [[nodiscard]] Result<Ref<File>> reopen(u32 flags) override;
  [[nodiscard]] bool is_terminal() const { return kind_ == Kind::terminal; }

private:
  enum class Kind : u8 { terminal, stream, socket, seekable };
  [[nodiscard]] Status ready(short events) const;
  [[nodiscard]] Result<u64> terminal_ioctl(const IoctlCall &call);

  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;
  void classify();

  std::shared_ptr<const UniqueFd> kept_; ///< what fd_ was before own_, if it isn't the caller's
  int role_ = 0;                         ///< which standard descriptor it was first
  int fd_;
  UniqueFd own_; ///< a description of our own, non-blocking, where the host gives one
  sched::HostEvents &events_;
  std::string name_;
  Kind kind_ = Kind::stream;
  sched::WaitQueue changed_;
};

/// What the box knows of the caller's terminal: job control is the box's own. One for each host
/// terminal.
[[nodiscard]] TerminalOwner &host_terminal_owner();

} // namespace tine::fs
