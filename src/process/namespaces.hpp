// What clone's CLONE_NEW* flags, unshare(2) and setns(2) separate: Linux's nsproxy. The mounts are
// with the thread's FileSystemContext, the user namespace with its credentials. There are no time
// namespaces.
#pragma once

#include "fs/file.hpp"
#include "net/network.hpp"
#include "process/ipc/ipc_namespace.hpp"
#include "process/pid_namespace.hpp"
#include "process/thread.hpp"

#include <string>

namespace tine::process {

/// What CLONE_NEWUTS separates: uts_namespaces(7).
class UtsNamespace final : public RefCounted {
public:
  u64 id = 0;                   ///< inode number of /proc/PID/ns/uts
  Ref<fs::UserNamespace> owner; ///< null: the box's first
  std::string hostname;
  std::string domain_name;
  /// In the copy of a box.
  [[nodiscard]] Result<Ref<UtsNamespace>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, UtsNamespace *saved);
  void archive_body(Archive &archive);
};

/// The namespaces of a thread that aren't the box's first ones. Immutable: who unshares gets
/// another one. Guarded by the kernel lock.
class Namespaces final : public RefCounted {
public:
  // Each is null for the box's first.
  Ref<UtsNamespace> uts;
  Ref<PidNamespace> pid;              ///< that of the thread itself
  Ref<PidNamespace> pid_for_children; ///< differs after unshare(2) and setns(2)
  Ref<IpcNamespace> ipc;
  Ref<net::Network> network;
  u64 cgroup = 0; ///< its id; 0: the box's first. A box has no cgroups: nothing else differs
  /// In the copy of a box.
  [[nodiscard]] Result<Ref<Namespaces>> copy(Copier &copier) const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Namespaces *saved);
  void archive_body(Archive &archive);
};

/// A Namespaces that the thread can be given, with what it has now.
[[nodiscard]] Ref<Namespaces> copy_of_namespaces(const Thread &thread);
/// set_cred_user_ns: "The child process … has a complete set of capabilities in the new user
/// namespace"; user_namespaces(7).
void take_user_namespace(Thread &thread, Ref<fs::UserNamespace> space);
/// EPERM without CAP_SYS_ADMIN; EINVAL, ENOSPC, EUSERS as unshare(2) has them.
[[nodiscard]] Status check_new_namespaces(const Thread &thread, u64 flags);
/// Gives the thread new namespaces, copies of its own. Its FileSystemContext must be its alone if
/// CLONE_NEWNS is among the flags. CLONE_NEWPID is for the children that it will have.
void make_new_namespaces(Thread &thread, u64 flags);
/// A new process begins in the pid namespace that its parent has for its children.
void enter_pid_namespace(Thread &child);

// ---- what a thread has ----
[[nodiscard]] std::string &hostname_of(const Thread &thread);
[[nodiscard]] std::string &domain_name_of(const Thread &thread);
[[nodiscard]] const fs::UserNamespace *owner_of_hostname(const Thread &thread);
[[nodiscard]] IpcNamespace &ipc_of(const Thread &thread);
[[nodiscard]] net::Network &network_of(const Thread &thread);
/// Null: the box's own.
[[nodiscard]] inline PidNamespace *pid_namespace_of(const Thread &thread) {
  return thread.namespaces ? thread.namespaces->pid.get() : nullptr;
}
[[nodiscard]] inline fs::UserNamespace *user_namespace_of(const Thread &thread) {
  return thread.credentials.user_namespace.get();
}

// ---- pids where they enter and leave the kernel ----
/// No process's: what a number that names none becomes.
inline constexpr Pid nobody{0x7fffffff};
/// As the thread's pid namespace numbers it; none if it isn't there.
[[nodiscard]] Pid shown_pid(const Thread &thread, Pid pid);
/// The pid with this number in the thread's namespace, or `nobody`; none and -1 stay.
[[nodiscard]] Pid given_pid(const Thread &thread, Pid number);
/// Nobody holds the pid any more: its numbers are free. The last of an ended namespace lets the end
/// of process 1 be told.
void leave_pid_namespaces(Kernel &kernel, Pid pid);
/// The process is process 1 of its pid namespace and has ended: zap_pid_ns_processes. True: others
/// are still to end.
[[nodiscard]] bool end_pid_namespace(Process &process);

/// What opening /proc/PID/ns/NAME gives: it keeps the namespace for setns(2).
class NamespaceFile final : public fs::File {
public:
  NamespaceFile(const char *kind, u64 flag, u64 number)
      : File(0), kind_(kind), flag_(flag), number_(number) {}
  std::string description() override;
  Result<struct stat> stat() override;
  Result<Ref<fs::File>> reopen(u32) override { return Ref<fs::File>(this); }

  /// CLONE_NEW*.
  [[nodiscard]] u64 flag() const { return flag_; }
  [[nodiscard]] u64 number() const { return number_; }

  // Of the kind that the file is; null: the box's first.
  Ref<fs::MountNamespace> mounts;
  Ref<UtsNamespace> uts;
  Ref<PidNamespace> pid;
  Ref<IpcNamespace> ipc;
  Ref<net::Network> network;
  Ref<fs::UserNamespace> user;
  /// The user namespace that owns it; null: the box's first.
  [[nodiscard]] Ref<fs::UserNamespace> owner() const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, NamespaceFile *saved);
  void archive_body(Archive &archive);

private:
  [[nodiscard]] Result<Ref<fs::File>> make_copy(Copier &copier) override;

  const char *kind_;
  u64 flag_, number_;
};

struct NamespaceName {
  const char *name;
  const char *kind;
  u64 flag;
  u64 first; ///< the number of the box's first: include/linux/proc_ns.h
};
/// The entries of /proc/PID/ns.
[[nodiscard]] std::span<const NamespaceName> namespace_names();
/// ENOENT: pid_for_children before there is a process 1.
[[nodiscard]] Result<Ref<NamespaceFile>> namespace_file(const Thread &thread,
                                                        const NamespaceName &name);
[[nodiscard]] Ref<NamespaceFile> user_namespace_file(const Ref<fs::UserNamespace> &space);
[[nodiscard]] Ref<NamespaceFile> pid_namespace_file(const Ref<PidNamespace> &space);
/// setns(2): EINVAL for a thread that can't change (mounts that others share), EPERM.
[[nodiscard]] Status enter_namespace(Thread &thread, const NamespaceFile &file);

} // namespace tine::process
