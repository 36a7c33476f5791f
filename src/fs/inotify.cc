#include "fs/inotify.hpp"

#include "fs/directory_notice.hpp"
#include "fs/ioctl.hpp"
#include "fs/pseudo_fs.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <poll.h>
#include <sys/ioctl.h>

namespace tine::fs {
namespace {

/// /proc/sys/fs/inotify/max_queued_events.
constexpr std::size_t most_events = 16384;
/// Events that a mask chooses; the others (IN_IGNORED, IN_Q_OVERFLOW, IN_UNMOUNT) always come.
constexpr u32 chosen_events = IN_ALL_EVENTS;

std::atomic<u32> watched_inodes{0}; ///< of all families of this host process

/// The name of an event with its padding: a multiple of the header's size, and a NUL at least.
u64 padded_length(const std::string &name) {
  constexpr u64 unit = sizeof(inotify_event);
  return name.empty() ? 0 : (name.size() + 1 + unit - 1) / unit * unit;
}

void tell_notices(InodeWatchers &watchers, u32 event, bool renamed_here) {
  const std::vector<DirectoryNotice *> notices = watchers.notices;
  for (DirectoryNotice *notice : notices)
    notice->happened(event, renamed_here);
}

void tell(Inode &inode, u32 event, u32 cookie, std::string_view name) {
  const Ref<RefCounted> keep = inode.watchers;
  if (!keep)
    return;
  if (!name.empty())
    tell_notices(static_cast<InodeWatchers &>(*keep), event, false);
  const std::vector<Watch *> watches = static_cast<InodeWatchers &>(*keep).watches;
  for (const Watch *watch : watches) {
    if ((watch->mask & event & chosen_events) == 0)
      continue;
    InotifyFile &owner = *watch->owner;
    const bool once = (watch->mask & IN_ONESHOT) != 0;
    const i32 descriptor = watch->descriptor;
    owner.add_event({descriptor, event, cookie, std::string(name)});
    if (once)
      (void)owner.remove(descriptor);
  }
}

} // namespace

bool is_watching() {
  return watched_inodes != 0;
}

InodeWatchers &watchers_of(Inode &inode) {
  if (!inode.watchers) {
    inode.watchers = make_ref<InodeWatchers>();
    ++watched_inodes;
  }
  return static_cast<InodeWatchers &>(*inode.watchers);
}

void drop_unused_watchers(Inode &inode) {
  const InodeWatchers &watchers = watchers_of(inode);
  if (!watchers.watches.empty() || !watchers.notices.empty())
    return;
  inode.watchers = nullptr;
  --watched_inodes;
}

u32 next_move_cookie() {
  static std::atomic<u32> last{0};
  return ++last;
}

InotifyFile::~InotifyFile() {
  while (!watches_.empty())
    (void)remove(watches_.begin()->first);
}

Result<i32> InotifyFile::add(const Ref<Inode> &inode, u32 mask) {
  constexpr u32 kept = IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK;
  for (auto &[descriptor, watch] : watches_) {
    if (watch.inode != inode)
      continue;
    if ((mask & IN_MASK_CREATE) != 0)
      return Errno{EEXIST};
    watch.mask = (mask & kept) | ((mask & IN_MASK_ADD) != 0 ? watch.mask : 0U);
    return descriptor;
  }
  add_watch(++last_descriptor_, inode, mask & kept);
  return last_descriptor_;
}

void InotifyFile::add_watch(i32 descriptor, const Ref<Inode> &inode, u32 mask) {
  Watch &watch = watches_[descriptor];
  watch = {this, descriptor, mask, Ref<FileSystem>(&inode->file_system()), inode};
  watchers_of(*inode).watches.push_back(&watch);
}

/// In the fork of a box: the same watches of the copy's files. One of a generated file that nobody
/// has open is gone: no event ever comes from there.
Result<Ref<File>> InotifyFile::make_copy(Copier &copier) {
  Ref<InotifyFile> made = make_ref<InotifyFile>(status_flags());
  made->last_descriptor_ = last_descriptor_;
  made->events_ = events_;
  copier.at_end([this, &copier, made]() -> Status {
    for (const auto &[descriptor, watch] : watches_) {
      Ref<Inode> inode(copier.find(*watch.inode));
      if (!inode && TINE_TRY(copier.copy(watch.file_system)) == watch.file_system)
        inode = watch.inode;
      if (!inode && dynamic_cast<const PseudoInode *>(watch.inode.get()) == nullptr)
        inode = TINE_TRY(watch.inode->copy(copier, nullptr, {}));
      if (inode)
        made->add_watch(descriptor, inode, watch.mask);
    }
    return Done{};
  });
  return Ref<File>(made);
}

Status InotifyFile::remove(i32 descriptor) {
  const auto found = watches_.find(descriptor);
  if (found == watches_.end())
    return Errno{EINVAL};
  Inode &inode = *found->second.inode;
  std::erase(watchers_of(inode).watches, &found->second);
  drop_unused_watchers(inode);
  const Watch keep = std::move(found->second); // the inode goes before its file system
  watches_.erase(found);
  add_event({descriptor, IN_IGNORED, 0, ""});
  return Done{};
}

void InotifyFile::add_event(Event event) {
  // "If successive output inotify events … are identical …, then they are coalesced".
  if (!events_.empty() && events_.back() == event)
    return;
  if (events_.size() > most_events)
    return;
  if (events_.size() == most_events)
    event = {-1, IN_Q_OVERFLOW, 0, ""};
  events_.push_back(std::move(event));
  changed_.wake_all();
}

Result<u64> InotifyFile::read(memory::IoBuffer &to) {
  if (events_.empty())
    return Errno{EAGAIN};
  u64 total = 0;
  while (!events_.empty()) {
    const Event &event = events_.front();
    const u64 length = padded_length(event.name);
    std::vector<std::byte> bytes(sizeof(inotify_event) + length);
    if (bytes.size() > to.remaining())
      return total != 0 ? Result<u64>(total) : Errno{EINVAL};
    inotify_event header{};
    header.wd = event.descriptor;
    header.mask = event.mask;
    header.cookie = event.cookie;
    header.len = static_cast<u32>(length);
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, event.name.data(), event.name.size());
    total += TINE_TRY(to.copy_out(bytes));
    events_.pop_front();
  }
  return total;
}

u32 InotifyFile::poll() {
  return events_.empty() ? 0 : POLLIN | POLLRDNORM;
}

Result<u64> InotifyFile::ioctl(const IoctlCall &call) {
  if (call.request != FIONREAD)
    return Errno{ENOTTY};
  u64 bytes = 0;
  for (const Event &event : events_)
    bytes += sizeof(inotify_event) + padded_length(event.name);
  TINE_TRY(call.space.write_object(GuestAddress{call.argument}, static_cast<int>(bytes)));
  return u64{0};
}

void notify(const Dentry &dentry, u32 event) {
  if (!is_watching() || !dentry.inode())
    return;
  const Ref<Inode> inode = dentry.inode();
  const u32 flagged = event | (inode->is_directory() ? u32{IN_ISDIR} : 0U);
  if (dentry.parent() && dentry.parent()->inode())
    tell(*dentry.parent()->inode(), flagged, 0, dentry.name());
  tell(*inode, flagged, 0, "");
}

void notify(const File &file, u32 event) {
  if (is_watching() && file.place() != nullptr)
    notify(*file.place()->dentry, event);
}

void notify_self(Inode &inode, u32 event) {
  if (!is_watching())
    return;
  const bool names_itself = (event & (IN_MOVE_SELF | IN_DELETE_SELF)) != 0;
  tell(inode, event | (inode.is_directory() && !names_itself ? u32{IN_ISDIR} : 0U), 0, "");
  if ((event & IN_DELETE_SELF) == 0)
    return;
  while (inode.watchers && !watchers_of(inode).watches.empty()) {
    const Watch *watch = watchers_of(inode).watches.front();
    (void)watch->owner->remove(watch->descriptor);
  }
}

void notify_entry(Inode &directory, std::string_view name, const Inode &child, u32 event,
                  u32 cookie) {
  if (is_watching())
    tell(directory, event | (child.is_directory() ? u32{IN_ISDIR} : 0U), cookie, name);
}

void notify_renamed_in(Inode &directory) {
  if (const Ref<RefCounted> keep = directory.watchers)
    tell_notices(static_cast<InodeWatchers &>(*keep), 0, true);
}

void notify_unlinked(const Dentry &dentry) {
  if (!is_watching() || !dentry.is_deleted() || dentry.reference_count() > 1)
    return;
  const Ref<Inode> inode = dentry.inode();
  const Result<Attributes> attributes = inode->attributes();
  if (attributes && (attributes->links == 0 || inode->is_directory()))
    notify_self(*inode, IN_DELETE_SELF);
}

} // namespace tine::fs
