#include "fs/host_file.hpp"

#include <fcntl.h>

namespace tine::fs {

FileMapping::FileMapping(const Path &place, Ref<memory::PageObject> pages)
    : place_(place), pages_(std::move(pages)) {
  if (const Result<Attributes> attributes = place_.dentry->inode()->attributes()) {
    device_ = attributes->device;
    inode_ = attributes->inode;
  }
}

std::string FileMapping::path() const {
  return path_name(place_, {});
}

Result<u64> HostFile::read_at(memory::IoBuffer &to, u64 at) {
  if (const Ref<HostPages> pages = host_->cached_pages())
    TINE_TRY(pages->write_back(0, ~u64{0}));
  return host_->read_at(to, at);
}

Result<u64> HostFile::write_at(memory::IoBuffer &from, u64 at) {
  u64 done = 0;
  while (from.remaining() > 0) {
    const auto piece = from.window(memory::Access::read);
    if (!piece)
      return done > 0 ? Result<u64>(done) : piece.error();
    const Result<u64> count = host_->write_at(*piece, at + done);
    if (!count)
      return done > 0 ? Result<u64>(done) : count.error();
    from.advance(*count);
    if (const Ref<HostPages> pages = host_->cached_pages())
      pages->refresh(at + done, *count);
    done += *count;
    if (*count < piece->size())
      break;
  }
  return done;
}

Status HostFile::allocate(int mode, u64 at, u64 length) {
  const int fd = TINE_TRY(host_->write_descriptor());
  if (::fallocate(fd, mode, static_cast<off_t>(at), static_cast<off_t>(length)) != 0)
    return Errno{errno};
  if (const Ref<HostPages> pages = host_->cached_pages())
    pages->refresh(at, length);
  return Done{};
}

Status HostFile::sync() {
  if (const Ref<HostPages> pages = host_->cached_pages())
    TINE_TRY(pages->write_back(0, ~u64{0}));
  if (is_writable() && ::fsync(TINE_TRY(host_->write_descriptor())) != 0)
    return Errno{errno};
  return Done{};
}

Result<Ref<memory::MappedFile>> HostFile::map() {
  return Ref<memory::MappedFile>(make_ref<FileMapping>(place_, TINE_TRY(host_->pages())));
}

u64 HostFile::next_data(u64 from, u64 end) {
  const Result<int> fd = host_->read_descriptor();
  const off_t found = fd ? ::lseek(*fd, static_cast<off_t>(from), SEEK_DATA) : off_t{-1};
  return found < 0 ? end : static_cast<u64>(found);
}

u64 HostFile::next_hole(u64 from, u64 end) {
  const Result<int> fd = host_->read_descriptor();
  const off_t found = fd ? ::lseek(*fd, static_cast<off_t>(from), SEEK_HOLE) : off_t{-1};
  return found < 0 ? end : static_cast<u64>(found);
}

} // namespace tine::fs
