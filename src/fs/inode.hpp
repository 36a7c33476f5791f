// Inodes and file systems: what a name leads to, whatever holds it (the host, memory, a generated
// tree).
#pragma once

#include "base/ref.hpp"
#include "base/result.hpp"
#include "fs/file.hpp"

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <vector>

namespace tine::fs {

struct Credentials;
struct Path;
class Inode;

/// What stat(2) and statx(2) report.
struct Attributes {
  void archive(Archive &archive);

  u64 device = 0;
  u64 inode = 0;
  u32 mode = 0; ///< with the type (S_IFMT)
  u32 links = 1;
  u32 uid = 0, gid = 0;
  u64 special_device = 0; ///< st_rdev
  u64 size = 0;
  u64 blocks = 0; ///< of 512 bytes
  u32 block_size = 4096;
  timespec accessed{}, modified{}, changed{};
  std::optional<timespec> born;
};

[[nodiscard]] struct stat to_stat(const Attributes &attributes);
[[nodiscard]] Attributes from_stat(const struct stat &status);
/// The wall clock.
[[nodiscard]] timespec current_time();

/// What chmod, chown and utimensat change; what is absent stays. `changed` is always set to now.
struct AttributeChange {
  std::optional<u32> mode = {}; ///< permission bits
  std::optional<u32> uid = {}, gid = {};
  std::optional<timespec> accessed = {}, modified = {};
};

/// A new directory entry: the type is in `mode`.
struct CreateRequest {
  u32 mode = 0;
  u32 uid = 0, gid = 0;
  u64 special_device = 0;
  std::string link_target = {}; ///< S_IFLNK
};

/// One mounted file system: Linux's super_block. Outlives its inodes: whoever keeps an inode keeps
/// the file system, mostly by a Path.
class FileSystem : public RefCounted {
public:
  FileSystem();
  /// A copy: st_dev stays the same in the fork of a box.
  explicit FileSystem(u64 device) : device_(device) {}
  /// A saved box's file system has the number that it had: no new one gets it.
  static void reserve_device(u64 device);
  /// As the third column of /proc/mounts shows it.
  [[nodiscard]] virtual const char *type_name() const = 0;
  [[nodiscard]] virtual Ref<Inode> root() = 0;
  [[nodiscard]] virtual Result<struct statfs> statistics();
  /// st_dev of its inodes.
  [[nodiscard]] u64 device() const { return device_; }
  /// A number for an inode that asks for none, above 1.
  [[nodiscard]] u64 allocate_number() { return ++last_number_; }
  /// The file system in the copy of a box: itself if the boxes share it. ENOTSUP.
  [[nodiscard]] virtual Result<Ref<FileSystem>> copy(Copier &copier);

private:
  u64 device_;
  u64 last_number_ = 1;
};

/// A file of a file system, without its names. Functions of a directory take a name without slashes
/// that is neither "." nor ".."; permissions were checked by the caller. Guarded by the kernel
/// lock.
class Inode : public RefCounted {
public:
  /// S_IFREG, S_IFDIR, ...; never changes.
  [[nodiscard]] u32 type() const { return type_; }
  [[nodiscard]] bool is_directory() const { return type_ == S_IFDIR; }
  [[nodiscard]] bool is_symlink() const { return type_ == S_IFLNK; }

  [[nodiscard]] virtual Result<Attributes> attributes() = 0;
  /// Mode and owner only, possibly remembered: what the permission check of each component asks.
  [[nodiscard]] virtual Result<Attributes> permissions() { return attributes(); }
  /// EROFS, EPERM.
  [[nodiscard]] virtual Status change(const AttributeChange &change);
  [[nodiscard]] virtual FileSystem &file_system() = 0;

  // ---- directories ----
  /// ENOENT. An inode that is still referenced must be found again as the same object.
  [[nodiscard]] virtual Result<Ref<Inode>> lookup(std::string_view name);
  /// Whether what lookup() said stays true until this kernel changes it, so that it may be
  /// remembered.
  [[nodiscard]] virtual bool remembers_children() const { return false; }
  /// All entries, "." and ".." apart.
  [[nodiscard]] virtual Result<std::vector<DirectoryEntry>> list();
  /// EEXIST, EROFS, ENOSPC.
  [[nodiscard]] virtual Result<Ref<Inode>> create(std::string_view name,
                                                  const CreateRequest &request);
  [[nodiscard]] virtual Status link(std::string_view name, Inode &target);
  [[nodiscard]] virtual Status unlink(std::string_view name, Inode &child);
  /// ENOTEMPTY.
  [[nodiscard]] virtual Status remove_directory(std::string_view name, Inode &child);
  /// `replaced` is what `new_name` names now, null if nothing; types were checked. With `exchange`,
  /// it gets the old name.
  enum class RenameKind : u8 { move, exchange };
  [[nodiscard]] virtual Status rename(std::string_view name, Inode &child, Inode &new_directory,
                                      std::string_view new_name, Inode *replaced, RenameKind kind);
  /// A file without a name in the directory's file system (O_TMPFILE).
  [[nodiscard]] virtual Result<Ref<Inode>> create_unnamed(const CreateRequest &request);

  // ---- symbolic links ----
  [[nodiscard]] virtual Result<std::string> read_link();
  /// A link that leads to an object rather than to a path (/proc/PID/exe); nothing for all others.
  [[nodiscard]] virtual std::optional<Result<Path>> magic_target();

  // ---- opening ----
  /// A description of the inode. `path` is how it was reached. O_CREAT, O_TRUNC and permissions are
  /// dealt with already.
  [[nodiscard]] virtual Result<Ref<File>> open(const Path &path, u32 flags,
                                               const Credentials &credentials) = 0;
  /// Where an open(2) that got EAGAIN waits (a FIFO without its other end); null: it doesn't.
  [[nodiscard]] virtual sched::WaitQueue *open_wait_queue(u32 flags) {
    return (void)flags, nullptr;
  }
  [[nodiscard]] virtual Status truncate(u64 size);
  /// The contents were read or mapped, or changed by other means than this inode's own functions (a
  /// shared mapping): times follow where this kernel keeps them.
  virtual void contents_read() {}
  virtual void contents_changed() {}

  // ---- extended attributes ----
  [[nodiscard]] virtual Result<std::string> extended_attribute(const std::string &name);
  [[nodiscard]] virtual Status set_extended_attribute(const std::string &name,
                                                      std::string_view value, int flags);
  [[nodiscard]] virtual Status remove_extended_attribute(const std::string &name);
  [[nodiscard]] virtual Result<std::vector<std::string>> extended_attributes();

  // ---- the fork of a box ----
  /// The inode in the copy of its file system. `directory` is the copy of the one it was reached
  /// by, null for a root. ENOTSUP.
  [[nodiscard]] virtual Result<Ref<Inode>> copy(Copier &copier, Inode *directory,
                                                const std::string &name);
  /// Whether the copy of the box goes without this file: whoever has it open finds it empty and
  /// deleted.
  [[nodiscard]] virtual bool is_withheld(const Copier &) const { return false; }
  /// Of an inode that shows an open file and is in no file system: the file.
  [[nodiscard]] virtual Ref<File> detached_file() { return {}; }
  /// Of an inode of a generated tree: in a saved box's file it is a name, and is looked up.
  [[nodiscard]] virtual bool is_generated() const { return false; }

  // ---- what an inode carries for others ----
  /// ETXTBSY: a program that runs isn't written to, and one that is written to isn't run.
  i32 writers = 0;
  i32 executions = 0;
  i32 readers = 0; ///< descriptions that may read and not write
  /// POSIX and flock locks; made by locks.cc on first use.
  [[nodiscard]] RefCounted *attachment() const { return attachment_.get(); }
  void attach(Ref<RefCounted> attachment) { attachment_ = std::move(attachment); }
  /// Who wants to know what happens to it (inotify.hpp); null: nobody.
  Ref<RefCounted> watchers;

protected:
  explicit Inode(u32 type) : type_(type) {}

private:
  u32 type_;
  Ref<RefCounted> attachment_;
};

} // namespace tine::fs
