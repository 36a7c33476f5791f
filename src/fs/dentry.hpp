// Names in the tree, and where file systems are mounted in it.
#pragma once

#include "fs/inode.hpp"
#include "fs/namespace.hpp"

#include <map>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace tine::fs {

/// A name in a directory. Invariants: keeps its parent; a dentry that is alive and not deleted is
/// in its parent's children; a pinned dentry is kept by its directory until the directory forgets
/// it. Its inode is null for a name that doesn't exist.
class Dentry final : public RefCounted {
public:
  Dentry(std::string name, Ref<Dentry> parent, Ref<Inode> inode);
  ~Dentry() override;

  [[nodiscard]] const std::string &name() const { return name_; }
  /// Null for the root of a file system.
  [[nodiscard]] const Ref<Dentry> &parent() const { return parent_; }
  [[nodiscard]] const Ref<Inode> &inode() const { return inode_; }
  /// Unlinked while in use: " (deleted)" in /proc.
  [[nodiscard]] bool is_deleted() const { return deleted_; }
  /// A file that never had a name shows as deleted (memfd).
  void set_deleted() { deleted_ = true; }

  /// The child of that name: from memory, else from the inode. ENOENT.
  [[nodiscard]] Result<Ref<Dentry>> child(std::string_view name);
  /// A child without an inode, to be created.
  [[nodiscard]] Ref<Dentry> missing_child(std::string_view name);
  /// A new entry was made: the dentry that shows it.
  Ref<Dentry> add_child(std::string_view name, Ref<Inode> inode);
  /// The name went away: the dentry lives on, deleted, for those that have it open.
  void forget_child(std::string_view name);
  /// The entry moved: the dentry keeps its identity. `exchanged`: the other one moves the other
  /// way.
  static void move(Dentry &directory, std::string_view name, Dentry &new_directory,
                   std::string_view new_name, bool exchanged);
  [[nodiscard]] bool is_ancestor_of(const Dentry &other) const;
  /// Keeps nothing below it any longer than its users do.
  void release_children();
  /// The dentry in the copy of a box, with those above it; itself in a file system that the boxes
  /// share.
  [[nodiscard]] Result<Ref<Dentry>> copy(Copier &copier);
  // ---- a saved box ----
  /// The names above it come first, so that a long path doesn't nest.
  static Ref<RefCounted> archive_head(Archive &archive, Dentry *saved);

private:
  [[nodiscard]] Result<Ref<Dentry>> copy_below(Copier &copier, const Ref<Dentry> &parent);
  void pin();
  void unpin();
  void detach();
  void attach(Ref<Dentry> parent, std::string name);
  Dentry *remembered(std::string_view name);

  std::string name_;
  Ref<Dentry> parent_;
  Ref<Inode> inode_;
  std::map<std::string, Dentry *, std::less<>> children_;
  bool deleted_ = false;
  bool pinned_ = false;
};

enum MountFlag : u32 {
  mount_read_only = 1,
  mount_no_suid = 2,
  mount_no_device = 4,
  mount_no_exec = 8,
  mount_no_access_times = 16,
  mount_no_symlinks = 32,
};

/// A file system at a place of the tree; a bind mount shows a part of one that is mounted
/// elsewhere.
class Mount final : public RefCounted {
public:
  ~Mount() override;
  u64 id = 0;
  Ref<FileSystem> file_system;
  Ref<Dentry> root;       ///< of what it shows
  Ref<Mount> parent;      ///< null for the root of the namespace
  Ref<Dentry> mountpoint; ///< on the parent
  u32 flags = 0;
  std::string source; ///< first column of /proc/mounts

  [[nodiscard]] bool is_read_only() const { return (flags & mount_read_only) != 0; }
  [[nodiscard]] Result<Ref<Mount>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Mount *saved);
  void archive_body(Archive &archive);
};

/// The mounts of a box (of those processes that share it). A place may be covered more than once;
/// the last mount is seen.
class MountNamespace final : public RefCounted {
public:
  /// The first mount becomes the root.
  Ref<Mount> mount_root(Ref<FileSystem> file_system, u32 flags, std::string source);
  /// Covers `place`. A null `shown` shows the file system's root.
  Ref<Mount> mount(const Path &place, Ref<FileSystem> file_system, Ref<Dentry> shown, u32 flags,
                   std::string source);
  /// EINVAL if `place` isn't the root of a mount or is the namespace's root; EBUSY if something is
  /// mounted below it.
  [[nodiscard]] Status unmount(const Path &place);
  // ---- mount_namespace.cc ----
  /// MNT_DETACH: the mount goes, and all below it. EINVAL as above.
  [[nodiscard]] Status detach(const Path &place);
  /// MS_BIND; MS_REC shows what is mounted below `shown`, too.
  Ref<Mount> bind(const Path &place, const Path &shown, bool recursive);
  /// pivot_root(2): the mount at `new_root` becomes the root; the old root is at `put_old` then.
  /// EBUSY, EINVAL.
  [[nodiscard]] Status pivot(const Path &new_root, const Path &put_old);
  /// A copy of all mounts (CLONE_NEWNS). The paths, of who moves there, show the copy's mounts
  /// afterwards.
  [[nodiscard]] Ref<MountNamespace> clone(std::span<Path *const> paths) const;
  [[nodiscard]] bool contains(const Mount &mount) const;
  u64 id = 0;               ///< inode number of /proc/PID/ns/mnt; 0: the box's first
  Ref<UserNamespace> owner; ///< whose capabilities count here; null: the box's first
  [[nodiscard]] Path root() const;
  /// Goes down through what is mounted at the place.
  [[nodiscard]] Path covered(Path place) const;
  [[nodiscard]] bool is_mountpoint(const Dentry &dentry) const;
  [[nodiscard]] const std::vector<Ref<Mount>> &mounts() const { return mounts_; }
  [[nodiscard]] Result<Ref<MountNamespace>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, MountNamespace *saved);
  void archive_body(Archive &archive);

private:
  [[nodiscard]] bool is_below(const Mount &mount, const Mount &top) const;
  void uncover(const Dentry *dentry);
  void check_restored(Archive &archive);
  std::vector<Ref<Mount>> mounts_;
  std::unordered_map<const Dentry *, u32> covered_; ///< how many mounts are at the dentry
  u64 next_id_ = 1;
};

/// The place one up, through mounts; the root stays.
[[nodiscard]] Path parent_of(const Path &path, const Path &root);
/// A place outside the tree that shows an open file: pipes and the like below /proc/PID/fd.
[[nodiscard]] Path detached_path(const Ref<File> &file);

/// Permission bits of access(2) (R_OK 4, W_OK 2, X_OK 1) that the credentials' fsuid and fsgid
/// have.
[[nodiscard]] Status check_permission(const Credentials &credentials, Inode &inode, u32 mask);
/// The sticky bit of the directory: EPERM if the caller may not remove or rename the child.
[[nodiscard]] Status check_sticky(const Credentials &credentials, Inode &directory, Inode &child);
/// The owner, or CAP_FOWNER: EPERM.
[[nodiscard]] Status check_owner(const Credentials &credentials, Inode &inode);

/// The directory of the last component, and its name ("." and ".." included; trailing slashes
/// noted).
struct ParentAndName {
  Path parent;
  std::string name;
  bool trailing_slash = false;
};
[[nodiscard]] Result<ParentAndName> lookup_parent(const FileSystemContext &context,
                                                  const Credentials &credentials, const Path &start,
                                                  std::string_view path, u32 resolve = 0);

// ---- changes of the tree, as the system calls of their names make them ----
struct TreeCall {
  const FileSystemContext &context;
  const Credentials &credentials;
};
/// mkdir, mknod, symlink: `request.mode` before the umask.
[[nodiscard]] Result<Path> make_node(const TreeCall &call, const Path &start, std::string_view path,
                                     CreateRequest request);
[[nodiscard]] Status make_link(const TreeCall &call, const Path &target, const Path &start,
                               std::string_view path);
[[nodiscard]] Status remove_name(const TreeCall &call, const Path &start, std::string_view path,
                                 bool directory);
[[nodiscard]] Status rename_name(const TreeCall &call, const Path &old_start,
                                 std::string_view old_path, const Path &new_start,
                                 std::string_view new_path, u32 flags);

/// An empty tree of a FileSystem behind a root inode, for tests and assembly.
[[nodiscard]] Ref<Dentry> root_dentry(FileSystem &file_system);

} // namespace tine::fs
