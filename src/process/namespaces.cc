#include "process/namespaces.hpp"

#include "process/kernel.hpp"

#include <array>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/stat.h>

namespace tine::process {
namespace {

constexpr u64 first_free_number = 0xf0000100;

u64 next_number() {
  static u64 last = first_free_number; // with the kernel lock
  return ++last;
}

constexpr std::array<NamespaceName, 10> names{
    {{"cgroup", "cgroup", CLONE_NEWCGROUP, 4026531835},
     {"ipc", "ipc", CLONE_NEWIPC, 4026531839},
     {"mnt", "mnt", CLONE_NEWNS, 4026531841},
     {"net", "net", CLONE_NEWNET, 4026531840},
     {"pid", "pid", CLONE_NEWPID, 4026531836},
     {"pid_for_children", "pid", CLONE_NEWPID, 4026531836},
     {"time", "time", CLONE_NEWTIME, 4026531834},
     {"time_for_children", "time", CLONE_NEWTIME, 4026531834},
     {"user", "user", CLONE_NEWUSER, 4026531837},
     {"uts", "uts", CLONE_NEWUTS, 4026531838}}};

/// A Namespaces that the thread can be given, with what it has now.
Ref<Namespaces> copy_of(const Thread &thread) {
  Ref<Namespaces> copy = make_ref<Namespaces>();
  if (thread.namespaces) {
    copy->uts = thread.namespaces->uts;
    copy->cgroup = thread.namespaces->cgroup;
  }
  return copy;
}

u64 number_of(const Thread &thread, const NamespaceName &name) {
  u64 own = 0;
  if (name.flag == CLONE_NEWNS && thread.fs)
    own = thread.fs->mounts->id;
  else if (name.flag == CLONE_NEWUTS && thread.namespaces && thread.namespaces->uts)
    own = thread.namespaces->uts->id;
  else if (name.flag == CLONE_NEWCGROUP && thread.namespaces)
    own = thread.namespaces->cgroup;
  return own != 0 ? own : name.first;
}

} // namespace

Status check_new_namespaces(const Thread &thread, u64 flags) {
  constexpr u64 there = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWCGROUP;
  constexpr u64 all =
      there | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME;
  if ((flags & all) == 0)
    return Done{};
  if ((flags & all & ~there) != 0 || !thread.credentials.capable(CAP_SYS_ADMIN))
    return Errno{EPERM};
  return Done{};
}

void make_new_namespaces(Thread &thread, u64 flags) {
  if ((flags & CLONE_NEWNS) != 0) {
    fs::FileSystemContext &context = *thread.fs;
    const std::array<fs::Path *, 2> paths{&context.root, &context.working_directory};
    context.mounts = context.mounts->clone(paths);
    context.mounts->id = next_number();
  }
  if ((flags & (CLONE_NEWUTS | CLONE_NEWCGROUP)) == 0)
    return;
  Ref<Namespaces> own = copy_of(thread);
  if ((flags & CLONE_NEWUTS) != 0) {
    own->uts = make_ref<UtsNamespace>();
    own->uts->id = next_number();
    own->uts->hostname = hostname_of(thread);
    own->uts->domain_name = domain_name_of(thread);
  }
  if ((flags & CLONE_NEWCGROUP) != 0)
    own->cgroup = next_number();
  thread.namespaces = std::move(own);
}

std::string &hostname_of(const Thread &thread) {
  const bool own = thread.namespaces && thread.namespaces->uts;
  return own ? thread.namespaces->uts->hostname : thread.kernel.hostname;
}

std::string &domain_name_of(const Thread &thread) {
  const bool own = thread.namespaces && thread.namespaces->uts;
  return own ? thread.namespaces->uts->domain_name : thread.kernel.domain_name;
}

std::string NamespaceFile::description() {
  return fmt::format("{}:[{}]", kind_, number_);
}

Result<struct stat> NamespaceFile::stat() {
  struct stat status {};
  status.st_ino = number_;
  status.st_mode = S_IFREG | 0444;
  status.st_nlink = 1;
  return status;
}

std::span<const NamespaceName> namespace_names() {
  return names;
}

Ref<NamespaceFile> namespace_file(const Thread &thread, const NamespaceName &name) {
  auto file = make_ref<NamespaceFile>(name.kind, name.flag, number_of(thread, name));
  if (name.flag == CLONE_NEWNS && thread.fs)
    file->mounts = thread.fs->mounts;
  if (name.flag == CLONE_NEWUTS && thread.namespaces)
    file->uts = thread.namespaces->uts;
  return file;
}

Status enter_namespace(Thread &thread, const NamespaceFile &file) {
  if (!thread.credentials.capable(CAP_SYS_ADMIN))
    return Errno{EPERM};
  switch (file.flag()) {
  case CLONE_NEWNS:
    // "EINVAL: The caller shares filesystem-related state … with other processes". It starts at
    // the root of the namespace that it joins.
    if (thread.fs->reference_count() > 1)
      return Errno{EINVAL};
    thread.fs->mounts = file.mounts;
    thread.fs->root = thread.fs->working_directory = file.mounts->root();
    return Done{};
  case CLONE_NEWUTS:
  case CLONE_NEWCGROUP: {
    Ref<Namespaces> own = copy_of(thread);
    if (file.flag() == CLONE_NEWUTS)
      own->uts = file.uts;
    else
      own->cgroup = file.number() >= first_free_number ? file.number() : 0;
    thread.namespaces = std::move(own);
    return Done{};
  }
  case CLONE_NEWUSER:
    return Errno{
        EINVAL}; // "the caller attempted to join the user namespace in which it is already"
  default:
    return Done{}; // there is one of these, and the caller is in it
  }
}

} // namespace tine::process
