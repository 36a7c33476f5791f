// User and group ids, supplementary groups, capabilities: credentials(7), capabilities(7).
#include "syscall/handlers.hpp"
#include "syscall/identifiers.hpp"

#include <algorithm>
#include <linux/capability.h>
#include <linux/securebits.h>

namespace tine::syscall {

using fs::Credentials;

namespace {

constexpr u32 unchanged = ~u32{0};
/// Capabilities that the file system user id grants: CAP_CHOWN to CAP_FSETID, CAP_LINUX_IMMUTABLE,
/// CAP_MKNOD, CAP_MAC_OVERRIDE.
constexpr u64 file_system_capabilities =
    0x1f | u64{1} << CAP_LINUX_IMMUTABLE | u64{1} << CAP_MKNOD | u64{1} << CAP_MAC_OVERRIDE;

/// The three ids of users or of groups, as set*id change them.
struct Ids {
  u32 real, effective, saved;
  [[nodiscard]] bool has(u32 id) const { return id == real || id == effective || id == saved; }
};

Ids users(const Credentials &credentials) {
  return {credentials.uid, credentials.euid, credentials.suid};
}
Ids groups(const Credentials &credentials) {
  return {credentials.gid, credentials.egid, credentials.sgid};
}

/// capabilities(7), "Effect of user ID changes on capabilities".
void set_users(Call &call, Ids ids) {
  Credentials &credentials = call.thread.credentials;
  const Ids old = users(credentials);
  const u32 root = fs::user_to_box(credentials.user_namespace.get(), 0);
  const bool had_root = old.has(root);
  credentials.uid = ids.real, credentials.euid = credentials.fsuid = ids.effective,
  credentials.suid = ids.saved;
  const u32 secure_bits = call.thread.secure_bits;
  if (old.effective != ids.effective)
    call.process.dumpable = 0;
  if ((secure_bits & SECBIT_NO_SETUID_FIXUP) != 0)
    return;
  // SECBIT_KEEP_CAPS keeps the permitted set alone.
  if (had_root && !ids.has(root)) {
    if ((secure_bits & SECBIT_KEEP_CAPS) == 0)
      credentials.permitted = credentials.effective = 0;
    credentials.ambient = 0;
  }
  if (old.effective == root && ids.effective != root)
    credentials.effective = 0;
  else if (old.effective != root && ids.effective == root)
    credentials.effective = credentials.permitted;
}

void set_groups(Call &call, Ids ids) {
  Credentials &credentials = call.thread.credentials;
  credentials.gid = ids.real, credentials.egid = credentials.fsgid = ids.effective,
  credentials.sgid = ids.saved;
}

/// setuid(2): all three for the privileged, else the effective one to the real or saved one.
Result<Ids> set_one(Ids old, u32 id, bool privileged) {
  if (id == unchanged)
    return Errno{EINVAL};
  if (privileged)
    return Ids{id, id, id};
  if (id != old.real && id != old.saved)
    return Errno{EPERM};
  return Ids{old.real, id, old.saved};
}

/// setreuid(2).
Result<Ids> set_two(Ids old, u32 real, u32 effective, bool privileged) {
  Ids ids = old;
  if (real != unchanged) {
    if (!privileged && real != old.real && real != old.effective)
      return Errno{EPERM};
    ids.real = real;
  }
  if (effective != unchanged) {
    if (!privileged && !old.has(effective))
      return Errno{EPERM};
    ids.effective = effective;
  }
  if (real != unchanged || (effective != unchanged && effective != old.real))
    ids.saved = ids.effective;
  return ids;
}

/// setresuid(2).
Result<Ids> set_three(Ids old, Ids wanted, bool privileged) {
  for (const u32 id : {wanted.real, wanted.effective, wanted.saved})
    if (id != unchanged && !privileged && !old.has(id))
      return Errno{EPERM};
  return Ids{wanted.real == unchanged ? old.real : wanted.real,
             wanted.effective == unchanged ? old.effective : wanted.effective,
             wanted.saved == unchanged ? old.saved : wanted.saved};
}

bool may_set_users(const Call &call) {
  return call.thread.credentials.capable_here(CAP_SETUID);
}
bool may_set_groups(const Call &call) {
  return call.thread.credentials.capable_here(CAP_SETGID);
}

SyscallResult write_three(Call &call, Ids ids, u32 (*show)(const Call &, u32), GuestAddress real,
                          GuestAddress effective, GuestAddress saved) {
  TINE_TRY(call.memory.write_object(real, show(call, ids.real)));
  TINE_TRY(call.memory.write_object(effective, show(call, ids.effective)));
  TINE_TRY(call.memory.write_object(saved, show(call, ids.saved)));
  return 0;
}

u32 id_of(int argument) {
  return static_cast<u32>(argument);
}

} // namespace

SyscallResult sys_getuid(Call &call) {
  return u64{shown_user(call, call.thread.credentials.uid)};
}
SyscallResult sys_geteuid(Call &call) {
  return u64{shown_user(call, call.thread.credentials.euid)};
}
SyscallResult sys_getgid(Call &call) {
  return u64{shown_group(call, call.thread.credentials.gid)};
}
SyscallResult sys_getegid(Call &call) {
  return u64{shown_group(call, call.thread.credentials.egid)};
}

SyscallResult sys_setuid(Call &call, int id) {
  set_users(call,
            TINE_TRY(set_one(users(call.thread.credentials), id_of(id), may_set_users(call))));
  return 0;
}

SyscallResult sys_setgid(Call &call, int id) {
  set_groups(call,
             TINE_TRY(set_one(groups(call.thread.credentials), id_of(id), may_set_groups(call))));
  return 0;
}

SyscallResult sys_setreuid(Call &call, int real, int effective) {
  set_users(call, TINE_TRY(set_two(users(call.thread.credentials), id_of(real), id_of(effective),
                                   may_set_users(call))));
  return 0;
}

SyscallResult sys_setregid(Call &call, int real, int effective) {
  set_groups(call, TINE_TRY(set_two(groups(call.thread.credentials), id_of(real), id_of(effective),
                                    may_set_groups(call))));
  return 0;
}

SyscallResult sys_setresuid(Call &call, int real, int effective, int saved) {
  set_users(call, TINE_TRY(set_three(users(call.thread.credentials),
                                     {id_of(real), id_of(effective), id_of(saved)},
                                     may_set_users(call))));
  return 0;
}

SyscallResult sys_setresgid(Call &call, int real, int effective, int saved) {
  set_groups(call, TINE_TRY(set_three(groups(call.thread.credentials),
                                      {id_of(real), id_of(effective), id_of(saved)},
                                      may_set_groups(call))));
  return 0;
}

SyscallResult sys_getresuid(Call &call, GuestAddress real, GuestAddress effective,
                            GuestAddress saved) {
  return write_three(call, users(call.thread.credentials), shown_user, real, effective, saved);
}

SyscallResult sys_getresgid(Call &call, GuestAddress real, GuestAddress effective,
                            GuestAddress saved) {
  return write_three(call, groups(call.thread.credentials), shown_group, real, effective, saved);
}

/// setfsuid(2): returns the previous id, whether or not it changed.
SyscallResult sys_setfsuid(Call &call, int id) {
  Credentials &credentials = call.thread.credentials;
  const fs::UserNamespace *space = credentials.user_namespace.get();
  const u32 old = credentials.fsuid, root = fs::user_to_box(space, 0);
  const u32 wanted = id == -1 ? unchanged : fs::user_to_box(space, id_of(id));
  const bool allowed = may_set_users(call) || users(credentials).has(wanted) || wanted == old;
  if (wanted == unchanged || !allowed)
    return u64{shown_user(call, old)};
  credentials.fsuid = wanted;
  if ((call.thread.secure_bits & SECBIT_NO_SETUID_FIXUP) != 0)
    return u64{shown_user(call, old)};
  if (old == root && wanted != root)
    credentials.effective &= ~file_system_capabilities;
  else if (old != root && wanted == root)
    credentials.effective |= credentials.permitted & file_system_capabilities;
  return u64{shown_user(call, old)};
}

SyscallResult sys_setfsgid(Call &call, int id) {
  Credentials &credentials = call.thread.credentials;
  const u32 old = credentials.fsgid;
  const u32 wanted =
      id == -1 ? unchanged : fs::group_to_box(credentials.user_namespace.get(), id_of(id));
  if (wanted != unchanged && (may_set_groups(call) || groups(credentials).has(wanted)))
    credentials.fsgid = wanted;
  return u64{shown_group(call, old)};
}

SyscallResult sys_getgroups(Call &call, int size, GuestAddress list) {
  const std::vector<u32> &groups = call.thread.credentials.groups;
  const auto count = static_cast<int>(groups.size());
  if (size < 0 || (size != 0 && size < count))
    return Errno{EINVAL};
  if (size != 0) {
    std::vector<u32> seen;
    seen.reserve(groups.size());
    for (const u32 group : groups)
      seen.push_back(shown_group(call, group));
    TINE_TRY(call.memory.write(list, std::as_bytes(std::span(seen))));
  }
  return count;
}

SyscallResult sys_setgroups(Call &call, int size, GuestAddress list) {
  constexpr int most_groups = 65536; // NGROUPS_MAX
  // userns_may_setgroups: not before there is a gid_map, nor once "deny" was written.
  const fs::UserNamespace *space = process::user_namespace_of(call.thread);
  if (!may_set_groups(call) || (space && (!space->may_set_groups || space->groups.ranges.empty())))
    return Errno{EPERM};
  if (size < 0 || size > most_groups)
    return Errno{EINVAL};
  std::vector<u32> groups(static_cast<std::size_t>(size));
  TINE_TRY(call.memory.read(list, std::as_writable_bytes(std::span(groups))));
  for (u32 &group : groups)
    if ((group = fs::group_to_box(space, group)) == fs::no_id)
      return Errno{EINVAL};
  std::sort(groups.begin(), groups.end()); // getgroups(2) has them sorted
  call.thread.credentials.groups = std::move(groups);
  return 0;
}

namespace {

struct CapabilityHeader {
  u32 version;
  i32 pid;
};
struct CapabilityWords {
  u32 effective, permitted, inheritable;
};

/// How many 32-bit words the version has; EINVAL, with the kernel's own version written back.
Result<int> word_count(Call &call, GuestAddress address, CapabilityHeader &header) {
  header = TINE_TRY(call.memory.read_object<CapabilityHeader>(address));
  switch (header.version) {
  case _LINUX_CAPABILITY_VERSION_1:
    return 1;
  case _LINUX_CAPABILITY_VERSION_2:
  case _LINUX_CAPABILITY_VERSION_3:
    return 2;
  default:
    TINE_TRY(call.memory.write_object(address, u32{_LINUX_CAPABILITY_VERSION_3}));
    return Errno{EINVAL};
  }
}

u32 word(u64 bits, int index) {
  return static_cast<u32>(bits >> (32 * index));
}

} // namespace

SyscallResult sys_capget(Call &call, GuestAddress header_address, GuestAddress data) {
  CapabilityHeader header;
  const auto count = word_count(call, header_address, header);
  if (!count.ok()) // capget(2): a null data pointer asks for the version alone
    return data.is_null() && count.error() == Errno{EINVAL} ? SyscallResult{0}
                                                            : SyscallResult{count.error()};
  if (header.pid < 0)
    return Errno{EINVAL};
  const process::Thread *target =
      header.pid == 0 ? &call.thread : call.kernel.find_thread(given(call, header.pid));
  if (target == nullptr)
    return Errno{ESRCH};
  if (data.is_null())
    return 0;
  const Credentials &credentials = target->credentials;
  for (int i = 0; i < *count; ++i) {
    const CapabilityWords words{word(credentials.effective, i), word(credentials.permitted, i),
                                word(credentials.inheritable, i)};
    TINE_TRY(call.memory.write_object(data + static_cast<u64>(i) * sizeof words, words));
  }
  return 0;
}

SyscallResult sys_capset(Call &call, GuestAddress header_address, GuestAddress data) {
  CapabilityHeader header;
  const int count = TINE_TRY(word_count(call, header_address, header));
  if (header.pid != 0 && given(call, header.pid) != call.thread.tid)
    return Errno{EPERM};
  u64 effective = 0, permitted = 0, inheritable = 0;
  for (int i = 0; i < count; ++i) {
    const auto words = TINE_TRY(call.memory.read_object<CapabilityWords>(
        data + static_cast<u64>(i) * sizeof(CapabilityWords)));
    effective |= u64{words.effective} << (32 * i);
    permitted |= u64{words.permitted} << (32 * i);
    inheritable |= u64{words.inheritable} << (32 * i);
  }
  Credentials &credentials = call.thread.credentials;
  const u64 known = (u64{1} << (CAP_LAST_CAP + 1)) - 1;
  effective &= known, permitted &= known, inheritable &= known;
  // capset(2): permitted and effective may only shrink; inheritable is bounded by permitted and
  // bounding.
  const u64 addable =
      credentials.capable_here(CAP_SETPCAP) ? credentials.bounding : credentials.permitted;
  if ((permitted & ~credentials.permitted) != 0 || (effective & ~permitted) != 0 ||
      (inheritable & ~(credentials.inheritable | addable)) != 0)
    return Errno{EPERM};
  credentials.effective = effective, credentials.permitted = permitted,
  credentials.inheritable = inheritable;
  credentials.ambient &= permitted & inheritable;
  return 0;
}

} // namespace tine::syscall
