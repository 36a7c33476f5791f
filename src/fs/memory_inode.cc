#include "fs/memory_fs.hpp"

#include "fs/caller.hpp"
#include "fs/device_fs.hpp"

#include <fcntl.h>
#include <sys/xattr.h>
#include <tuple>

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

namespace tine::fs {
namespace {
bool is_later(const timespec &one, const timespec &other) {
  return std::tie(one.tv_sec, one.tv_nsec) > std::tie(other.tv_sec, other.tv_nsec);
}
} // namespace

MemoryInode::MemoryInode(MemoryFs &memory, const CreateRequest &request, u64 number)
    : Inode(request.mode & S_IFMT), memory_(memory), number_(number),
      own_(std::make_unique<Attributes>()), link_target_(request.link_target) {
  own_->device = memory.device();
  own_->inode = number;
  own_->mode = request.mode;
  own_->uid = request.uid;
  own_->gid = request.gid;
  own_->links = is_directory() ? 2 : 1;
  own_->special_device = request.special_device;
  seals = F_SEAL_SEAL; // only a memfd may have others
  own_->accessed = own_->modified = own_->changed = current_time();
  own_->born = own_->changed;
}

MemoryInode::MemoryInode(MemoryFs &memory, Ref<HostInode> lower, u64 number)
    : Inode(lower->type()), memory_(memory), number_(number), lower_(std::move(lower)) {
  seals = F_SEAL_SEAL;
}

MemoryInode::~MemoryInode() {
  if (!lower_)
    return;
  const Attributes &lower = lower_->remembered();
  const auto known = memory_.shown_.find({lower.device, lower.inode});
  if (known != memory_.shown_.end() && known->second == this)
    memory_.shown_.erase(known);
}

Result<Attributes> MemoryInode::attributes() {
  if (!own_) {
    Attributes result = TINE_TRY(lower_->attributes());
    result.device = memory_.device();
    result.inode = number_;
    return result;
  }
  Attributes result = *own_;
  if (pages_) {
    result.size = pages_->size();
    result.blocks = pages_->pages_present() * (page_size / 512);
  } else if (is_symlink() && !lower_) {
    result.size = link_target_.size();
  }
  return result;
}

Result<Attributes> MemoryInode::permissions() {
  return own_ ? *own_ : lower_->remembered();
}

/// The attributes are this layer's from now on; contents and entries still come from below.
Status MemoryInode::become_own() {
  if (own_)
    return Done{};
  own_ = std::make_unique<Attributes>(TINE_TRY(attributes()));
  const Attributes &lower = lower_->remembered();
  memory_.changed_.insert_or_assign({lower.device, lower.inode}, Ref<MemoryInode>(this));
  return Done{};
}

Status MemoryInode::change(const AttributeChange &change) {
  TINE_TRY(become_own());
  if ((seals & F_SEAL_EXEC) != 0 && change.mode && ((*change.mode ^ own_->mode) & 0111U))
    return Errno{EPERM};
  if (change.mode)
    own_->mode = type() | (*change.mode & 07777U);
  own_->uid = change.uid.value_or(own_->uid);
  own_->gid = change.gid.value_or(own_->gid);
  own_->accessed = change.accessed.value_or(own_->accessed);
  own_->modified = change.modified.value_or(own_->modified);
  own_->changed = current_time();
  return Done{};
}

Result<std::string> MemoryInode::read_link() {
  return lower_ ? lower_->read_link() : Result<std::string>(link_target_);
}

Result<Ref<MemoryPages>> MemoryInode::own_pages() {
  if (!pages_) {
    TINE_TRY(become_own());
    pages_ = make_ref<MemoryPages>(memory_.frames(), lower_, own_->size);
  }
  return pages_;
}

void MemoryInode::contents_read() {
  if (!own_)
    return; // a file of the host, which is only read
  constexpr i64 day = 24 * 60 * 60;
  const timespec now = current_time();
  const Attributes &known = *own_;
  if (!is_later(known.accessed, known.modified) || !is_later(known.accessed, known.changed) ||
      now.tv_sec - known.accessed.tv_sec >= day)
    own_->accessed = now;
}

void MemoryInode::contents_changed() {
  if (own_)
    own_->modified = own_->changed = current_time();
}

Result<u64> MemoryInode::read_at(memory::IoBuffer &to, u64 offset) {
  if (pages_)
    return pages_->read_at(to, offset);
  return lower_ ? lower_->read_at(to, offset) : Result<u64>(u64{0});
}

Result<u64> MemoryInode::write_at(memory::IoBuffer &from, u64 offset) {
  const Ref<MemoryPages> pages = TINE_TRY(own_pages());
  const u64 count = TINE_TRY(pages->write_at(from, offset));
  if (count > 0)
    contents_changed();
  return count;
}

Status MemoryInode::truncate(u64 size) {
  if (type() != S_IFREG)
    return is_directory() ? Errno{EISDIR} : Errno{EINVAL};
  const Ref<MemoryPages> pages = TINE_TRY(own_pages());
  if ((seals & F_SEAL_SHRINK) != 0 && size < pages->size())
    return Errno{EPERM};
  if ((seals & F_SEAL_GROW) != 0 && size > pages->size())
    return Errno{EPERM};
  TINE_TRY(pages->set_size(size));
  contents_changed();
  return Done{};
}

Result<Ref<memory::PageObject>> MemoryInode::pages_to_map(Mapping mapping) {
  if (mapping == Mapping::read_only && !pages_ && lower_)
    return Ref<memory::PageObject>(TINE_TRY(lower_->pages()));
  return Ref<memory::PageObject>(TINE_TRY(own_pages()));
}

sched::WaitQueue *MemoryInode::open_wait_queue(u32 flags) {
  if (!fifo_)
    return nullptr;
  return (flags & O_ACCMODE) == O_WRONLY ? &fifo_->opening_writers : &fifo_->opening_readers;
}

Result<Ref<File>> MemoryInode::open(const Path &path, u32 flags, const Credentials &) {
  switch (type()) {
  case S_IFDIR:
    return Ref<File>(make_ref<DirectoryFile>(path, flags));
  case S_IFIFO:
    if (!fifo_) {
      fifo_ = make_ref<Pipe>();
      if (lower_) // it must be the same pipe for all that open it
        TINE_TRY(become_own());
    }
    return open_fifo(fifo_, path, flags);
  case S_IFREG:
    if (lower_ && !pages_ && (flags & O_ACCMODE) != O_WRONLY)
      TINE_TRY(lower_->read_descriptor()); // EACCES of the host shows at open
    return Ref<File>(make_ref<MemoryFile>(path, flags, Ref<MemoryInode>(this)));
  case S_IFCHR:
    return open_device_node(TINE_TRY(attributes()).special_device, path, flags);
  default:
    return Errno{ENXIO};
  }
}

namespace {
/// xattr(7): those of a file system in memory; POSIX ACLs ("system.") and file capabilities aren't
/// kept.
bool keeps_attribute(std::string_view name) {
  return name.starts_with("user.") || name.starts_with("trusted.") ||
         (name.starts_with("security.") && name != "security.capability");
}
} // namespace

Result<std::string> MemoryInode::extended_attribute(const std::string &name) {
  const auto found = extended_.find(name);
  if (found == extended_.end())
    return keeps_attribute(name) ? Errno{ENODATA} : Errno{EOPNOTSUPP};
  return found->second;
}

Status MemoryInode::set_extended_attribute(const std::string &name, std::string_view value,
                                           int flags) {
  if (!keeps_attribute(name))
    return Errno{EOPNOTSUPP};
  const bool exists = extended_.contains(name);
  if (exists && (flags & XATTR_CREATE) != 0)
    return Errno{EEXIST};
  if (!exists && (flags & XATTR_REPLACE) != 0)
    return Errno{ENODATA};
  TINE_TRY(become_own());
  extended_[name] = value;
  own_->changed = current_time();
  return Done{};
}

Status MemoryInode::remove_extended_attribute(const std::string &name) {
  if (!keeps_attribute(name))
    return Errno{EOPNOTSUPP};
  return extended_.erase(name) != 0 ? Status(Done{}) : Errno{ENODATA};
}

Result<std::vector<std::string>> MemoryInode::extended_attributes() {
  std::vector<std::string> names;
  for (const auto &[name, value] : extended_)
    names.push_back(name);
  return names;
}

} // namespace tine::fs
