// /proc/PID/mounts, mountinfo and mountstats.
#include "process/procfs/subject.hpp"

#include <fmt/format.h>
#include <functional>
#include <sys/sysmacros.h>

namespace tine::process {
namespace {

constexpr std::string_view special = " \t\n\\#";

std::string options_of(const fs::Mount &mount) {
  std::string options = mount.is_read_only() ? "ro" : "rw";
  if (mount.flags & fs::mount_no_suid)
    options += ",nosuid";
  if (mount.flags & fs::mount_no_device)
    options += ",nodev";
  if (mount.flags & fs::mount_no_exec)
    options += ",noexec";
  options += (mount.flags & fs::mount_no_access_times) != 0 ? ",noatime" : ",relatime";
  if (mount.flags & fs::mount_no_symlinks)
    options += ",nosymfollow";
  return options;
}

std::string mountpoint_of(const fs::Mount &mount, const fs::Path &root) {
  if (!mount.parent)
    return "/";
  return fs::path_name(fs::Path{mount.parent, mount.mountpoint}, root);
}

/// The part of its file system that a bind mount shows.
std::string shown_part(const fs::Mount &mount) {
  std::string path;
  for (const fs::Dentry *dentry = mount.root.get(); dentry && dentry->parent();
       dentry = dentry->parent().get())
    path.insert(0, "/" + dentry->name());
  return path.empty() ? "/" : path;
}

using Describe = std::function<std::string(const fs::Mount &mount, const std::string &mountpoint)>;

Result<std::string> each_mount(const Subject &subject, const Describe &describe) {
  const Thread &thread = *TINE_TRY(subject.thread());
  std::string text;
  if (!thread.fs || !thread.fs->mounts)
    return text;
  for (const Ref<fs::Mount> &mount : thread.fs->mounts->mounts())
    text += describe(*mount, escape(mountpoint_of(*mount, thread.fs->root), special));
  return text;
}

} // namespace

Result<std::string> mounts_text(const Subject &subject) {
  return each_mount(subject, [](const fs::Mount &mount, const std::string &mountpoint) {
    return fmt::format("{} {} {} {} 0 0\n", escape(mount.source, special), mountpoint,
                       mount.file_system->type_name(), options_of(mount));
  });
}

Result<std::string> mountinfo_text(const Subject &subject) {
  return each_mount(subject, [](const fs::Mount &mount, const std::string &mountpoint) {
    const u64 device = mount.file_system->device();
    return fmt::format("{} {} {}:{} {} {} {} - {} {} {}\n", mount.id,
                       mount.parent ? mount.parent->id : 0, gnu_dev_major(device),
                       gnu_dev_minor(device), escape(shown_part(mount), special), mountpoint,
                       options_of(mount), mount.file_system->type_name(),
                       escape(mount.source, special), mount.is_read_only() ? "ro" : "rw");
  });
}

Result<std::string> mountstats_text(const Subject &subject) {
  return each_mount(subject, [](const fs::Mount &mount, const std::string &mountpoint) {
    return fmt::format("device {} mounted on {} with fstype {}\n", escape(mount.source, special),
                       mountpoint, mount.file_system->type_name());
  });
}

} // namespace tine::process
