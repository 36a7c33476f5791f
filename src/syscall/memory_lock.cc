// mlock(2) and its relatives, membarrier(2), and the NUMA policy of a machine with one node.
#include "syscall/handlers.hpp"

#include <algorithm>
#include <linux/capability.h>
#include <linux/membarrier.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tine::syscall {
namespace {

using Lock = memory::AddressSpace::Lock;

/// mlock(2): EPERM without privilege when RLIMIT_MEMLOCK is zero, ENOMEM when it would be exceeded.
Status check_lock_limit(const Call &call, u64 bytes) {
  const u64 limit = call.process.limits[RLIMIT_MEMLOCK].current;
  if (call.thread.credentials.capable(CAP_IPC_LOCK))
    return Done{};
  if (limit == 0)
    return Errno{EPERM};
  if (bytes > limit)
    return Errno{ENOMEM};
  return Done{};
}

Status lock_all(Call &call, Lock lock) {
  std::vector<memory::Mapping> mappings;
  call.memory.for_each_mapping([&](const memory::Mapping &one) { mappings.push_back(one); });
  for (const memory::Mapping &one : mappings)
    (void)call.memory.lock(address_of(one.range.first), one.range.count << page_shift, lock);
  return Done{};
}

SyscallResult lock_range(Call &call, GuestAddress address, u64 length, Lock lock) {
  const u64 bytes = round_up_to_page(length + address.page_offset());
  if (bytes == 0)
    return 0; // also for lengths that wrap to nothing
  TINE_TRY(check_lock_limit(call, bytes + call.memory.locked_bytes()));
  return call.memory.lock(address, length, lock);
}
} // namespace

SyscallResult sys_mlock(Call &call, GuestAddress address, u64 length) {
  return lock_range(call, address, length, Lock::now);
}

SyscallResult sys_mlock2(Call &call, GuestAddress address, u64 length, u64 flags) {
  if ((flags & ~u64{MLOCK_ONFAULT}) != 0)
    return Errno{EINVAL};
  return lock_range(call, address, length, flags != 0 ? Lock::on_fault : Lock::now);
}

SyscallResult sys_munlock(Call &call, GuestAddress address, u64 length) {
  return call.memory.lock(address, length, Lock::none);
}

SyscallResult sys_mlockall(Call &call, u64 flags) {
  constexpr u64 known = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
  if (flags == 0 || (flags & ~known) != 0 || flags == MCL_ONFAULT)
    return Errno{EINVAL};
  TINE_TRY(check_lock_limit(call, (flags & MCL_CURRENT) ? call.memory.usage().virtual_size : 0));
  const Lock lock = (flags & MCL_ONFAULT) != 0 ? Lock::on_fault : Lock::now;
  call.memory.set_lock_future((flags & MCL_FUTURE) != 0 ? lock : Lock::none);
  if ((flags & MCL_CURRENT) != 0)
    TINE_TRY(lock_all(call, lock));
  return Done{};
}

SyscallResult sys_munlockall(Call &call) {
  call.memory.set_lock_future(Lock::none);
  return lock_all(call, Lock::none);
}

/// The vCPUs are threads of one host process, so the host's own private barrier reaches all of
/// them.
SyscallResult sys_membarrier(Call &call, int command, u64 flags, int) {
  constexpr u32 registering = MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
                              MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
                              MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
  constexpr u32 supported = registering | MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
                            MEMBARRIER_CMD_PRIVATE_EXPEDITED |
                            MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;
  if (flags != 0)
    return Errno{EINVAL};
  if (command == MEMBARRIER_CMD_QUERY)
    return u64{supported};
  const u32 bit = static_cast<u32>(command);
  if ((bit & (bit - 1)) != 0 || (bit & supported) == 0)
    return Errno{EINVAL};
  u32 &registered = call.memory.membarrier_registrations();
  if ((bit & registering) != 0) {
    registered |= bit;
    return 0;
  }
  // "EPERM: the current process was not registered prior to using private expedited commands". Each
  // registration is the bit above that of its command.
  const bool needs_registration =
      bit == MEMBARRIER_CMD_PRIVATE_EXPEDITED || bit == MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;
  if (needs_registration && (registered & (bit << 1)) == 0)
    return Errno{EPERM};
  static const bool host_registered =
      ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
  if (!host_registered || ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) != 0)
    return Errno{ENOSYS};
  return 0;
}

SyscallResult sys_mbind(Call &call, GuestAddress address, u64 length, int mode, GuestAddress, u64,
                        u64 flags) {
  if (!address.is_page_aligned() ||
      (mode & ~(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) >= MPOL_MAX ||
      (flags & ~u64{MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL}) != 0)
    return Errno{EINVAL};
  if (length != 0 && !call.memory.mapping_at(address))
    return Errno{EFAULT};
  return 0; // all memory is on the one node
}

SyscallResult sys_set_mempolicy(Call &, int mode, GuestAddress, u64) {
  if ((mode & ~(MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES)) >= MPOL_MAX)
    return Errno{EINVAL};
  return 0;
}

SyscallResult sys_get_mempolicy(Call &call, GuestAddress mode, GuestAddress nodes, u64 max_node,
                                GuestAddress address, u64 flags) {
  if ((flags & ~u64{MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED}) != 0 ||
      ((flags & MPOL_F_MEMS_ALLOWED) != 0 && (flags & (MPOL_F_NODE | MPOL_F_ADDR)) != 0))
    return Errno{EINVAL};
  if ((flags & MPOL_F_ADDR) == 0 && !address.is_null())
    return Errno{EINVAL};
  if ((flags & MPOL_F_ADDR) != 0 && !call.memory.mapping_at(address))
    return Errno{EFAULT};
  if (!mode.is_null())
    TINE_TRY(call.memory.write_object(mode, i32{0})); // MPOL_DEFAULT, or node 0
  if (!nodes.is_null()) {
    if (max_node < 1)
      return Errno{EINVAL};
    const u64 mask = (flags & MPOL_F_MEMS_ALLOWED) != 0 ? 1 : 0;
    const u64 words = std::min<u64>((max_node + 62) / 64, 16);
    for (u64 i = 0; i < words; ++i)
      TINE_TRY(call.memory.write_object(nodes + i * sizeof(u64), i == 0 ? mask : u64{0}));
  }
  return 0;
}

} // namespace tine::syscall
