#include "fs/inode.hpp"

#include "fs/namespace.hpp"

#include <algorithm>
#include <linux/magic.h>
#include <sys/sysmacros.h>

namespace tine::fs {

struct stat to_stat(const Attributes &attributes) {
  struct stat status {};
  status.st_dev = attributes.device;
  status.st_ino = attributes.inode;
  status.st_mode = attributes.mode;
  status.st_nlink = attributes.links;
  status.st_uid = attributes.uid;
  status.st_gid = attributes.gid;
  status.st_rdev = attributes.special_device;
  status.st_size = static_cast<off_t>(attributes.size);
  status.st_blksize = static_cast<blksize_t>(attributes.block_size);
  status.st_blocks = static_cast<blkcnt_t>(attributes.blocks);
  status.st_atim = attributes.accessed;
  status.st_mtim = attributes.modified;
  status.st_ctim = attributes.changed;
  return status;
}

Attributes from_stat(const struct stat &status) {
  Attributes attributes;
  attributes.device = status.st_dev;
  attributes.inode = status.st_ino;
  attributes.mode = status.st_mode;
  attributes.links = static_cast<u32>(status.st_nlink);
  attributes.uid = status.st_uid;
  attributes.gid = status.st_gid;
  attributes.special_device = status.st_rdev;
  attributes.size = static_cast<u64>(status.st_size);
  attributes.blocks = static_cast<u64>(status.st_blocks);
  attributes.block_size = static_cast<u32>(status.st_blksize);
  attributes.accessed = status.st_atim;
  attributes.modified = status.st_mtim;
  attributes.changed = status.st_ctim;
  return attributes;
}

timespec current_time() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now;
}

namespace {
// Linux gives file systems without a device numbers of major 0.
u32 &last_anonymous_minor() {
  static u32 minor_number = 40;
  return minor_number;
}
} // namespace

FileSystem::FileSystem() : device_(makedev(0, ++last_anonymous_minor())) {}

void FileSystem::reserve_device(u64 device) {
  if (gnu_dev_major(device) == 0)
    last_anonymous_minor() = std::max(last_anonymous_minor(), gnu_dev_minor(device));
}

Result<struct statfs> FileSystem::statistics() {
  struct statfs result {};
  result.f_type = TMPFS_MAGIC;
  result.f_bsize = page_size;
  result.f_frsize = page_size;
  result.f_namelen = 255;
  return result;
}

Result<Ref<FileSystem>> FileSystem::copy(Copier &copier) {
  return copier.refuse(type_name());
}
Result<Ref<Inode>> Inode::copy(Copier &copier, Inode *, const std::string &name) {
  return copier.refuse(name);
}

Status Inode::change(const AttributeChange &) {
  return Errno{EROFS};
}
Result<Ref<Inode>> Inode::lookup(std::string_view) {
  return Errno{ENOTDIR};
}
Result<std::vector<DirectoryEntry>> Inode::list() {
  return Errno{ENOTDIR};
}
Result<Ref<Inode>> Inode::create(std::string_view, const CreateRequest &) {
  return Errno{EROFS};
}
Status Inode::link(std::string_view, Inode &) {
  return Errno{EROFS};
}
Status Inode::unlink(std::string_view, Inode &) {
  return Errno{EROFS};
}
Status Inode::remove_directory(std::string_view, Inode &) {
  return Errno{EROFS};
}
Status Inode::rename(std::string_view, Inode &, Inode &, std::string_view, Inode *, RenameKind) {
  return Errno{EROFS};
}
Result<Ref<Inode>> Inode::create_unnamed(const CreateRequest &) {
  return Errno{EOPNOTSUPP};
}
Result<std::string> Inode::read_link() {
  return Errno{EINVAL};
}
std::optional<Result<Path>> Inode::magic_target() {
  return std::nullopt;
}
Status Inode::truncate(u64) {
  return Errno{EINVAL};
}

Result<std::string> Inode::extended_attribute(const std::string &) {
  return Errno{EOPNOTSUPP};
}
Status Inode::set_extended_attribute(const std::string &, std::string_view, int) {
  return Errno{EOPNOTSUPP};
}
Status Inode::remove_extended_attribute(const std::string &) {
  return Errno{EOPNOTSUPP};
}
Result<std::vector<std::string>> Inode::extended_attributes() {
  return std::vector<std::string>{};
}

} // namespace tine::fs
