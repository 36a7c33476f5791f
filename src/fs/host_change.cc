// Changes of the host's tree, below a read-write bind.
#include "fs/host_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace tine::fs {
Status HostInode::change(const AttributeChange &change) {
  if (!host_->is_writable() || !parent_)
    return Errno{EROFS};
  const int directory = TINE_TRY(parent_->directory_descriptor());
  TINE_TRY(attributes()); // ESTALE: the name may have become another file's
  if (change.uid || change.gid)
    TINE_TRY(host_status(::fchownat(directory, name_.c_str(), change.uid.value_or(~uid_t{0}),
                                    change.gid.value_or(~gid_t{0}), AT_SYMLINK_NOFOLLOW)));
  if (change.mode) {
    if (is_symlink())
      return Errno{EOPNOTSUPP};
    TINE_TRY(host_status(::fchmodat(directory, name_.c_str(), *change.mode & 07777U, 0)));
  }
  if (change.accessed || change.modified) {
    constexpr timespec omit{0, UTIME_OMIT};
    const timespec times[2] = {change.accessed.value_or(omit), change.modified.value_or(omit)};
    TINE_TRY(host_status(::utimensat(directory, name_.c_str(), times, AT_SYMLINK_NOFOLLOW)));
  }
  TINE_TRY(attributes());
  return Done{};
}

Result<Ref<Inode>> HostInode::create(std::string_view name, const CreateRequest &request) {
  if (!host_->is_writable())
    return Errno{EROFS};
  const int directory = TINE_TRY(directory_descriptor());
  const std::string text(name);
  const mode_t mode = request.mode & 07777U;
  int result = 0;
  switch (request.mode & S_IFMT) {
  case S_IFDIR:
    result = ::mkdirat(directory, text.c_str(), mode);
    break;
  case S_IFLNK:
    result = ::symlinkat(request.link_target.c_str(), directory, text.c_str());
    break;
  case S_IFREG: {
    const UniqueFd fd(
        ::openat(directory, text.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
    result = fd.get();
    break;
  }
  case S_IFIFO:
    result = ::mkfifoat(directory, text.c_str(), mode);
    break;
  default:
    return Errno{EPERM};
  }
  TINE_TRY(host_status(result));
  // The umask of tine itself has been applied: give the mode that was asked for.
  if ((request.mode & S_IFMT) != S_IFLNK)
    TINE_TRY(host_status(::fchmodat(directory, text.c_str(), mode, 0)));
  return lookup(name);
}

Status HostInode::link(std::string_view name, Inode &target) {
  auto *file = dynamic_cast<HostInode *>(&target);
  if (!host_->is_writable())
    return Errno{EROFS};
  if (!file || !file->parent_)
    return Errno{EXDEV};
  const int from = TINE_TRY(file->parent_->directory_descriptor());
  const int to = TINE_TRY(directory_descriptor());
  return host_status(::linkat(from, file->name_.c_str(), to, std::string(name).c_str(), 0));
}

Status HostInode::unlink(std::string_view name, Inode &child) {
  if (!host_->is_writable())
    return Errno{EROFS};
  // Those who have the file open go on using it: keep a way to it.
  if (child.type() == S_IFREG)
    (void)static_cast<HostInode &>(child).read_descriptor();
  return host_status(::unlinkat(TINE_TRY(directory_descriptor()), std::string(name).c_str(), 0));
}

Status HostInode::remove_directory(std::string_view name, Inode &) {
  if (!host_->is_writable())
    return Errno{EROFS};
  return host_status(
      ::unlinkat(TINE_TRY(directory_descriptor()), std::string(name).c_str(), AT_REMOVEDIR));
}

Status HostInode::rename(std::string_view name, Inode &child, Inode &new_directory,
                         std::string_view new_name, Inode *replaced, RenameKind kind) {
  auto *to = dynamic_cast<HostInode *>(&new_directory);
  if (!host_->is_writable())
    return Errno{EROFS};
  if (!to)
    return Errno{EXDEV};
  const unsigned flags = kind == RenameKind::exchange ? 2U : 0U; // RENAME_EXCHANGE
  const int from_fd = TINE_TRY(directory_descriptor());
  const int to_fd = TINE_TRY(to->directory_descriptor());
  TINE_TRY(host_status(::renameat2(from_fd, std::string(name).c_str(), to_fd,
                                   std::string(new_name).c_str(), flags)));
  auto &moved = static_cast<HostInode &>(child);
  moved.parent_ = Ref<HostInode>(to);
  moved.name_ = new_name;
  if (replaced && kind == RenameKind::exchange) {
    auto &other = static_cast<HostInode &>(*replaced);
    other.parent_ = Ref<HostInode>(this);
    other.name_ = name;
  }
  return Done{};
}

} // namespace tine::fs
