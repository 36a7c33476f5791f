// The caller's own descriptors as files of the box: standard input, output and error.
#pragma once

#include "base/unique_fd.hpp"
#include "fs/file.hpp"
#include "fs/host_stream_pages.hpp"
#include "fs/terminal.hpp"
#include "sched/host_events.hpp"

#include <memory>

namespace tine::fs {

/// What a box, or the copy of one, has as standard input, output and error: a host descriptor,
/// which is duplicated, or a file. A copy for which neither is given shares the original's.
struct StandardStreams {
  UniqueFd descriptors[3];
  Ref<File> files[3]; ///< ends of pipes; with the kernel lock
};

/// What streams need of the host process.
struct StreamHost {
  sched::HostEvents &events;
  memory::FrameArena &frames;
};

/// In the copy of a box, what an open standard stream of the original becomes; null: it is shared.
[[nodiscard]] Result<Ref<File>> copied_standard_stream(const Copier &copier, int role, u32 flags);

/// A host descriptor that guests read and write: a terminal, a pipe, a socket or a file of the
/// caller. Never blocks the host thread. Its state (offset, terminal modes) is the caller's.
class HostStream final : public File {
public:
  /// As standard descriptor `role`: 0, 1, 2.
  HostStream(UniqueFd fd, int role, u32 flags, const StreamHost &host, std::string name);
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
  [[nodiscard]] Result<Ref<memory::MappedFile>> map() override;
  [[nodiscard]] std::string description() override { return name_; }
  [[nodiscard]] Result<Ref<File>> reopen(u32 flags) override;
  [[nodiscard]] bool is_terminal() const { return host_->kind == Kind::terminal; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, HostStream *saved);

private:
  using Kind = StreamDescriptor::Kind;
  HostStream(std::shared_ptr<StreamDescriptor> host, const HostStream &other, u32 flags);
  [[nodiscard]] static std::shared_ptr<StreamDescriptor> describe(UniqueFd fd, u32 flags);
  [[nodiscard]] Status ready(short events) const;
  [[nodiscard]] Result<u64> terminal_ioctl(const IoctlCall &call);

  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;

  std::shared_ptr<StreamDescriptor> host_;
  int role_; ///< which standard descriptor it was first
  StreamHost resources_;
  std::string name_;
  sched::WaitQueue changed_;
};

/// What the box knows of the caller's terminal: job control is the box's own. One for each host
/// terminal.
[[nodiscard]] TerminalOwner &host_terminal_owner();

} // namespace tine::fs
