#include "memory/host_range.hpp"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 // since Linux 5.14
#endif

namespace tine::memory {
namespace {
constexpr u64 huge_page = u64{2} << 20;
} // namespace

Result<HostRange> HostRange::reserve(u64 bytes, Pages pages) {
  const u64 length = bytes + huge_page;
  void *const place =
      ::mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED)
    return Errno{ENOMEM};
  auto *const start = static_cast<std::byte *>(place);
  const u64 skip = (huge_page - reinterpret_cast<u64>(start) % huge_page) % huge_page;
  if (skip > 0)
    ::munmap(start, skip);
  ::munmap(start + skip + bytes, huge_page - skip);
  HostRange range;
  range.base_ = start + skip;
  range.bytes_ = bytes;
  if (pages == Pages::huge)
    ::madvise(range.base_, bytes, MADV_HUGEPAGE); // a hint: the host may have none
  ::madvise(range.base_, bytes, MADV_DONTDUMP);
  return range;
}

HostRange::~HostRange() {
  if (base_)
    ::munmap(base_, bytes_);
}

Status HostRange::make_accessible(u64 offset, u64 bytes) {
  if (::mprotect(base_ + offset, bytes, PROT_READ | PROT_WRITE) != 0)
    return Errno{ENOMEM};
  return Done{};
}

Status HostRange::commit(u64 offset, u64 bytes) {
  TINE_TRY(make_accessible(offset, bytes));
  if (::madvise(base_ + offset, bytes, MADV_POPULATE_WRITE) == 0)
    return Done{};
  if (errno == EINVAL) { // an older host: touch each page
    for (u64 at = offset; at < offset + bytes; at += page_size)
      *static_cast<volatile std::byte *>(base_ + at) = std::byte{0};
    return Done{};
  }
  ::madvise(base_ + offset, bytes, MADV_DONTNEED);
  ::mprotect(base_ + offset, bytes, PROT_NONE);
  return Errno{ENOMEM};
}

void HostRange::give_back(u64 offset, u64 bytes) {
  ::madvise(base_ + offset, bytes, MADV_DONTNEED);
}

} // namespace tine::memory
