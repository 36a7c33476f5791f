#include "fs/file.hpp"

#include "fs/epoll.hpp"
#include "fs/inode.hpp"
#include "fs/locks.hpp"

#include <fcntl.h>
#include <poll.h>

namespace tine::fs {

File::~File() {
  while (!epoll_items.empty())
    epoll_items.back()->file_closed();
}

Result<u64> File::read(memory::IoBuffer &) {
  return Errno{EINVAL};
}
Result<u64> File::write(memory::IoBuffer &) {
  return Errno{EINVAL};
}
Result<u64> File::read_at(memory::IoBuffer &, u64) {
  return Errno{ESPIPE};
}
Result<u64> File::write_at(memory::IoBuffer &, u64) {
  return Errno{ESPIPE};
}
Result<u64> File::seek(i64, int) {
  return Errno{ESPIPE};
}

Result<Ref<File>> File::make_copy(Copier &copier) {
  return copier.refuse(description());
}

Result<Ref<File>> File::copy(Copier &copier) {
  Ref<File> made = TINE_TRY(make_copy(copier));
  made->status_flags_ = status_flags_;
  made->offset = offset;
  made->was_created = was_created;
  if (async)
    made->async = async->copy(copier, *made);
  if (own_locks)
    copier.at_end([this, &copier, made]() -> Status {
      made->own_locks = static_cast<const LockList &>(*own_locks).copy(copier);
      return Done{};
    });
  return made;
}

u32 File::poll() {
  return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
}

Result<struct stat> File::stat() {
  const Ref<Inode> node = inode();
  if (!node) {
    // What Linux shows of anon_inode files.
    struct stat status {};
    status.st_dev = 15;
    status.st_ino = 1;
    status.st_mode = 0600;
    status.st_nlink = 1;
    status.st_blksize = 4096;
    return status;
  }
  return to_stat(TINE_TRY(node->attributes()));
}

Result<u64> File::ioctl(const IoctlCall &) {
  return Errno{ENOTTY};
}
Status File::read_directory(const std::function<bool(const DirectoryEntry &)> &) {
  return Errno{ENOTDIR};
}
Status File::truncate(u64) {
  return Errno{EINVAL};
}
Status File::allocate(int, u64, u64) {
  return Errno{ENODEV};
}
Status File::sync() {
  return Errno{EINVAL};
}
Result<Ref<memory::MappedFile>> File::map() {
  return Errno{ENODEV};
}
Ref<Inode> File::inode() {
  return nullptr;
}
Status File::deny_writers() {
  return Done{};
}
Result<Ref<File>> File::reopen(u32) {
  return Errno{ENXIO};
}

bool File::is_readable() const {
  const u32 mode = status_flags_ & O_ACCMODE;
  return (status_flags_ & O_PATH) == 0 && (mode == O_RDONLY || mode == O_RDWR);
}
bool File::is_writable() const {
  const u32 mode = status_flags_ & O_ACCMODE;
  return (status_flags_ & O_PATH) == 0 && (mode == O_WRONLY || mode == O_RDWR);
}
bool File::is_nonblocking() const {
  return (status_flags_ & O_NONBLOCK) != 0;
}

} // namespace tine::fs
