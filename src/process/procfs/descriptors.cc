// /proc/PID/fd and fdinfo.
#include "fs/epoll.hpp"
#include "fs/event_files.hpp"
#include "process/pid_file.hpp"
#include "process/procfs/subject.hpp"

#include <charconv>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>

namespace tine::process {
namespace {

/// A descriptor as a name: decimal, without sign or leading zeros. -1 if it isn't one.
int descriptor_of(std::string_view name) {
  int fd = -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), fd);
  if (error != std::errc{} || end != name.data() + name.size() || name.front() == '-' ||
      (name.size() > 1 && name.front() == '0'))
    return -1;
  return fd;
}

Result<fs::Descriptor> descriptor(const Subject &subject, int fd) {
  const Thread &thread = *TINE_TRY(subject.thread());
  if (fd < 0 || !thread.files)
    return Errno{ENOENT};
  Result<fs::Descriptor> found = thread.files->descriptor(fd);
  return found ? found : Errno{ENOENT};
}

std::string lines_of_pidfd(const Subject &subject, const PidFile &file) {
  const i32 number = file.is_reaped() ? -1 : subject.shown(file.id());
  return fmt::format("Pid:\t{}\nNSpid:\t{}\n", number, number);
}

std::string lines_of_timer(const fs::TimerFile &file) {
  constexpr Nanoseconds second = 1'000'000'000;
  const fs::TimerFile::Setting left = file.remaining();
  return fmt::format("clockid: {}\nticks: {}\nsettime flags: 00\nit_value: ({}, {})\n"
                     "it_interval: ({}, {})\n",
                     file.clock(), file.expirations(), left.value / second, left.value % second,
                     left.interval / second, left.interval % second);
}

/// proc(5), /proc/pid/fdinfo: what else is said of epoll sets, eventfds, signalfds, timerfds and
/// pidfds.
std::string lines_of_kind(const Subject &subject, const fs::File &file) {
  if (const auto *event = dynamic_cast<const fs::EventFile *>(&file))
    return fmt::format("eventfd-count: {:16x}\neventfd-id: 0\neventfd-semaphore: {}\n",
                       event->count(), event->is_semaphore() ? 1 : 0);
  if (const auto *signals = dynamic_cast<const fs::SignalFile *>(&file))
    return fmt::format("sigmask:\t{:016x}\n", signals->mask());
  if (const auto *timer = dynamic_cast<const fs::TimerFile *>(&file))
    return lines_of_timer(*timer);
  if (const auto *epoll = dynamic_cast<const fs::EpollFile *>(&file))
    return epoll->information();
  const auto *pidfd = dynamic_cast<const PidFile *>(&file);
  return pidfd != nullptr ? lines_of_pidfd(subject, *pidfd) : std::string();
}

Result<std::string> fdinfo_text(const Subject &subject, int fd) {
  const fs::Descriptor found = TINE_TRY(descriptor(subject, fd));
  fs::File &file = *found.file;
  const u32 flags = file.status_flags() | (found.close_on_exec ? u32{O_CLOEXEC} : 0);
  const fs::Path *place = file.place();
  const u64 mount = place && place->mount ? place->mount->id : 0;
  const Result<struct stat> status = file.stat();
  constexpr u32 large_file = 0100000; // of x86-64's kernel, which open(2) adds
  return fmt::format("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n", file.offset,
                     flags | (place ? large_file : 0), mount, status ? status->st_ino : 0) +
         lines_of_kind(subject, file);
}

u32 link_mode(const fs::File &file) {
  return S_IXUSR | (file.is_readable() ? S_IRUSR : 0U) | (file.is_writable() ? S_IWUSR : 0U);
}

Result<Ref<fs::Inode>> make_descriptor_directory(fs::PseudoFs &fs, const Subject &subject,
                                                 fs::PseudoAttributes attributes, u32 entry_type,
                                                 fs::PseudoDirectory::Lookup lookup) {
  Ref<fs::PseudoDirectory> directory = fs.directory(attributes);
  directory->set_dynamic(
      std::move(lookup), [subject, entry_type]() -> Result<std::vector<fs::DirectoryEntry>> {
        std::vector<fs::DirectoryEntry> list;
        const Result<Thread *> thread = subject.thread();
        if (!thread || !(*thread)->files)
          return list;
        for (const int fd : (*thread)->files->open_descriptors())
          list.push_back({static_cast<u64>(fd) + 1, 0, static_cast<u8>(IFTODT(entry_type)),
                          fmt::format("{}", fd)});
        return list;
      });
  return Ref<fs::Inode>(std::move(directory));
}

} // namespace

Result<Ref<fs::Inode>> make_fd(fs::PseudoFs &fs, const Subject &subject,
                               fs::PseudoAttributes attributes) {
  return make_descriptor_directory(fs, subject, attributes, S_IFLNK,
                                   [&fs, subject](std::string_view name) -> Result<Ref<fs::Inode>> {
                                     const int fd = descriptor_of(name);
                                     const fs::Descriptor found = TINE_TRY(descriptor(subject, fd));
                                     fs::PseudoAttributes link = owner_of(subject);
                                     link.mode = link_mode(*found.file);
                                     return fs.file_link(
                                         link, [subject, fd]() -> Result<Ref<fs::File>> {
                                           return TINE_TRY(descriptor(subject, fd)).file;
                                         });
                                   });
}

Result<Ref<fs::Inode>> make_fdinfo(fs::PseudoFs &fs, const Subject &subject,
                                   fs::PseudoAttributes attributes) {
  return make_descriptor_directory(fs, subject, attributes, S_IFREG,
                                   [&fs, subject](std::string_view name) -> Result<Ref<fs::Inode>> {
                                     const int fd = descriptor_of(name);
                                     TINE_TRY(descriptor(subject, fd));
                                     fs::PseudoAttributes file = owner_of(subject);
                                     file.mode = 0400;
                                     return fs.file(
                                         file, [subject, fd] { return fdinfo_text(subject, fd); });
                                   });
}

} // namespace tine::process
