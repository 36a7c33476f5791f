// Paths: from a name to a file of the box's tree.
#pragma once

#include "fs/credentials.hpp"
#include "fs/file.hpp"

#include <memory>
#include <string_view>

namespace tine::fs {

class Dentry;
class Mount;
class MountNamespace;

/// A place in the tree: a directory entry on a mount. Null inode: a name that doesn't exist yet.
struct Path {
  Ref<Mount> mount;
  Ref<Dentry> dentry;
  explicit operator bool() const { return static_cast<bool>(dentry); }
  void archive(Archive &archive);
};

/// What CLONE_FS shares: root, working directory, umask.
class FileSystemContext final : public RefCounted {
public:
  Ref<MountNamespace> mounts;
  Path root;
  Path working_directory;
  u32 umask = 022;
  [[nodiscard]] Ref<FileSystemContext> clone() const;
  [[nodiscard]] Result<Ref<FileSystemContext>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, FileSystemContext *saved);
  void archive_body(Archive &archive);
};

/// The place in the copy of a box.
[[nodiscard]] Result<Path> copy_path(Copier &copier, const Path &path);

/// How a path is looked up.
struct LookupOptions {
  bool follow_last = true; ///< the last component, if it is a symbolic link
  bool allow_missing_last = false;
  bool must_be_directory = false;
  u32 resolve = 0; ///< RESOLVE_* of openat2
};

/// Finds `path` from `start` (the working directory, or a directory descriptor). ENOENT, ENOTDIR,
/// ELOOP, EACCES, ENAMETOOLONG.
[[nodiscard]] Result<Path> lookup(const FileSystemContext &context, const Credentials &credentials,
                                  const Path &start, std::string_view path,
                                  const LookupOptions &options);

/// open(2) without the descriptor: O_CREAT, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_PATH,
/// O_TMPFILE...
[[nodiscard]] Result<Ref<File>> open(const FileSystemContext &context,
                                     const Credentials &credentials, const Path &start,
                                     std::string_view path, u32 flags, u32 mode);

/// The same, with openat2's `resolve`.
struct OpenOptions {
  u32 flags = 0;
  u32 mode = 0;
  u32 resolve = 0; ///< RESOLVE_*
};
[[nodiscard]] Result<Ref<File>> open_resolving(const FileSystemContext &context,
                                               const Credentials &credentials, const Path &start,
                                               std::string_view path, const OpenOptions &options);

/// Opens what `path` already names.
[[nodiscard]] Result<Ref<File>> open(const Credentials &credentials, const Path &path, u32 flags);

/// The absolute path below `root`, as getcwd(2) and /proc show it.
[[nodiscard]] std::string path_name(const Path &path, const Path &root);
/// Whether the root is above the path, or the path itself.
[[nodiscard]] bool is_below(const Path &path, const Path &root);

/// The place that a file was opened at; an empty Path for pipes and the like.
[[nodiscard]] Path path_of(const File &file);

} // namespace tine::fs

// Path and FileSystemContext can be used only where these are known.
#include "fs/dentry.hpp"
