#include "box/code_store.hpp"

#include "cpu/kept_code.hpp"
#include "fs/host_files.hpp"

#include <algorithm>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <vector>

namespace tine::box {
namespace {

/// The oldest files go when all together are larger.
constexpr u64 most_bytes = u64{256} << 20;
/// Caches with more code are not kept: reading one should take milliseconds.
constexpr u64 most_code_bytes = u64{32} << 20;
/// A larger file takes so long to read that runs which use little of it are counted; after so many
/// in a row it goes, and what a program uses is translated again.
constexpr off_t large_file = off_t{4} << 20;
constexpr u32 most_wasted_runs = 8;
/// Fewer translated instructions are quicker to translate again than to write.
constexpr u64 fewest_instructions = 1000;

std::string default_directory() {
  const auto variable = [](const char *name) {
    const char *value = std::getenv(name);
    return std::string(value != nullptr && value[0] == '/' ? value : "");
  };
  std::string base = variable("XDG_CACHE_HOME");
  if (base.empty() && !variable("HOME").empty())
    base = variable("HOME") + "/.cache";
  return base.empty() ? "" : base + "/tine";
}

/// The caller's own, and nobody else may write it.
bool is_private(int fd, mode_t type) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == type &&
         status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

UniqueFd open_directory(const std::string &path) {
  if (path.empty())
    return {};
  // "If, when attempting to write a file, the destination directory is non-existent an attempt
  // should be made to create the destination directory with permission 0700" (XDG base directories)
  if (const std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0)
    ::mkdir(path.substr(0, slash).c_str(), 0700);
  ::mkdir(path.c_str(), 0700);
  UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory && !is_private(directory.get(), S_IFDIR))
    return {};
  return directory;
}

struct StoredFile {
  std::string name;
  timespec used{};
  u64 bytes = 0;
};

std::vector<StoredFile> stored_files(int directory) {
  std::vector<StoredFile> files;
  DIR *entries = ::fdopendir(::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (entries == nullptr)
    return files;
  while (const dirent *entry = ::readdir(entries)) {
    struct stat status {};
    if (::fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode))
      files.push_back({entry->d_name, status.st_mtim, static_cast<u64>(status.st_size)});
  }
  ::closedir(entries);
  return files;
}

/// Older files under a temporary name are of a tine that was killed while it wrote one.
constexpr time_t longest_write = 60; // seconds

/// "NAME.code.PID", as save() has it.
bool is_temporary(const std::string &name) {
  const std::size_t suffix = name.rfind(".code.");
  return suffix != std::string::npos &&
         name.find_first_not_of("0123456789", suffix + 6) == std::string::npos;
}

void remove_oldest(int directory) {
  std::vector<StoredFile> files = stored_files(directory);
  const time_t now = ::time(nullptr);
  std::erase_if(files, [&](const StoredFile &file) {
    return is_temporary(file.name) && now - file.used.tv_sec > longest_write &&
           ::unlinkat(directory, file.name.c_str(), 0) == 0;
  });
  std::sort(files.begin(), files.end(), [](const StoredFile &a, const StoredFile &b) {
    return std::pair(a.used.tv_sec, a.used.tv_nsec) > std::pair(b.used.tv_sec, b.used.tv_nsec);
  });
  u64 bytes = 0;
  for (const StoredFile &file : files)
    if ((bytes += file.bytes) > most_bytes)
      ::unlinkat(directory, file.name.c_str(), 0);
}

/// Which program in which state, and for which machine.
std::string name_of(const std::string &program, const struct stat &status, u64 machine_key) {
  std::string name = program.substr(program.rfind('/') + 1);
  for (char &c : name)
    if (c == '/' || c == '.' || static_cast<unsigned char>(c) <= ' ')
      c = '_';
  return fmt::format("{:.32}-{:x}-{:x}-{:x}-{:x}.{:x}-{:016x}.code", name, status.st_dev,
                     status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec,
                     machine_key);
}

} // namespace

CodeStore::CodeStore(const std::string &directory) {
  if (directory != "off")
    directory_ = open_directory(directory.empty() ? default_directory() : directory);
}

void CodeStore::load(cpu::Machine &machine, const std::string &name, fs::File &program) {
  const u64 key = directory_ ? cpu::kept_code_key(machine) : 0;
  if (key == 0)
    return;
  auto status = program.stat();
  if (!status)
    return;
  cpu::set_identify_object(machine, [](const memory::PageObject &object) {
    const auto *pages = dynamic_cast<const fs::HostPages *>(&object);
    return pages != nullptr ? pages->identity() : 0;
  });
  file_name_ = name_of(name, *status, key);
  const UniqueFd file(
      ::openat(directory_.get(), file_name_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!file || !is_private(file.get(), S_IFREG))
    return;
  if (is_wasteful(file.get())) {
    ::unlinkat(directory_.get(), file_name_.c_str(), 0);
    return;
  }
  is_loaded_ = cpu::load_code(machine, file.get());
  if (is_loaded_)
    ::futimens(file.get(), nullptr); // used now: remove_oldest() takes others first
}

bool CodeStore::is_wasteful(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 && status.st_size >= large_file &&
         cpu::wasted_runs(file) >= most_wasted_runs;
}

/// In the file of that name, which may be another by now: it is a guess that counts, not a number.
void CodeStore::count_run(const cpu::Machine &machine) const {
  const UniqueFd file(
      ::openat(directory_.get(), file_name_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (file && is_private(file.get(), S_IFREG))
    static_cast<void>(cpu::count_run(machine, file.get()));
}

void CodeStore::save(cpu::Machine &machine) const {
  const cpu::CpuCounters counters = machine.counters();
  if (file_name_.empty())
    return;
  if (counters.instructions_translated < fewest_instructions || counters.cache_flushes != 0 ||
      counters.code_bytes > most_code_bytes) {
    if (is_loaded_)
      count_run(machine);
    return;
  }
  const std::string temporary = fmt::format("{}.{}", file_name_, ::getpid());
  const UniqueFd file(::openat(directory_.get(), temporary.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file)
    return;
  if (!cpu::save_code(machine, file.get()) ||
      ::renameat(directory_.get(), temporary.c_str(), directory_.get(), file_name_.c_str()) != 0)
    ::unlinkat(directory_.get(), temporary.c_str(), 0);
  remove_oldest(directory_.get());
}

} // namespace tine::box
