// The files of a box, for who stands outside.
#pragma once

#include "fs/namespace.hpp"
#include "process/kernel.hpp"

#include <string>
#include <string_view>

namespace tine::box {

/// The file tree as the box's first processes see it, for one who may do everything. Used, and
/// destroyed, with the kernel lock.
struct FileView {
  Ref<fs::FileSystemContext> context = make_ref<fs::FileSystemContext>();
  fs::Credentials credentials;

  explicit FileView(process::Kernel &kernel);
  /// ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG. A relative path begins at the root.
  [[nodiscard]] Result<fs::Path> find(const fs::Path &start, std::string_view path,
                                      const fs::LookupOptions &options) const;
  /// All that a regular file holds now: EISDIR, ENXIO for what isn't one.
  [[nodiscard]] Result<std::string> read(std::string_view path) const;
  /// Makes the file, or replaces what it holds.
  [[nodiscard]] Status write(std::string_view path, std::string_view bytes, u32 mode) const;
};

} // namespace tine::box
