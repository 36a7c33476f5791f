// mmap(2) and the other calls that change the mappings: decode, check what only the descriptor
// knows, call AddressSpace.
#include "syscall/file_support.hpp"
#include "syscall/handlers.hpp"

#include "fs/memory_fs.hpp"

#include <algorithm>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/mman.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif

namespace tine::syscall {
namespace {
using memory::MapRequest;
using memory::Protection;

/// asm-generic/mman-common.h; sys/mman.h names only some of them.
constexpr u32 prot_sem = 0x8;
constexpr u32 prot_grows_down = 0x01000000;
constexpr u32 prot_grows_up = 0x02000000;
constexpr u32 map_type_mask = 0x0f;
/// What MAP_SHARED_VALIDATE knows ("fail with EOPNOTSUPP if an unknown flag is passed").
constexpr u32 known_map_flags = map_type_mask | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT |
                                MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED |
                                MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |
                                MAP_HUGETLB | MAP_FIXED_NOREPLACE;

Protection decode_protection(u32 prot) {
  return {.read = (prot & PROT_READ) != 0,
          .write = (prot & PROT_WRITE) != 0,
          .execute = (prot & PROT_EXEC) != 0};
}

/// The process's limits, as they are now.
void refresh_limits(Call &call) {
  const auto &limits = call.process.limits;
  call.memory.limits() = {.address_space = limits[RLIMIT_AS].current,
                          .data = limits[RLIMIT_DATA].current,
                          .stack = limits[RLIMIT_STACK].current};
}

/// F_SEAL_WRITE, F_SEAL_FUTURE_WRITE: "trying to create new shared, writable memory-mappings via
/// mmap(2) will also fail with EPERM"; a read-only one can't be made writable later.
Status obey_seals(const Ref<fs::File> &file, MapRequest &request) {
  const auto memory_file = ref_cast<fs::MemoryFile>(file);
  if (!memory_file ||
      (memory_file->memory_inode()->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) == 0)
    return Done{};
  if (request.protection.write)
    return Errno{EPERM};
  request.may_write = false;
  return Done{};
}

/// EACCES: "A file descriptor refers to a non-regular file"; "a file mapping was requested, but fd
/// is not open for reading"; "MAP_SHARED was requested and PROT_WRITE is set, but fd is not open in
/// read/write mode". ENODEV: the file can't be mapped.
Status take_file(Call &call, int fd, MapRequest &request) {
  const Ref<fs::File> file = TINE_TRY(file_of(call, fd));
  TINE_TRY(call.memory.check_request(request)); // no place, whatever the file is
  // "EOVERFLOW": the pages' numbers don't fit, where an offset is a signed number of bytes.
  constexpr u64 largest_offset = ~u64{0} >> 1;
  if (request.object_offset > largest_offset ||
      round_up_to_page(request.length) > largest_offset - request.object_offset)
    return Errno{EOVERFLOW};
  if (!file->is_readable())
    return Errno{EACCES};
  if (request.shared && request.protection.write && !file->is_writable())
    return Errno{EACCES};
  request.may_write = !request.shared || file->is_writable();
  if (request.shared)
    TINE_TRY(obey_seals(file, request));
  if (file->maps_as_anonymous())
    request.object_offset = 0;
  else if (request.length != 0)
    request.file = TINE_TRY(file->map());
  return Done{};
}

/// "EPERM: MAP_LOCKED" without privilege where RLIMIT_MEMLOCK is zero; "EAGAIN: too much memory has
/// been locked".
Status check_lock_of_new(const Call &call, u64 length, bool asked) {
  if ((!asked && !call.memory.locks_future()) || call.thread.credentials.capable(CAP_IPC_LOCK))
    return Done{};
  const u64 limit = call.process.limits[RLIMIT_MEMLOCK].current;
  if (asked && limit == 0)
    return Errno{EPERM};
  return call.memory.locked_bytes() + length > limit ? Status(Errno{EAGAIN}) : Status(Done{});
}
} // namespace

SyscallResult sys_mmap(Call &call, GuestAddress address, u64 length, u32 prot, u32 flags, int fd,
                       i64 offset) {
  const u32 type = flags & map_type_mask;
  const bool anonymous = (flags & MAP_ANONYMOUS) != 0;
  const bool droppable = type == MAP_DROPPABLE && anonymous;
  if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE && !droppable)
    return Errno{EINVAL};
  // "A locked or stack area makes no sense to be droppable", nor do huge pages (Linux's do_mmap).
  if (droppable && (flags & (MAP_LOCKED | MAP_GROWSDOWN | MAP_HUGETLB)) != 0)
    return Errno{EINVAL};
  if (type == MAP_SHARED_VALIDATE && (flags & ~known_map_flags) != 0)
    return Errno{EOPNOTSUPP};
  if (static_cast<u64>(offset) & page_mask)
    return Errno{EINVAL};
  MapRequest request;
  request.address = address;
  request.length = length;
  request.protection = decode_protection(prot);
  request.fixed = (flags & MAP_FIXED) != 0;
  request.fixed_no_replace = (flags & MAP_FIXED_NOREPLACE) != 0;
  request.shared = type != MAP_PRIVATE && !droppable;
  request.droppable = droppable;
  request.grows_down = (flags & MAP_GROWSDOWN) != 0;
  request.no_reserve = (flags & MAP_NORESERVE) != 0;
  request.populate = (flags & MAP_POPULATE) != 0 && (flags & MAP_NONBLOCK) == 0;
  request.below_4g = (flags & MAP_32BIT) != 0;
  request.object_offset = anonymous ? 0 : static_cast<u64>(offset);
  if (type == MAP_SHARED_VALIDATE && anonymous)
    return Errno{EINVAL}; // only a file can know what it supports
  if (!anonymous)
    TINE_TRY(take_file(call, fd, request));
  if (request.grows_down && (request.shared || request.file))
    return Errno{EINVAL};
  if ((flags & MAP_HUGETLB) != 0)
    return Errno{request.file ? EINVAL : ENOMEM};
  TINE_TRY(check_lock_of_new(call, length, (flags & MAP_LOCKED) != 0));
  refresh_limits(call);
  const GuestAddress place = TINE_TRY(call.memory.map(request));
  if ((flags & MAP_LOCKED) != 0)
    (void)call.memory.lock(
        place, length,
        memory::AddressSpace::Lock::now); // "mmap() doesn't fail if ... can't be locked"
  return place.value;
}

SyscallResult sys_munmap(Call &call, GuestAddress address, u64 length) {
  return call.memory.unmap(address, length);
}

SyscallResult sys_mprotect(Call &call, GuestAddress address, u64 length, u32 prot) {
  const u32 known = PROT_READ | PROT_WRITE | PROT_EXEC | prot_sem | prot_grows_down | prot_grows_up;
  const bool grows_down = (prot & prot_grows_down) != 0;
  if ((prot & ~known) != 0 || (grows_down && (prot & prot_grows_up) != 0))
    return Errno{EINVAL};
  if (grows_down || (prot & prot_grows_up) != 0) {
    // "PROT_GROWSDOWN: Apply the protection mode down to the beginning of a mapping that grows
    // downward".
    const auto mapping = call.memory.mapping_at(address);
    if (!address.is_page_aligned() || !mapping || !mapping->grows_down || !grows_down)
      return Errno{EINVAL};
    const GuestAddress start = address_of(mapping->range.first);
    length += address - start;
    address = start;
  }
  refresh_limits(call);
  return call.memory.protect(address, length, decode_protection(prot));
}

SyscallResult sys_pkey_mprotect(Call &call, GuestAddress address, u64 length, u32 prot, int key) {
  // "If pkey is -1, then pkey_mprotect() is the same as mprotect"; no other key is ever allocated.
  if (key != -1)
    return Errno{EINVAL};
  return sys_mprotect(call, address, length, prot);
}

SyscallResult sys_pkey_alloc(Call &, u64 flags, u64 rights) {
  if (flags != 0 || rights > 3)
    return Errno{EINVAL};
  return Errno{ENOSPC}; // "the processor or the kernel has no support for protection keys"
}

SyscallResult sys_pkey_free(Call &, int) {
  return Errno{EINVAL};
}

SyscallResult sys_mremap(Call &call, GuestAddress old_address, u64 old_length, u64 new_length,
                         u64 flags, GuestAddress new_address) {
  if (flags > 7)
    return Errno{EINVAL};
  refresh_limits(call);
  return call.memory.remap(old_address, old_length, new_length, static_cast<int>(flags),
                           new_address);
}

SyscallResult sys_madvise(Call &call, GuestAddress address, u64 length, int advice) {
  return call.memory.advise(address, length, advice);
}

SyscallResult sys_brk(Call &call, GuestAddress address) {
  refresh_limits(call);
  return call.memory.set_break(address).value;
}

SyscallResult sys_mincore(Call &call, GuestAddress address, u64 length, GuestAddress vector) {
  constexpr u64 chunk = u64{1} << 28; // bytes of memory a time: 64 Ki pages
  if (!address.is_page_aligned())
    return Errno{EINVAL};
  if (length > user_address_limit || address.value > user_address_limit - length)
    return Errno{ENOMEM};
  while (length > 0) {
    const u64 part = std::min(length, chunk);
    const std::vector<u8> resident = TINE_TRY(call.memory.resident_pages(address, part));
    TINE_TRY(call.memory.write(vector, std::as_bytes(std::span(resident))));
    vector = vector + resident.size();
    address = address + part;
    length -= part;
  }
  return Done{};
}

SyscallResult sys_msync(Call &call, GuestAddress address, u64 length, u64 flags) {
  if (flags > 7)
    return Errno{EINVAL};
  return call.memory.sync(address, length, static_cast<int>(flags));
}

/// "This system call is deprecated": Linux, too, makes it a new mapping of the same object.
SyscallResult sys_remap_file_pages(Call &call, GuestAddress start, u64 length, u32 prot,
                                   u64 page_offset, u64) {
  const GuestAddress address{round_down_to_page(start.value)};
  const u64 bytes = round_down_to_page(length);
  if (prot != 0 || bytes == 0 || address.value + bytes < address.value ||
      page_offset + (bytes >> page_shift) < page_offset || page_offset >> (64 - page_shift) != 0)
    return Errno{EINVAL};
  const auto mapping = call.memory.mapping_at(address);
  if (!mapping || !mapping->shared || address_of(mapping->range.end()) - address < bytes)
    return Errno{EINVAL};
  MapRequest request;
  request.address = address;
  request.length = bytes;
  request.protection = mapping->protection;
  request.fixed = true;
  request.shared = true;
  request.may_write = mapping->may_write;
  request.file = mapping->file;
  request.object = mapping->object;
  request.object_offset = page_offset << page_shift;
  request.name = mapping->name;
  const auto place = call.memory.map(request);
  return place ? SyscallResult(0) : SyscallResult(place.error());
}

} // namespace tine::syscall
