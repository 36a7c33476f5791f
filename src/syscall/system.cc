// The system as a whole: its name, its size, its random numbers; resource limits.
#include "process/namespaces.hpp"
#include "process/procfs/procfs.hpp"
#include "process/settings.hpp"
#include "syscall/guest_structs.hpp"
#include "syscall/handlers.hpp"

#include <algorithm>
#include <cstring>
#include <linux/capability.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <sys/random.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

namespace tine::syscall {

using process::ResourceLimit;

namespace {

/// A name as the kernel's struct new_utsname holds it.
void fill(char (&field)[65], std::string_view text) {
  std::memset(field, 0, sizeof field);
  text.copy(field, sizeof field - 1);
}

Result<std::string> read_name(Call &call, GuestAddress address, u64 length) {
  constexpr u64 longest_name = 64;
  if (!call.thread.credentials.capable_in(process::owner_of_hostname(call.thread), CAP_SYS_ADMIN))
    return Errno{EPERM};
  if (length > longest_name)
    return Errno{EINVAL};
  std::string name(length, '\0');
  TINE_TRY(call.memory.read(address, std::as_writable_bytes(std::span(name))));
  return std::string(name.c_str());
}

/// What a new limit means to the address space at once.
void apply_limit(process::Process &target, int resource, u64 current) {
  if (target.is_zombie() || !target.leader()->memory)
    return;
  memory::AddressSpace::Limits &limits = target.leader()->memory->limits();
  if (resource == RLIMIT_AS)
    limits.address_space = current;
  else if (resource == RLIMIT_DATA)
    limits.data = current;
  else if (resource == RLIMIT_STACK)
    limits.stack = current;
}

/// setrlimit(2): EINVAL if soft exceeds hard, EPERM for raising hard without CAP_SYS_RESOURCE.
Status set_limit(const Call &call, process::Process &target, int resource, ResourceLimit wanted) {
  ResourceLimit &limit = target.limits[static_cast<std::size_t>(resource)];
  if (wanted.current > wanted.maximum)
    return Errno{EINVAL};
  if (wanted.maximum > limit.maximum && !call.thread.credentials.capable(CAP_SYS_RESOURCE))
    return Errno{EPERM};
  if (resource == RLIMIT_NOFILE && wanted.maximum > process::most_descriptors(call.kernel))
    return Errno{EPERM};
  limit = wanted;
  apply_limit(target, resource, wanted.current);
  return Done{};
}

bool is_resource(int resource) {
  return resource >= 0 && resource < RLIM_NLIMITS;
}

} // namespace

SyscallResult sys_uname(Call &call, GuestAddress address) {
  utsname host{};
  ::uname(&host);
  utsname name{};
  fill(name.sysname, "Linux");
  fill(name.nodename, process::hostname_of(call.thread));
  // The version that is promised is that of the host: its programs were chosen to run on it.
  fill(name.release, host.release);
  fill(name.version, host.version);
  fill(name.machine, "x86_64");
  fill(name.domainname, process::domain_name_of(call.thread));
  return call.memory.write_object(address, name);
}

SyscallResult sys_sysinfo(Call &call, GuestAddress address) {
  struct sysinfo info {};
  const memory::FrameArena &frames = call.kernel.host.frames;
  const u64 used = frames.frames_in_use() * page_size;
  info.uptime = (time::TimerQueue::now() - call.kernel.boot_time) / 1'000'000'000;
  info.totalram = frames.limit_bytes();
  info.freeram = frames.limit_bytes() - std::min(frames.limit_bytes(), used);
  info.procs = static_cast<u16>(std::min<std::size_t>(call.kernel.thread_count(), UINT16_MAX));
  info.mem_unit = 1;
  return call.memory.write_object(address, info);
}

SyscallResult sys_getrandom(Call &call, GuestAddress address, u64 size, u64 flags) {
  if ((flags & ~u64{GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE}) != 0 ||
      (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
    return Errno{EINVAL};
  constexpr u64 most = 33'554'431; // getrandom(2): "at most 33554431 bytes"
  size = std::min(size, most);
  std::byte bytes[256];
  for (u64 done = 0; done < size;) {
    const u64 count = std::min<u64>(sizeof bytes, size - done);
    if (::getrandom(bytes, count, 0) != static_cast<ssize_t>(count))
      return Errno{EIO};
    if (!call.memory.write(address + done, std::span(bytes).first(count)).ok())
      return done != 0 ? SyscallResult{done} : SyscallResult{Errno{EFAULT}};
    done += count;
  }
  return size;
}

SyscallResult sys_prlimit64(Call &call, int pid, int resource, GuestAddress new_limit,
                            GuestAddress old_limit) {
  if (!is_resource(resource))
    return Errno{EINVAL};
  ResourceLimit wanted;
  if (!new_limit.is_null())
    wanted = TINE_TRY(call.memory.read_object<ResourceLimit>(new_limit));
  process::Process *target = pid == 0 ? &call.process : call.kernel.find_process(Pid{pid});
  if (target == nullptr)
    return Errno{ESRCH};
  if (target != &call.process && !target->is_zombie() &&
      !call.thread.credentials.capable_in(process::user_namespace_of(*target->leader()),
                                          CAP_SYS_RESOURCE) &&
      target->leader()->credentials.uid != call.thread.credentials.uid)
    return Errno{EPERM};
  const ResourceLimit old = target->limits[static_cast<std::size_t>(resource)];
  if (!new_limit.is_null())
    TINE_TRY(set_limit(call, *target, resource, wanted));
  if (!old_limit.is_null())
    TINE_TRY(call.memory.write_object(old_limit, old));
  return 0;
}

SyscallResult sys_getrlimit(Call &call, int resource, GuestAddress address) {
  if (!is_resource(resource))
    return Errno{EINVAL};
  return call.memory.write_object(address, call.process.limits[static_cast<std::size_t>(resource)]);
}

SyscallResult sys_setrlimit(Call &call, int resource, GuestAddress address) {
  if (!is_resource(resource))
    return Errno{EINVAL};
  return set_limit(call, call.process, resource,
                   TINE_TRY(call.memory.read_object<ResourceLimit>(address)));
}

SyscallResult sys_sethostname(Call &call, GuestAddress address, u64 length) {
  process::hostname_of(call.thread) = TINE_TRY(read_name(call, address, length));
  return 0;
}

SyscallResult sys_setdomainname(Call &call, GuestAddress address, u64 length) {
  process::domain_name_of(call.thread) = TINE_TRY(read_name(call, address, length));
  return 0;
}

SyscallResult sys_getcpu(Call &call, GuestAddress cpu, GuestAddress node, GuestAddress) {
  if (!cpu.is_null())
    TINE_TRY(call.memory.write_object(cpu, static_cast<u32>(std::max(0, call.thread.vcpu()))));
  if (!node.is_null())
    TINE_TRY(call.memory.write_object(node, u32{0}));
  return 0;
}

/// The box's kernel log is empty: syslog(2) has nothing to read.
SyscallResult sys_syslog(Call &call, int type, GuestAddress buffer, int length) {
  enum {
    close,
    open,
    read,
    read_all,
    read_clear,
    clear,
    console_off,
    console_on,
    console_level,
    unread,
    size
  };
  if (type != read_all && type != size && !call.thread.credentials.capable(CAP_SYSLOG))
    return Errno{EPERM};
  switch (type) {
  case read:
  case read_all:
  case read_clear:
    return buffer.is_null() || length < 0 ? SyscallResult{Errno{EINVAL}} : SyscallResult{0};
  case console_level:
    return length < 1 || length > 8 ? SyscallResult{Errno{EINVAL}} : SyscallResult{0};
  default:
    return type < close || type > size ? SyscallResult{Errno{EINVAL}} : SyscallResult{0};
  }
}

// What would change the host is refused, as a container's kernel does.
SyscallResult sys_reboot(Call &call, u32 magic, u32 second_magic, u32, GuestAddress) {
  if (!call.thread.credentials.capable(CAP_SYS_BOOT))
    return Errno{EPERM};
  const bool is_magic =
      second_magic == LINUX_REBOOT_MAGIC2 || second_magic == LINUX_REBOOT_MAGIC2A ||
      second_magic == LINUX_REBOOT_MAGIC2B || second_magic == LINUX_REBOOT_MAGIC2C;
  return magic != LINUX_REBOOT_MAGIC1 || !is_magic ? Errno{EINVAL} : Errno{EPERM};
}
SyscallResult sys_swapon(Call &, GuestAddress, u64) {
  return Errno{EPERM};
}
SyscallResult sys_swapoff(Call &, GuestAddress) {
  return Errno{EPERM};
}
/// Without a controlling terminal there is nothing to hang up.
SyscallResult sys_vhangup(Call &call) {
  if (!call.thread.credentials.capable(CAP_SYS_TTY_CONFIG))
    return Errno{EPERM};
  return call.process.terminal ? SyscallResult(Errno{EPERM}) : 0;
}
SyscallResult sys_quotactl(Call &, u64, GuestAddress, int, GuestAddress) {
  return Errno{EPERM};
}
/// sysfs(2): types of file systems by their place in /proc/filesystems.
SyscallResult sys_sysfs(Call &call, int option, u64 first, u64 second) {
  const std::vector<std::string> types = process::file_system_types(call.kernel);
  switch (option) {
  case 1: {
    constexpr u64 longest = 4096;
    const std::string name = TINE_TRY(call.memory.read_string(GuestAddress{first}, longest));
    const auto found = std::find(types.begin(), types.end(), name);
    return found != types.end() ? SyscallResult(found - types.begin()) : Errno{EINVAL};
  }
  case 2: {
    const u64 index = static_cast<u32>(first);
    if (index >= types.size())
      return Errno{EINVAL};
    const std::string &name = types[index];
    return call.memory.write(GuestAddress{second},
                             std::as_bytes(std::span(name.c_str(), name.size() + 1)));
  }
  case 3:
    return types.size();
  default:
    return Errno{EINVAL};
  }
}

} // namespace tine::syscall
