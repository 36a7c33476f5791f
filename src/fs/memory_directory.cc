// The entries of a directory in memory, merged with those of the directory below.
#include "fs/memory_fs.hpp"

#include <dirent.h>
#include <set>

namespace tine::fs {

bool MemoryInode::is_lower_name(std::string_view name) const {
  return lower_ && lower_->host_lookup(name).ok();
}

void MemoryInode::touch_directory() {
  own_->modified = own_->changed = current_time();
}

Result<Ref<Inode>> MemoryInode::lookup(std::string_view name) {
  if (!is_directory())
    return Errno{ENOTDIR};
  if (const auto found = entries_.find(name); found != entries_.end()) {
    if (!found->second)
      return Errno{ENOENT};
    return Ref<Inode>(found->second);
  }
  if (!lower_)
    return Errno{ENOENT};
  return Ref<Inode>(memory_.show(TINE_TRY(lower_->host_lookup(name))));
}

Result<std::vector<DirectoryEntry>> MemoryInode::list() {
  if (!is_directory())
    return Errno{ENOTDIR};
  std::vector<DirectoryEntry> entries;
  if (lower_) {
    const u64 device = lower_->remembered().device;
    for (DirectoryEntry &entry : TINE_TRY(lower_->list())) {
      if (entries_.contains(entry.name))
        continue;
      entry.inode = memory_.number_of(device, entry.inode);
      entries.push_back(std::move(entry));
    }
  }
  for (const auto &[name, inode] : entries_)
    if (inode)
      entries.push_back({inode->number_, 0, static_cast<u8>(IFTODT(inode->type())), name});
  return entries;
}

Result<Ref<Inode>> MemoryInode::create(std::string_view name, const CreateRequest &given) {
  if (lookup(name).ok())
    return Errno{EEXIST};
  TINE_TRY(become_own());
  CreateRequest request = given;
  if ((own_->mode & S_ISGID) != 0) {
    // inode(7): in a set-group-ID directory new files get the directory's group, new directories
    // the bit.
    request.gid = own_->gid;
    if ((request.mode & S_IFMT) == S_IFDIR)
      request.mode |= S_ISGID;
  }
  Ref<MemoryInode> inode = make_ref<MemoryInode>(memory_, request, memory_.next_number_++);
  entries_.insert_or_assign(std::string(name), inode);
  if (inode->is_directory())
    ++own_->links;
  touch_directory();
  return Ref<Inode>(inode);
}

Result<Ref<Inode>> MemoryInode::create_unnamed(const CreateRequest &request) {
  return Ref<Inode>(memory_.unnamed(request));
}

Status MemoryInode::link(std::string_view name, Inode &target) {
  auto *inode = dynamic_cast<MemoryInode *>(&target);
  if (!inode || &inode->memory_ != &memory_)
    return Errno{EXDEV};
  if (lookup(name).ok())
    return Errno{EEXIST};
  TINE_TRY(become_own());
  TINE_TRY(inode->become_own());
  ++inode->own_->links;
  inode->own_->changed = current_time();
  entries_.insert_or_assign(std::string(name), Ref<MemoryInode>(inode));
  touch_directory();
  return Done{};
}

/// Removes the name; what the directory below has under it is not seen any more.
void MemoryInode::hide(std::string_view name) {
  if (is_lower_name(name))
    entries_.insert_or_assign(std::string(name), nullptr);
  else if (const auto found = entries_.find(name); found != entries_.end())
    entries_.erase(found);
}

void MemoryInode::one_name_less() {
  own_->changed = current_time();
  own_->links -= is_directory() ? own_->links : 1;
  if (own_->links != 0 || !lower_)
    return;
  const Attributes &lower = lower_->remembered();
  memory_.changed_.erase({lower.device, lower.inode});
}

Status MemoryInode::unlink(std::string_view name, Inode &child) {
  auto &inode = static_cast<MemoryInode &>(child);
  const Ref<MemoryInode> kept(&inode);
  TINE_TRY(become_own());
  TINE_TRY(inode.become_own());
  hide(name);
  inode.one_name_less();
  touch_directory();
  return Done{};
}

Status MemoryInode::remove_directory(std::string_view name, Inode &child) {
  auto &inode = static_cast<MemoryInode &>(child);
  const Ref<MemoryInode> kept(&inode);
  if (!TINE_TRY(inode.list()).empty())
    return Errno{ENOTEMPTY};
  TINE_TRY(become_own());
  TINE_TRY(inode.become_own());
  hide(name);
  inode.one_name_less();
  --own_->links;
  touch_directory();
  return Done{};
}

Status MemoryInode::rename(std::string_view name, Inode &child, Inode &new_directory,
                           std::string_view new_name, Inode *replaced, RenameKind kind) {
  auto *to = dynamic_cast<MemoryInode *>(&new_directory);
  if (!to || &to->memory_ != &memory_)
    return Errno{EXDEV};
  const Ref<MemoryInode> moved(static_cast<MemoryInode *>(&child));
  const Ref<MemoryInode> other(static_cast<MemoryInode *>(replaced));
  if (other && kind == RenameKind::move && other->is_directory() &&
      !TINE_TRY(other->list()).empty())
    return Errno{ENOTEMPTY};
  TINE_TRY(become_own());
  TINE_TRY(to->become_own());
  TINE_TRY(moved->become_own());
  if (other)
    TINE_TRY(other->become_own());
  // Nothing can fail from here on.
  hide(name);
  to->entries_.insert_or_assign(std::string(new_name), moved);
  if (moved->is_directory()) {
    --own_->links;
    ++to->own_->links;
  }
  if (other && other->is_directory())
    --to->own_->links;
  if (other && kind == RenameKind::exchange) {
    entries_.insert_or_assign(std::string(name), other);
    other->own_->changed = current_time();
    if (other->is_directory())
      ++own_->links;
  } else if (other) {
    other->one_name_less();
  }
  moved->own_->changed = current_time();
  touch_directory();
  to->touch_directory();
  return Done{};
}

} // namespace tine::fs
