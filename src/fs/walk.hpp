// The walk over a path's components. Private to fs/.
#pragma once

#include "fs/dentry.hpp"

#include <linux/openat2.h>

namespace tine::fs {

/// One path resolution; counts its symbolic links.
class Walker {
public:
  Walker(const FileSystemContext &context, const Credentials &credentials, u32 resolve,
         const Path &start);

  /// Walks all but the last component of `path`.
  [[nodiscard]] Result<ParentAndName> to_last(const Path &start, std::string_view path);
  /// From a directory to one of its names, "." and ".." included; through mounts. ENOENT.
  [[nodiscard]] Result<Path> step(const Path &directory, std::string_view name);
  /// Where the link leads: a place (a magic link), or a path from the link's directory.
  struct Target {
    Path place;
    std::string path;
  };
  [[nodiscard]] Result<Target> follow(const Path &link);

private:
  [[nodiscard]] Result<Path> start_of(const Path &start, std::string_view path) const;
  [[nodiscard]] Status check_crossing(const Path &from, const Path &to) const;

  const FileSystemContext &context_;
  const Credentials &credentials_;
  const u32 resolve_;
  Path root_;
  Path beneath_; ///< RESOLVE_BENEATH: where the walk began
  u32 links_ = 0;
};

/// The mode of a file that is made in the directory: a set-group-ID bit that would give the
/// directory's group to whoever isn't in it is taken away (Linux's mode_strip_sgid).
[[nodiscard]] Result<u32> mode_of_new(Inode &directory, const Credentials &credentials, u32 mode);

} // namespace tine::fs
