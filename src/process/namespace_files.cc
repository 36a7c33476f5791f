// /proc/PID/ns: files that stand for namespaces, and setns(2).
#include "process/ipc/ipc_namespace.hpp"
#include "process/kernel.hpp"
#include "process/namespaces.hpp"
#include "process/process.hpp"

#include <array>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/stat.h>

namespace tine::process {
namespace {

constexpr std::array<NamespaceName, 8> names{{{"cgroup", "cgroup", CLONE_NEWCGROUP, 4026531835},
                                              {"ipc", "ipc", CLONE_NEWIPC, 4026531839},
                                              {"mnt", "mnt", CLONE_NEWNS, 4026531841},
                                              {"net", "net", CLONE_NEWNET, 4026531840},
                                              {"pid", "pid", CLONE_NEWPID, 4026531836},
                                              {"pid_for_children", "pid", CLONE_NEWPID, 4026531836},
                                              {"user", "user", CLONE_NEWUSER, 4026531837},
                                              {"uts", "uts", CLONE_NEWUTS, 4026531838}}};
constexpr std::size_t pid_name = 4, user_name = 6;
constexpr u64 first_cgroup = names[0].first;

template <typename T> u64 number_of(const Ref<T> &space, const NamespaceName &name) {
  return space && space->id != 0 ? space->id : name.first;
}

template <typename T>
Ref<NamespaceFile> file_of(const NamespaceName &name, Ref<T> NamespaceFile::*member, Ref<T> space) {
  auto file = make_ref<NamespaceFile>(name.kind, name.flag, number_of(space, name));
  (*file).*member = std::move(space);
  return file;
}

/// "CAP_SYS_ADMIN in the user namespace that owns the target namespace" and in its own.
Status check_entry(const Thread &thread, const fs::UserNamespace *owner) {
  const fs::Credentials &ids = thread.credentials;
  return ids.capable_in(owner, CAP_SYS_ADMIN) && ids.capable_here(CAP_SYS_ADMIN)
             ? Status{Done{}}
             : Status{Errno{EPERM}};
}

/// "EINVAL: The caller shares filesystem-related state … with other processes". It starts at the
/// root of the namespace that it joins.
Status enter_mounts(Thread &thread, const Ref<fs::MountNamespace> &mounts) {
  if (thread.fs->reference_count() > 1)
    return Errno{EINVAL};
  if (!thread.credentials.capable_here(CAP_SYS_CHROOT))
    return Errno{EPERM};
  thread.fs->mounts = mounts;
  thread.fs->root = thread.fs->working_directory = mounts->root();
  return Done{};
}

/// userns_install: not the own one, not with other threads.
Status enter_user(Thread &thread, const Ref<fs::UserNamespace> &space) {
  const fs::Credentials &ids = thread.credentials;
  if (space == ids.user_namespace || thread.process->threads.size() > 1 ||
      thread.fs->reference_count() > 1)
    return Errno{EINVAL};
  if (!ids.capable_in(space.get(), CAP_SYS_ADMIN))
    return Errno{EPERM};
  take_user_namespace(thread, space);
  return Done{};
}

/// "reassociates with … a descendant of, or the same as, its current PID namespace", for children.
Status enter_pid(Thread &thread, Namespaces &own, const Ref<PidNamespace> &space) {
  TINE_TRY(check_entry(thread, space ? space->owner.get() : nullptr));
  if (!is_within(space.get(), own.pid.get()))
    return Errno{EINVAL};
  own.pid_for_children = space;
  return Done{};
}

} // namespace

std::string NamespaceFile::description() {
  return fmt::format("{}:[{}]", kind_, number_);
}

Result<struct stat> NamespaceFile::stat() {
  struct stat status {};
  status.st_dev = 4; // nsfs
  status.st_ino = number_;
  status.st_mode = S_IFREG | 0444;
  status.st_nlink = 1;
  return status;
}

Ref<fs::UserNamespace> NamespaceFile::owner() const {
  if (user)
    return user->parent;
  if (mounts)
    return mounts->owner;
  if (uts)
    return uts->owner;
  if (pid)
    return pid->owner;
  if (ipc)
    return ipc->owner;
  return network ? network->owner : nullptr;
}

std::span<const NamespaceName> namespace_names() {
  return names;
}

Result<Ref<NamespaceFile>> namespace_file(const Thread &thread, const NamespaceName &name) {
  static const Ref<Namespaces> first = make_ref<Namespaces>();
  const Namespaces &own = thread.namespaces ? *thread.namespaces : *first;
  switch (name.flag) {
  case CLONE_NEWNS:
    return thread.fs ? Result<Ref<NamespaceFile>>{file_of(name, &NamespaceFile::mounts,
                                                          thread.fs->mounts)}
                     : Errno{ENOENT};
  case CLONE_NEWUTS:
    return file_of(name, &NamespaceFile::uts, own.uts);
  case CLONE_NEWIPC:
    return file_of(name, &NamespaceFile::ipc, own.ipc);
  case CLONE_NEWNET:
    return file_of(name, &NamespaceFile::network, own.network);
  case CLONE_NEWUSER:
    return user_namespace_file(thread.credentials.user_namespace);
  case CLONE_NEWPID: {
    const bool of_children = &name != &names[pid_name];
    const Ref<PidNamespace> &space = of_children ? own.pid_for_children : own.pid;
    if (of_children && space && space->init.is_none())
      return Errno{ENOENT};
    return file_of(name, &NamespaceFile::pid, space);
  }
  default:
    return make_ref<NamespaceFile>(name.kind, name.flag, own.cgroup != 0 ? own.cgroup : name.first);
  }
}

Ref<NamespaceFile> user_namespace_file(const Ref<fs::UserNamespace> &space) {
  return file_of(names[user_name], &NamespaceFile::user, space);
}

Ref<NamespaceFile> pid_namespace_file(const Ref<PidNamespace> &space) {
  return file_of(names[pid_name], &NamespaceFile::pid, space);
}

Status enter_namespace(Thread &thread, const NamespaceFile &file) {
  if (file.flag() == CLONE_NEWUSER)
    return enter_user(thread, file.user);
  TINE_TRY(check_entry(thread, file.owner().get()));
  if (file.flag() == CLONE_NEWNS)
    return enter_mounts(thread, file.mounts);
  Ref<Namespaces> own = copy_of_namespaces(thread);
  switch (file.flag()) {
  case CLONE_NEWUTS:
    own->uts = file.uts;
    break;
  case CLONE_NEWIPC:
    own->ipc = file.ipc;
    break;
  case CLONE_NEWNET:
    own->network = file.network;
    break;
  case CLONE_NEWPID:
    TINE_TRY(enter_pid(thread, *own, file.pid));
    break;
  default:
    own->cgroup = file.number() == first_cgroup ? 0 : file.number();
  }
  thread.namespaces = std::move(own);
  return Done{};
}

} // namespace tine::process
