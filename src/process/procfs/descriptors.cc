// /proc/PID/fd and fdinfo.
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

Result<std::string> fdinfo_text(const Subject &subject, int fd) {
  const fs::Descriptor found = TINE_TRY(descriptor(subject, fd));
  fs::File &file = *found.file;
  const u32 flags = file.status_flags() | (found.close_on_exec ? u32{O_CLOEXEC} : 0);
  const fs::Path *place = file.place();
  const u64 mount = place && place->mount ? place->mount->id : 0;
  const Result<struct stat> status = file.stat();
  return fmt::format("pos:\t{}\nflags:\t0{:o}\nmnt_id:\t{}\nino:\t{}\n", file.offset, flags, mount,
                     status ? status->st_ino : 0);
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
