// A file that has its name only when it is whole.
#pragma once

#include "base/result.hpp"
#include "base/unique_fd.hpp"

#include <string>

namespace tine {

/// Without commit() nothing is left: where the file system can (O_TMPFILE), not even when the
/// process is killed.
class NewFile {
public:
  /// For a file at `path`, which may exist. ENOENT, EACCES, EISDIR, ...
  [[nodiscard]] static Result<NewFile> create(const std::string &path);
  NewFile(NewFile &&other) noexcept = default;
  NewFile &operator=(NewFile &&other) = delete;
  ~NewFile();
  [[nodiscard]] int descriptor() const { return file_.get(); }
  /// fsync(2), then rename(2).
  [[nodiscard]] Status commit();

private:
  NewFile() = default;
  [[nodiscard]] Status link_temporary();

  UniqueFd directory_, file_;
  std::string name_;
  std::string temporary_; ///< in the directory; empty: none
};

} // namespace tine
