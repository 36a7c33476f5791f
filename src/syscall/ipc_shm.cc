// System V shared memory: shmget(2), shmop(2), shmctl(2).
#include "process/namespaces.hpp"
#include "syscall/handlers.hpp"

#include "process/ipc/ipc_namespace.hpp"

#include <linux/capability.h>

namespace tine::syscall {
namespace {

using process::SegmentEntry;
using process::SharedMemory;

SharedMemory &shared_memory(Call &call) {
  return process::ipc_of(call.thread).shared_memory;
}

/// EINVAL.
Result<SegmentEntry *> segment(Call &call, int id) {
  SegmentEntry *found = shared_memory(call).segments().find(id);
  return found != nullptr ? Result<SegmentEntry *>(found) : Errno{EINVAL};
}

/// Of SHM_STAT: by index. EINVAL.
Result<SegmentEntry *> segment_at(Call &call, int index) {
  SegmentEntry *found = shared_memory(call).segments().at_index(index);
  return found != nullptr ? Result<SegmentEntry *>(found) : Errno{EINVAL};
}

SyscallResult put_shm_state(Call &call, SegmentEntry &entry, GuestAddress address, i32 result,
                            bool check) {
  if (check)
    TINE_TRY(entry.permissions.check(call.thread.credentials, 0444));
  TINE_TRY(call.memory.write_object(address, entry.to_guest()));
  return result;
}

SyscallResult set_shm_state(Call &call, SegmentEntry &entry, GuestAddress address) {
  const auto wanted = TINE_TRY(call.memory.read_object<shmid_ds>(address));
  TINE_TRY(entry.permissions.check_owner(call.thread.credentials));
  TINE_TRY(entry.permissions.set(wanted.shm_perm));
  entry.change_time = process::ipc_now();
  return 0;
}

/// "The caller can … lock": the owner within RLIMIT_MEMLOCK, or CAP_IPC_LOCK. Nothing is swapped.
SyscallResult set_locked(Call &call, SegmentEntry &entry, bool locked) {
  const fs::Credentials &who = call.thread.credentials;
  if (!who.capable(CAP_IPC_LOCK)) {
    if (who.euid != entry.permissions.uid && who.euid != entry.permissions.creator_uid)
      return Errno{EPERM};
    if (locked && call.process.limit(RLIMIT_MEMLOCK) == 0)
      return Errno{EPERM};
  }
  if (locked)
    entry.permissions.mode |= SHM_LOCKED;
  else
    entry.permissions.mode &= ~u32{SHM_LOCKED};
  return 0;
}

SyscallResult put_shm_limits(Call &call, GuestAddress address) {
  SharedMemory &all = shared_memory(call);
  shminfo info{};
  info.shmmax = all.limits.largest_segment;
  info.shmmin = 1;
  info.shmmni = info.shmseg = all.limits.segments;
  info.shmall = all.limits.total_pages;
  TINE_TRY(call.memory.write_object(address, info));
  return all.segments().highest_index();
}

SyscallResult put_shm_totals(Call &call, GuestAddress address) {
  SharedMemory &all = shared_memory(call);
  shm_info info{};
  info.used_ids = static_cast<int>(all.segments().size());
  info.shm_tot = all.total_pages();
  for (const auto &[index, entry] : all.segments().all())
    info.shm_rss += entry.segment->resident_pages();
  TINE_TRY(call.memory.write_object(address, info));
  return all.segments().highest_index();
}

} // namespace

SyscallResult sys_shmget(Call &call, int key, u64 size, int flags) {
  return shared_memory(call).get(call.kernel.host.frames, {key, flags}, size,
                                 call.thread.credentials, call.process.pid);
}

SyscallResult sys_shmat(Call &call, int id, GuestAddress address, int flags) {
  if (!address.is_page_aligned() && (flags & SHM_RND) != 0)
    address = GuestAddress{round_down_to_page(address.value)};
  if (!address.is_page_aligned() || (address.is_null() && (flags & SHM_REMAP) != 0))
    return Errno{EINVAL};
  SegmentEntry &entry = *TINE_TRY(segment(call, id));
  const bool writable = (flags & SHM_RDONLY) == 0;
  const bool executable = (flags & SHM_EXEC) != 0;
  TINE_TRY(entry.permissions.check(call.thread.credentials,
                                   0444U | (writable ? 0222U : 0U) | (executable ? 0111U : 0U)));
  memory::MapRequest request;
  request.address = address;
  request.length = round_up_to_page(entry.segment->size());
  request.protection = {.read = true, .write = writable, .execute = executable};
  request.shared = true;
  request.may_write = writable;
  request.fixed = !address.is_null();
  request.fixed_no_replace = request.fixed && (flags & SHM_REMAP) == 0;
  request.file = Ref<memory::MappedFile>(entry.segment);
  const Result<GuestAddress> place = call.memory.map(request);
  if (!place) // "shmaddr … the segment can't be attached there" is EINVAL
    return place.error() == Errno{EEXIST} || address.value > user_address_limit ? Errno{EINVAL}
                                                                                : place.error();
  entry.attach_time = process::ipc_now();
  entry.last = call.process.pid;
  return place;
}

SyscallResult sys_shmdt(Call &call, GuestAddress address) {
  if (!address.is_page_aligned())
    return Errno{EINVAL};
  // The first mapping whose segment begins at the address; then all that is left of that
  // attachment.
  Ref<memory::MappedFile> file;
  std::vector<PageRange> pieces;
  u64 end = 0;
  call.memory.for_each_mapping([&](const memory::Mapping &mapping) {
    const process::Segment *shown = SharedMemory::segment_of(mapping);
    const u64 start = address_of(mapping.range.first).value;
    if (shown == nullptr || start < address.value ||
        start - address.value != mapping.object_page << page_shift)
      return;
    if (!file) {
      file = mapping.file;
      end = address.value + round_up_to_page(shown->size());
    }
    if (mapping.file == file && start < end)
      pieces.push_back(mapping.range);
  });
  if (!file)
    return Errno{EINVAL};
  for (const PageRange piece : pieces)
    TINE_TRY(call.memory.unmap(address_of(piece.first), piece.count << page_shift));
  if (SegmentEntry *entry = shared_memory(call).segments().find(static_cast<i32>(file->inode()))) {
    entry->detach_time = process::ipc_now();
    entry->last = call.process.pid;
  }
  return 0;
}

SyscallResult sys_shmctl(Call &call, int id, int command, GuestAddress address) {
  constexpr int stat_any = 15; // SHM_STAT_ANY
  if (id < 0 || command < 0)
    return Errno{EINVAL};
  switch (command) {
  case IPC_INFO:
    return put_shm_limits(call, address);
  case SHM_INFO:
    return put_shm_totals(call, address);
  case SHM_STAT:
  case stat_any: {
    SegmentEntry &entry = *TINE_TRY(segment_at(call, id));
    return put_shm_state(call, entry, address, entry.permissions.id, command == SHM_STAT);
  }
  case IPC_STAT:
    return put_shm_state(call, *TINE_TRY(segment(call, id)), address, 0, true);
  case IPC_SET:
    return set_shm_state(call, *TINE_TRY(segment(call, id)), address);
  case IPC_RMID: {
    SegmentEntry &entry = *TINE_TRY(segment(call, id));
    TINE_TRY(entry.permissions.check_owner(call.thread.credentials));
    shared_memory(call).remove(entry);
    return 0;
  }
  case SHM_LOCK:
  case SHM_UNLOCK:
    return set_locked(call, *TINE_TRY(segment(call, id)), command == SHM_LOCK);
  default:
    return Errno{EINVAL};
  }
}

} // namespace tine::syscall
