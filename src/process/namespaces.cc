#include "process/namespaces.hpp"

#include "process/ipc/ipc_namespace.hpp"
#include "process/kernel.hpp"
#include "process/lifecycle.hpp"
#include "process/settings.hpp"

#include <array>
#include <linux/capability.h>
#include <linux/sched.h>
#include <utility>

namespace tine::process {
namespace {

constexpr u64 first_free_number = 0xf0000100;
constexpr u64 all_capabilities = (u64{1} << (CAP_LAST_CAP + 1)) - 1;

u64 next_number() {
  static u64 last = first_free_number; // with the kernel lock
  return ++last;
}

void make_user_namespace(Thread &thread) {
  auto made = make_ref<fs::UserNamespace>();
  made->id = next_number();
  made->parent = thread.credentials.user_namespace;
  made->level = made->parent ? made->parent->level + 1 : 1;
  made->owner = thread.credentials.euid;
  made->group = thread.credentials.egid;
  // "If the parent's setgroups is denied, so is the child's."
  made->may_set_groups = !made->parent || made->parent->may_set_groups;
  take_user_namespace(thread, std::move(made));
}

void copy_mounts(Thread &thread) {
  fs::FileSystemContext &context = *thread.fs;
  const std::array<fs::Path *, 2> paths{&context.root, &context.working_directory};
  context.mounts = context.mounts->clone(paths);
  context.mounts->id = next_number();
  context.mounts->owner = thread.credentials.user_namespace;
}

Status check_new_user_namespace(const Thread &thread) {
  const fs::Credentials &ids = thread.credentials;
  const fs::UserNamespace *space = ids.user_namespace.get();
  if (space != nullptr && space->level >= fs::UserNamespace::deepest_level)
    return Errno{ENOSPC};
  // "The caller is in a chroot environment", "… the effective user ID or group ID does not have a
  // mapping in the parent namespace".
  const fs::Path &root = thread.fs->root;
  if (root.dentry != root.mount->root || root.mount != thread.fs->mounts->mounts().front() ||
      fs::user_from_box(space, ids.euid) == fs::no_id ||
      fs::group_from_box(space, ids.egid) == fs::no_id)
    return Errno{EPERM};
  return Done{};
}

/// namespaces(7), /proc/sys/user: "ENOSPC" at a limit; namespaces aren't counted, so that zero
/// alone is one.
Status check_namespace_limits(const Kernel &kernel, u64 flags) {
  constexpr std::pair<u64, const char *> limits[] = {
      {CLONE_NEWUSER, "user/max_user_namespaces"},    {CLONE_NEWPID, "user/max_pid_namespaces"},
      {CLONE_NEWNS, "user/max_mnt_namespaces"},       {CLONE_NEWUTS, "user/max_uts_namespaces"},
      {CLONE_NEWIPC, "user/max_ipc_namespaces"},      {CLONE_NEWNET, "user/max_net_namespaces"},
      {CLONE_NEWCGROUP, "user/max_cgroup_namespaces"}};
  for (const auto &[flag, path] : limits)
    if ((flags & flag) != 0 && setting_number(kernel, path, 1) == 0)
      return Errno{ENOSPC};
  return Done{};
}

Status check_new_pid_namespace(const Thread &thread) {
  const PidNamespace *space = pid_namespace_of(thread);
  if (thread.namespaces && thread.namespaces->pid_for_children.get() != space)
    return Errno{EINVAL}; // copy_pid_ns: once only
  if (space != nullptr && space->level >= PidNamespace::deepest_level)
    return Errno{ENOSPC};
  return Done{};
}

} // namespace

Ref<Namespaces> copy_of_namespaces(const Thread &thread) {
  Ref<Namespaces> copy = make_ref<Namespaces>();
  if (const Namespaces *own = thread.namespaces.get()) {
    copy->uts = own->uts;
    copy->pid = own->pid;
    copy->pid_for_children = own->pid_for_children;
    copy->ipc = own->ipc;
    copy->network = own->network;
    copy->cgroup = own->cgroup;
  }
  return copy;
}

void take_user_namespace(Thread &thread, Ref<fs::UserNamespace> space) {
  fs::Credentials &ids = thread.credentials;
  ids.inheritable = ids.ambient = 0;
  ids.permitted = ids.effective = ids.bounding = all_capabilities;
  ids.user_namespace = std::move(space);
  thread.secure_bits = 0;
}

Status check_new_namespaces(const Thread &thread, u64 flags) {
  constexpr u64 there =
      CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET;
  if ((flags & CLONE_NEWTIME) != 0)
    return Errno{EINVAL}; // as Linux without CONFIG_TIME_NS
  if ((flags & CLONE_NEWUSER) != 0)
    TINE_TRY(check_new_user_namespace(thread));
  else if ((flags & there) != 0 && !thread.credentials.capable_here(CAP_SYS_ADMIN))
    return Errno{EPERM};
  TINE_TRY(check_namespace_limits(thread.kernel, flags));
  return (flags & CLONE_NEWPID) != 0 ? check_new_pid_namespace(thread) : Status{Done{}};
}

void make_new_namespaces(Thread &thread, u64 flags) {
  if ((flags & CLONE_NEWUSER) != 0)
    make_user_namespace(thread); // first: it owns the others
  if ((flags & CLONE_NEWNS) != 0)
    copy_mounts(thread);
  if ((flags & (CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET)) == 0)
    return;
  const Ref<fs::UserNamespace> &owner = thread.credentials.user_namespace;
  Ref<Namespaces> own = copy_of_namespaces(thread);
  if ((flags & CLONE_NEWUTS) != 0) {
    own->uts = make_ref<UtsNamespace>();
    own->uts->id = next_number();
    own->uts->owner = owner;
    own->uts->hostname = hostname_of(thread);
    own->uts->domain_name = domain_name_of(thread);
  }
  if ((flags & CLONE_NEWIPC) != 0)
    own->ipc = make_ref<IpcNamespace>(thread.kernel, next_number(), owner);
  if ((flags & CLONE_NEWNET) != 0)
    own->network = make_ref<net::Network>(thread.kernel.network, next_number(), owner);
  if ((flags & CLONE_NEWPID) != 0)
    own->pid_for_children = make_ref<PidNamespace>(next_number(), own->pid_for_children, owner);
  if ((flags & CLONE_NEWCGROUP) != 0)
    own->cgroup = next_number();
  thread.namespaces = std::move(own);
}

void enter_pid_namespace(Thread &child) {
  if (!child.namespaces || child.namespaces->pid == child.namespaces->pid_for_children)
    return;
  Ref<Namespaces> own = copy_of_namespaces(child);
  own->pid = own->pid_for_children;
  child.namespaces = std::move(own);
}

std::string &hostname_of(const Thread &thread) {
  const bool own = thread.namespaces && thread.namespaces->uts;
  return own ? thread.namespaces->uts->hostname : thread.kernel.hostname;
}

std::string &domain_name_of(const Thread &thread) {
  const bool own = thread.namespaces && thread.namespaces->uts;
  return own ? thread.namespaces->uts->domain_name : thread.kernel.domain_name;
}

const fs::UserNamespace *owner_of_hostname(const Thread &thread) {
  const bool own = thread.namespaces && thread.namespaces->uts;
  return own ? thread.namespaces->uts->owner.get() : nullptr;
}

IpcNamespace &ipc_of(const Thread &thread) {
  const bool own = thread.namespaces && thread.namespaces->ipc;
  return own ? *thread.namespaces->ipc : *thread.kernel.ipc;
}

net::Network &network_of(const Thread &thread) {
  const bool own = thread.namespaces && thread.namespaces->network;
  return own ? *thread.namespaces->network : thread.kernel.network;
}

Pid shown_pid(const Thread &thread, Pid pid) {
  return thread.kernel.pid_numbers.number(pid_namespace_of(thread), pid);
}

Pid given_pid(const Thread &thread, Pid number) {
  const PidNamespace *viewer = pid_namespace_of(thread);
  if (viewer == nullptr || number.value <= 0)
    return number;
  const Pid pid = thread.kernel.pid_numbers.find(viewer, number);
  return pid.is_none() ? nobody : pid;
}

void leave_pid_namespaces(Kernel &kernel, Pid pid) {
  const Ref<PidNamespace> space(kernel.pid_numbers.space_of(pid));
  kernel.pid_numbers.forget(pid);
  for (PidNamespace *level = space.get(); level != nullptr; level = level->parent.get()) {
    Process *init = level->ended && level->size() == 1 ? kernel.find_process(level->init) : nullptr;
    if (init == nullptr || !init->end_delayed)
      continue;
    init->end_delayed = false;
    notify_parent_of_exit(*init);
  }
}

bool end_pid_namespace(Process &process) {
  Kernel &kernel = process.kernel;
  PidNamespace *space = kernel.pid_numbers.space_of(process.pid);
  if (space == nullptr || space->init != process.pid)
    return false;
  space->ended = true;
  std::vector<Ref<Process>> others;
  for (const auto &[pid, other] : kernel.processes())
    if (other.get() != &process && is_within(kernel.pid_numbers.space_of(pid), space))
      others.push_back(other);
  for (const Ref<Process> &other : others)
    exit_process(*other, killed_status(SIGKILL, false));
  return space->size() > 1;
}

} // namespace tine::process
