// /proc/locks.
#include "process/procfs/subject.hpp"

#include "fs/locks.hpp"
#include "process/namespaces.hpp"

#include <fmt/format.h>
#include <set>
#include <sys/sysmacros.h>

namespace tine::process {
namespace {

struct LockedFile {
  Ref<fs::LockList> locks;
  struct stat status {};
};

/// The files with locks that a process has open: whoever holds a lock has.
std::vector<LockedFile> locked_files(const Kernel &kernel) {
  std::vector<LockedFile> files;
  std::set<const fs::LockList *> known;
  for (const auto &[pid, process] : kernel.processes())
    for (const Ref<Thread> &thread : process->threads) {
      if (!thread->files)
        continue;
      for (const int fd : thread->files->open_descriptors()) {
        const Ref<fs::File> file = *thread->files->get(fd);
        Ref<fs::LockList> locks = fs::LockList::of(*file, false);
        const Result<struct stat> status = file->stat();
        if (locks && status && known.insert(locks.get()).second)
          files.push_back({std::move(locks), *status});
      }
    }
  return files;
}

std::string range_text(const fs::LockRange &range) {
  return range.last == ~u64{0} ? fmt::format("{} EOF", range.first)
                               : fmt::format("{} {}", range.first, range.last);
}

/// -1 for a description's lock; 0 for a process that the reader doesn't see.
i32 shown_holder(const Kernel &kernel, Pid pid) {
  const Thread *reader = current_thread(kernel);
  return pid.value < 0 || reader == nullptr ? pid.value : shown_pid(*reader, pid).value;
}

} // namespace

std::string locks_text(const Kernel &kernel) {
  std::string text;
  int number = 0;
  for (const LockedFile &file : locked_files(kernel)) {
    const auto line = [&](const char *kind, const char *rule, const char *mode, Pid pid,
                          const fs::LockRange &range) {
      text += fmt::format("{}: {:<6} {:<9} {:<5} {} {:02x}:{:02x}:{} {}\n", ++number, kind, rule,
                          mode, shown_holder(kernel, pid), major(file.status.st_dev),
                          minor(file.status.st_dev), file.status.st_ino, range_text(range));
    };
    for (const fs::HeldLock &lock : file.locks->held())
      line(lock.pid.value < 0 ? "OFDLCK" : "POSIX", "ADVISORY", lock.exclusive ? "WRITE" : "READ",
           lock.pid, lock.range);
    for (const fs::HeldLock &lock : file.locks->held_whole())
      line("FLOCK", "ADVISORY", lock.exclusive ? "WRITE" : "READ", lock.pid, {});
    for (const fs::Lease &lease : file.locks->leases().held())
      line("LEASE", lease.target == lease.type ? "ACTIVE" : "BREAKING",
           lease.target == F_WRLCK   ? "WRITE"
           : lease.target == F_RDLCK ? "READ"
                                     : "UNLCK",
           lease.holder->async->owner.id, {});
  }
  return text;
}

} // namespace tine::process
