#include "fs/host_stream_pages.hpp"

#include "memory/mapping_registry.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tine::fs {

StreamPages::StreamPages(memory::FrameArena &frames, std::shared_ptr<StreamDescriptor> stream)
    : PageObject(frames), stream_(std::move(stream)) {
  stream_->pages = this;
  const int flags = ::fcntl(stream_->fd(), F_GETFL);
  if (flags >= 0 && (flags & O_APPEND) != 0 && (flags & O_ACCMODE) == O_RDWR) {
    const std::string link = std::string("/proc/self/fd/").append(std::to_string(stream_->fd()));
    writing_ = UniqueFd(::open(link.c_str(), O_WRONLY | O_CLOEXEC));
  }
}

StreamPages::~StreamPages() {
  (void)write_back(0, ~u64{0});
  stream_->pages = nullptr;
}

u64 StreamPages::size() const {
  struct stat status {};
  return ::fstat(stream_->fd(), &status) == 0 ? static_cast<u64>(status.st_size) : 0;
}

Status StreamPages::fill_pages(u64 first_index, std::span<std::byte> pages) {
  while (!pages.empty()) {
    const ssize_t count = ::pread(stream_->fd(), pages.data(), pages.size(),
                                  static_cast<off_t>(first_index << page_shift));
    if (count < 0)
      return Errno{EIO};
    // The rest is beyond the end of the file, and stays zero.
    const u64 filled = static_cast<u64>(count) >> page_shift;
    if (filled == 0)
      break;
    first_index += filled;
    pages = pages.subspan(filled << page_shift);
  }
  return Done{};
}

Ref<RefCounted> StreamPages::archive_head(Archive &archive, StreamPages *saved) {
  archive.fail("a mapped standard stream");
  return Ref<RefCounted>(saved);
}

Status StreamPages::write_back(u64 first, u64 count) {
  const u64 end = size();
  const int fd = writing_ ? writing_.get() : stream_->fd();
  for (auto at = dirty_.lower_bound(first); at != dirty_.end() && *at - first < count; ++at) {
    const u64 offset = *at << page_shift;
    const auto frame = present_page(*at);
    if (!frame || offset >= end)
      continue;
    const auto bytes = frames().bytes(*frame).first(std::min(page_size, end - offset));
    if (::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)) < 0)
      return Errno{errno};
    // The page stays dirty while it may be mapped writable: nothing tells of the next write.
  }
  return Done{};
}

void StreamPages::refresh(u64 offset, u64 length) {
  if (length == 0)
    return;
  for (u64 index = offset >> page_shift; index <= (offset + length - 1) >> page_shift; ++index)
    if (const auto frame = present_page(index))
      (void)fill_pages(index, frames().bytes(*frame));
}

Status StreamPages::truncate(u64 size) {
  // What is kept of the last page is read again.
  TINE_TRY(write_back(0, round_up_to_page(size) >> page_shift));
  memory::MappingRegistry::unmap_object_pages(*this, size >> page_shift);
  memory::MappingRegistry::unmap_truncated_pages(*this, round_up_to_page(size) >> page_shift);
  return drop_pages_from(size >> page_shift);
}

} // namespace tine::fs
