// What clone's CLONE_NEW* flags, unshare(2) and setns(2) separate: Linux's nsproxy. The mounts are
// with the thread's FileSystemContext. User, pid, network, IPC and time namespaces are not there.
#pragma once

#include "fs/file.hpp"
#include "process/thread.hpp"

#include <string>

namespace tine::process {

/// What CLONE_NEWUTS separates: uts_namespaces(7).
class UtsNamespace final : public RefCounted {
public:
  u64 id = 0; ///< inode number of /proc/PID/ns/uts
  std::string hostname;
  std::string domain_name;
  /// In the copy of a box.
  [[nodiscard]] Result<Ref<UtsNamespace>> copy(Copier &copier) const;
};

/// The namespaces of a thread that aren't the box's first ones. Immutable: who unshares gets
/// another one. Guarded by the kernel lock.
class Namespaces final : public RefCounted {
public:
  Ref<UtsNamespace> uts; ///< null: the box's first
  u64 cgroup = 0;        ///< its id; 0: the box's first. A box has no cgroups: nothing else differs
  /// In the copy of a box.
  [[nodiscard]] Result<Ref<Namespaces>> copy(Copier &copier) const;
};

/// EPERM without CAP_SYS_ADMIN, and for those that are not there.
[[nodiscard]] Status check_new_namespaces(const Thread &thread, u64 flags);
/// Gives the thread new namespaces, copies of its own. Its FileSystemContext must be its alone if
/// CLONE_NEWNS is among the flags.
void make_new_namespaces(Thread &thread, u64 flags);

[[nodiscard]] std::string &hostname_of(const Thread &thread);
[[nodiscard]] std::string &domain_name_of(const Thread &thread);

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
  Ref<fs::MountNamespace> mounts; ///< of kind mnt
  Ref<UtsNamespace> uts;          ///< of kind uts; null: the box's first

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
[[nodiscard]] Ref<NamespaceFile> namespace_file(const Thread &thread, const NamespaceName &name);
/// setns(2): EINVAL for a thread that can't change (mounts that others share), EPERM.
[[nodiscard]] Status enter_namespace(Thread &thread, const NamespaceFile &file);

} // namespace tine::process
