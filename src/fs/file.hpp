// An open file description: what open(2) makes and dup(2) and fork(2) share.
#pragma once

#include "base/archive.hpp"
#include "base/copier.hpp"
#include "base/ref.hpp"
#include "base/result.hpp"
#include "fs/async_signals.hpp"
#include "memory/io_buffer.hpp"
#include "sched/wait_queue.hpp"

#include <functional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace tine::fs {

struct Credentials;
struct Path;
class EpollItem;
class Inode;

/// A directory entry as getdents64 lists it.
struct DirectoryEntry {
  u64 inode = 0;
  i64 next_offset = 0;
  u8 type = 0; ///< DT_*
  std::string name;
  void archive(Archive &archive) { archive(inode, next_offset, type, name); }
};

/// Argument of ioctl(2): the request, the raw argument, and the memory that it may point to.
struct IoctlCall {
  u32 request = 0;
  u64 argument = 0;
  memory::AddressSpace &space;
};

/// Base of all open files. A call that can't be satisfied now returns EAGAIN, whatever O_NONBLOCK
/// says: the system call decides whether to wait on wait_queue() until poll() shows what it needs.
/// Guarded by the kernel lock.
class File : public RefCounted {
public:
  explicit File(u32 status_flags) : status_flags_(status_flags) {}

  /// At the file's offset, which advances. EAGAIN, EINVAL, EIO, EISDIR...
  [[nodiscard]] virtual Result<u64> read(memory::IoBuffer &to);
  [[nodiscard]] virtual Result<u64> write(memory::IoBuffer &from);
  /// At `offset`; the file's offset stays. ESPIPE if the file has none.
  [[nodiscard]] virtual Result<u64> read_at(memory::IoBuffer &to, u64 offset);
  [[nodiscard]] virtual Result<u64> write_at(memory::IoBuffer &from, u64 offset);
  /// Where a write that names `offset` goes: pwrite(2), BUGS, "if a file is opened with O_APPEND,
  /// on Linux, pwrite() appends data to the end of the file, regardless of the value of offset".
  [[nodiscard]] virtual Result<u64> write_position(u64 wanted) { return wanted; }
  [[nodiscard]] virtual Result<u64> seek(i64 offset, int whence);

  /// POLLIN, POLLOUT, ... that hold now.
  [[nodiscard]] virtual u32 poll();
  /// Woken when poll() may have changed; null if it never does. A file whose readiness the host
  /// knows registers its host descriptor with HostEvents when prepare_wait is called.
  [[nodiscard]] virtual sched::WaitQueue *wait_queue() { return nullptr; }
  /// Called before a thread sleeps on wait_queue() for `events`.
  virtual void prepare_wait(u32 events) { (void)events; }

  [[nodiscard]] virtual Result<struct stat> stat();
  [[nodiscard]] virtual Result<u64> ioctl(const IoctlCall &call);
  /// Entries from the file's offset on, until `visit` returns false (the entry then stays unread).
  [[nodiscard]] virtual Status
  read_directory(const std::function<bool(const DirectoryEntry &)> &visit);
  [[nodiscard]] virtual Status truncate(u64 size);
  [[nodiscard]] virtual Status allocate(int mode, u64 offset, u64 length);
  [[nodiscard]] virtual Status sync();
  /// What mmap of it shows. ENODEV if it can't be mapped.
  [[nodiscard]] virtual Result<Ref<memory::MappedFile>> map();
  /// Whether splice(2) and sendfile(2) can take from it, or put into it (Linux's splice_read and
  /// splice_write).
  enum class Splice : u8 { from, to };
  [[nodiscard]] virtual bool can_splice(Splice) const { return true; }
  /// mmap of it gives anonymous memory: null(4)'s /dev/zero.
  [[nodiscard]] virtual bool maps_as_anonymous() const { return false; }
  /// The file behind the description; null for pipes, sockets and the like.
  [[nodiscard]] virtual Ref<Inode> inode();
  /// As /proc/PID/fd/N shows it: a path, "pipe:[7]", "socket:[8]", "anon_inode:[eventpoll]".
  [[nodiscard]] virtual std::string description() = 0;
  /// A descriptor of some process was closed.
  virtual void descriptor_closed() {}
  /// Where it was opened; null for pipes and the like.
  [[nodiscard]] virtual const Path *place() const { return nullptr; }
  /// The description is a program's that begins to run: until it goes, nobody may open the file for
  /// writing. ETXTBSY if someone has.
  [[nodiscard]] virtual Status deny_writers();
  /// open(2) of /proc/PID/fd/N for a file that has no place: another description of the same
  /// object.
  [[nodiscard]] virtual Result<Ref<File>> reopen(u32 flags);

  /// The description in the copy of a box: the same file, offset and flags. What it is registered
  /// with (epoll) copies that itself. ENOTSUP.
  [[nodiscard]] Result<Ref<File>> copy(Copier &copier);

  /// For archive_head of the classes of files: what File keeps, and `make(flags)`, which archives
  /// what the class's constructor takes and makes the file when reading.
  template <typename Make>
  [[nodiscard]] static Ref<RefCounted> archive_file(Archive &archive, File *saved, Make &&make) {
    u32 flags = saved ? saved->status_flags_ : 0;
    u64 at = saved ? saved->offset : 0;
    archive(flags, at);
    const Ref<File> made = make(flags);
    archive_signals(archive, saved, made.get());
    if (saved)
      return Ref<RefCounted>(saved);
    if (!archive.ok() || !made)
      return {};
    made->status_flags_ = flags;
    made->offset = at;
    return made;
  }

  /// O_RDONLY... access mode and the flags that F_SETFL may change.
  [[nodiscard]] u32 status_flags() const { return status_flags_; }
  virtual void set_status_flags(u32 flags) { status_flags_ = flags; }
  [[nodiscard]] bool is_readable() const;
  [[nodiscard]] bool is_writable() const;
  [[nodiscard]] bool is_nonblocking() const;

  u64 offset = 0;
  /// This open(2) made the file: F_CREATED_QUERY.
  bool was_created = false;
  /// fcntl and flock locks, of a file without an inode: a pipe, a socket, a stream of the host.
  Ref<RefCounted> own_locks;
  /// Whether O_ASYNC means anything: "terminals, pseudoterminals, sockets, … pipes and FIFOs"
  /// (fcntl(2)).
  [[nodiscard]] virtual bool tells_readiness() const { return false; }
  /// F_SETOWN, F_SETSIG, F_NOTIFY; null until one of them is asked for.
  std::unique_ptr<AsyncSignals> async;
  /// The epoll instances that watch it; each item leaves when either end goes.
  std::vector<EpollItem *> epoll_items;

protected:
  ~File() override;

private:
  static void archive_signals(Archive &archive, File *saved, File *made);
  /// What copy() asks: the class's own part. A class that doesn't say how it is copied refuses the
  /// fork of its box.
  [[nodiscard]] virtual Result<Ref<File>> make_copy(Copier &copier);

  u32 status_flags_;
};

} // namespace tine::fs
