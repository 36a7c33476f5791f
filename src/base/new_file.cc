#include "base/new_file.hpp"

#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>

namespace tine {
namespace {

/// Names that are tried before there is thought to be no free one.
constexpr int most_attempts = 1000;

std::string temporary_name(const std::string &name, int attempt) {
  return "." + name + "." + std::to_string(::getpid()) + "." + std::to_string(attempt);
}

} // namespace

Result<NewFile> NewFile::create(const std::string &path) {
  NewFile made;
  const auto slash = path.rfind('/');
  const std::string directory =
      slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
  made.name_ = path.substr(slash == std::string::npos ? 0 : slash + 1);
  if (made.name_.empty() || made.name_ == "." || made.name_ == "..")
    return Errno{EISDIR};
  made.directory_ = UniqueFd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!made.directory_)
    return Errno{errno};
  struct stat status {};
  if (::fstatat(made.directory_.get(), made.name_.c_str(), &status, 0) == 0 &&
      !S_ISREG(status.st_mode))
    return Errno{S_ISDIR(status.st_mode) ? EISDIR : EEXIST};
  made.file_ = UniqueFd(::openat(made.directory_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  for (int attempt = 0; !made.file_ && attempt < most_attempts; ++attempt) {
    if (attempt == 0 && errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT)
      return Errno{errno};
    const std::string name = temporary_name(made.name_, attempt);
    made.file_ = UniqueFd(
        ::openat(made.directory_.get(), name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    if (made.file_)
      made.temporary_ = name;
    else if (errno != EEXIST)
      return Errno{errno};
  }
  if (!made.file_)
    return Errno{EEXIST};
  return made;
}

NewFile::~NewFile() {
  if (directory_ && !temporary_.empty())
    ::unlinkat(directory_.get(), temporary_.c_str(), 0);
}

/// linkat(2) replaces no file; rename(2) does.
Status NewFile::link_temporary() {
  const std::string own = "/proc/self/fd/" + std::to_string(file_.get());
  for (int attempt = 0; attempt < most_attempts; ++attempt) {
    const std::string name = temporary_name(name_, attempt);
    if (::linkat(AT_FDCWD, own.c_str(), directory_.get(), name.c_str(), AT_SYMLINK_FOLLOW) == 0) {
      temporary_ = name;
      return Done{};
    }
    if (errno != EEXIST)
      return Errno{errno};
  }
  return Errno{EEXIST};
}

Status NewFile::commit() {
  if (::fsync(file_.get()) != 0)
    return Errno{errno};
  if (temporary_.empty())
    TINE_TRY(link_temporary());
  if (::renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_.c_str()) != 0)
    return Errno{errno};
  temporary_.clear();
  ::fsync(directory_.get()); // the name, too, is on disk
  return Done{};
}

} // namespace tine
