// What the handlers of the families files, descriptors, tree and poll share.
#pragma once

#include "fs/dentry.hpp"
#include "syscall/call.hpp"

#include <ctime>
#include <optional>

namespace tine::syscall {

/// An open file that may be read, written, asked: EBADF, also for O_PATH descriptors.
[[nodiscard]] Result<Ref<fs::File>> file_of(Call &call, int fd);
/// The same, O_PATH descriptors included (fstat, fchdir, *at).
[[nodiscard]] Result<Ref<fs::File>> any_file_of(Call &call, int fd);
/// The lowest free descriptor: EMFILE.
[[nodiscard]] Result<int> install_file(Call &call, Ref<fs::File> file, bool close_on_exec,
                                       int from = 0);
[[nodiscard]] u64 descriptor_limit(const Call &call);

/// A path argument: EFAULT, ENAMETOOLONG.
[[nodiscard]] Result<std::string> read_path(Call &call, GuestAddress address);
/// Where a relative path starts: the working directory, or a directory descriptor. EBADF, ENOTDIR.
[[nodiscard]] Result<fs::Path> start_of(Call &call, int directory, std::string_view path);
/// The place that a path and AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW or AT_SYMLINK_FOLLOW lead to.
struct PathArgument {
  int directory;
  GuestAddress path;
  bool follow = true;
  bool may_be_empty = false; ///< AT_EMPTY_PATH
};
[[nodiscard]] Result<fs::Path> find_path(Call &call, const PathArgument &argument);
/// The inode of the place, or of the descriptor itself with an empty path. For those that need no
/// name.
struct FoundInode {
  fs::Path path;        ///< empty for pipes and the like
  Ref<fs::Inode> inode; ///< null for files without an inode
  Ref<fs::File> file;   ///< only with an empty path
};
[[nodiscard]] Result<FoundInode> find_inode(Call &call, const PathArgument &argument);

/// The thread sleeps until the file may have one of `events`.
[[nodiscard]] SyscallResult wait_for_file(Call &call, fs::File &file, u32 events,
                                          Interrupt interrupt = Interrupt::restart);
/// What TerminalOwner::check answers when it has sent a signal that stops the thread: the call is
/// tried again when the thread is continued.
[[nodiscard]] inline bool is_tried_again(Errno error) {
  return error == Errno{ERESTART};
}
/// The EPIPE of a write: SIGPIPE for the thread.
[[nodiscard]] Errno broken_pipe(Call &call);
[[nodiscard]] inline fs::TreeCall tree_call(Call &call) {
  return {*call.thread.fs, call.thread.credentials};
}
/// A write or a truncation by one without CAP_FSETID takes the set-id bits of a regular file:
/// write(2), inode(7).
[[nodiscard]] Status drop_set_id(Call &call, fs::Inode &inode);
/// EROFS if the mount is read-only.
[[nodiscard]] Status check_writable_mount(const fs::Path &path);

/// iovec arrays: at most 1,024 ranges, sum at most SSIZE_MAX (EINVAL), cut to 0x7ffff000 bytes.
[[nodiscard]] Result<memory::IoBuffer> read_iovec(Call &call, GuestAddress address, i64 count);
/// "On Linux, read() (and similar system calls) will transfer at most 0x7ffff000 bytes".
inline constexpr u64 transfer_limit = 0x7ffff000;

/// Nanoseconds of a struct timespec: EINVAL if it isn't normalized or is negative.
[[nodiscard]] Result<Nanoseconds> to_nanoseconds(const timespec &time);

} // namespace tine::syscall
