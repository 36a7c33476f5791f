#include "fs/host_files.hpp"

#include "fs/host_file.hpp"
#include "fs/plain_files.hpp"
#include "memory/mapping_registry.hpp"

#include <dirent.h>
#include <fcntl.h>

namespace tine::fs {
HostInode::HostInode(Ref<HostFs> host, const struct stat &status, Ref<HostInode> parent,
                     std::string name)
    : Inode(status.st_mode & S_IFMT), host_(std::move(host)), parent_(std::move(parent)),
      name_(std::move(name)), host_device_(status.st_dev), host_inode_(status.st_ino) {
  remember(status);
}

HostInode::~HostInode() {
  host_->files_->descriptor_gone(*this);
  const auto known = host_->inodes_.find({host_device_, host_inode_});
  if (known != host_->inodes_.end() && known->second == this)
    host_->inodes_.erase(known);
}

void HostInode::remember(const struct stat &status) {
  remembered_ = from_stat(status);
}

bool HostInode::is_same(const struct stat &status) const {
  return status.st_dev == host_device_ && status.st_ino == host_inode_ &&
         (status.st_mode & S_IFMT) == type();
}

void HostInode::close_descriptors() {
  directory_ = UniqueFd();
  reading_ = UniqueFd();
}

/// Opens the file by the name that is remembered; ESTALE if another file has it by now.
Result<UniqueFd> HostInode::open_again(int flags) {
  flags |= O_CLOEXEC | O_NOFOLLOW;
  UniqueFd fd;
  if (parent_) {
    const int directory = TINE_TRY(parent_->directory_descriptor());
    fd = UniqueFd(::openat(directory, name_.c_str(), flags));
  } else if (is_directory()) {
    fd = UniqueFd(::openat(host_->root_.get(), ".", flags));
  } else {
    // A bind of a single file: its O_PATH descriptor is opened by its link in the host's /proc.
    const std::string link =
        std::string("/proc/self/fd/").append(std::to_string(host_->root_.get()));
    fd = UniqueFd(::open(link.c_str(), flags & ~O_NOFOLLOW));
  }
  if (!fd)
    return Errno{errno};
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return Errno{errno};
  if (!is_same(status))
    return Errno{ESTALE};
  return fd;
}

Result<int> HostInode::directory_descriptor() {
  if (!parent_)
    return host_->root_.get();
  if (!directory_)
    directory_ = TINE_TRY(open_again(O_PATH | O_DIRECTORY));
  host_->files_->descriptor_used(*this);
  return directory_.get();
}

Result<int> HostInode::read_descriptor() {
  if (!reading_)
    reading_ = TINE_TRY(open_again(O_RDONLY | O_NONBLOCK | O_NOCTTY));
  host_->files_->descriptor_used(*this);
  return reading_.get();
}

/// Stays open until the inode goes: what was opened for writing must stay so whatever becomes of
/// the mode.
Result<int> HostInode::write_descriptor() {
  if (!host_->is_writable())
    return Errno{EROFS};
  if (!writing_)
    writing_ = TINE_TRY(open_again(O_WRONLY | O_NONBLOCK | O_NOCTTY));
  return writing_.get();
}

Result<Attributes> HostInode::attributes() {
  struct stat status {};
  int result = 0;
  if (reading_ || writing_ || directory_)
    result = ::fstat(reading_   ? reading_.get()
                     : writing_ ? writing_.get()
                                : directory_.get(),
                     &status);
  else if (!parent_)
    result = ::fstat(host_->root_.get(), &status);
  else
    result = ::fstatat(TINE_TRY(parent_->directory_descriptor()), name_.c_str(), &status,
                       AT_SYMLINK_NOFOLLOW);
  if (result != 0)
    return Errno{errno};
  if (!is_same(status))
    return Errno{ESTALE};
  remember(status);
  return remembered_;
}

Result<Ref<HostInode>> HostInode::host_lookup(std::string_view name) {
  if (!is_directory())
    return Errno{ENOTDIR};
  const int directory = TINE_TRY(directory_descriptor());
  std::string text(name);
  struct stat status {};
  if (::fstatat(directory, text.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return Errno{errno};
  return host_->inode(status, Ref<HostInode>(this), std::move(text));
}

Result<Ref<Inode>> HostInode::lookup(std::string_view name) {
  return Ref<Inode>(TINE_TRY(host_lookup(name)));
}

Result<std::vector<DirectoryEntry>> HostInode::list() {
  UniqueFd fd = TINE_TRY(open_again(O_RDONLY | O_DIRECTORY));
  DIR *stream = ::fdopendir(fd.get());
  if (!stream)
    return Errno{errno};
  (void)fd.release();
  std::vector<DirectoryEntry> entries;
  while (const dirent *entry = ::readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..")
      entries.push_back({entry->d_ino, 0, entry->d_type, std::string(name)});
  }
  ::closedir(stream);
  return entries;
}

Result<std::string> HostInode::read_link() {
  if (!parent_)
    return Errno{EINVAL};
  const int directory = TINE_TRY(parent_->directory_descriptor());
  std::string target(4096, '\0');
  const ssize_t length = ::readlinkat(directory, name_.c_str(), target.data(), target.size());
  if (length < 0)
    return Errno{errno};
  target.resize(static_cast<std::size_t>(length));
  return target;
}

Result<u64> HostInode::read_at(memory::IoBuffer &to, u64 offset) {
  const int fd = TINE_TRY(read_descriptor());
  u64 done = 0;
  while (to.remaining() > 0) {
    const auto piece = to.window(memory::Access::write);
    if (!piece)
      return done > 0 ? Result<u64>(done) : piece.error();
    const ssize_t count =
        ::pread(fd, piece->data(), piece->size(), static_cast<off_t>(offset + done));
    if (count < 0)
      return done > 0 ? Result<u64>(done) : Errno{errno};
    done += static_cast<u64>(count);
    to.advance(static_cast<u64>(count));
    if (static_cast<u64>(count) < piece->size())
      break;
  }
  return done;
}

Result<u64> HostInode::read_at(std::span<std::byte> to, u64 offset) {
  memory::IoBuffer buffer(to);
  return read_at(buffer, offset);
}

Result<u64> HostInode::write_at(std::span<const std::byte> from, u64 offset) {
  const int fd = TINE_TRY(write_descriptor());
  u64 done = 0;
  while (done < from.size()) {
    const ssize_t count =
        ::pwrite(fd, from.data() + done, from.size() - done, static_cast<off_t>(offset + done));
    if (count < 0)
      return done > 0 ? Result<u64>(done) : Errno{errno};
    done += static_cast<u64>(count);
  }
  return done;
}

Result<Ref<HostPages>> HostInode::pages() {
  if (!host_->is_writable())
    return host_->files_->pages(*this);
  const u64 size = TINE_TRY(attributes()).size;
  Ref<HostPages> pages(pages_);
  if (!pages) {
    pages = make_ref<HostPages>(host_->files_->frames(), Ref<HostInode>(this),
                                HostFileKey{host_device_, host_inode_, size, 0, 0});
    pages_ = pages.get();
  }
  pages->set_size(size);
  return pages;
}

Result<Ref<File>> HostInode::open(const Path &path, u32 flags, const Credentials &) {
  if (is_directory())
    return Ref<File>(make_ref<DirectoryFile>(path, flags));
  if (type() != S_IFREG)
    return Errno{ENXIO};
  const u32 mode = flags & O_ACCMODE;
  if (mode != O_WRONLY)
    TINE_TRY(read_descriptor());
  if (mode != O_RDONLY)
    TINE_TRY(write_descriptor());
  return Ref<File>(make_ref<HostFile>(path, flags, Ref<HostInode>(this)));
}

Status HostInode::truncate(u64 size) {
  if (pages_) {
    // What is kept of the last page is read again.
    TINE_TRY(pages_->write_back(0, round_up_to_page(size) >> page_shift));
    memory::MappingRegistry::unmap_object_pages(*pages_, size >> page_shift);
    memory::MappingRegistry::unmap_truncated_pages(*pages_, round_up_to_page(size) >> page_shift);
    TINE_TRY(pages_->drop_pages_from(size >> page_shift));
    pages_->set_size(size);
  }
  return host_status(::ftruncate(TINE_TRY(write_descriptor()), static_cast<off_t>(size)));
}

} // namespace tine::fs
