#include "fs/directory_notice.hpp"

#include "fs/async_signals.hpp"
#include "fs/inotify.hpp"

#include <csignal>
#include <fcntl.h>

namespace tine::fs {
namespace {

/// Which DN_* an inotify event of a child is.
u32 notice_of(u32 event, bool renamed_here) {
  u32 result = 0;
  if ((event & IN_ACCESS) != 0)
    result |= DN_ACCESS;
  if ((event & IN_MODIFY) != 0)
    result |= DN_MODIFY;
  if ((event & IN_ATTRIB) != 0)
    result |= DN_ATTRIB;
  if ((event & (IN_CREATE | IN_MOVED_TO)) != 0)
    result |= DN_CREATE;
  if ((event & (IN_DELETE | IN_MOVED_FROM)) != 0)
    result |= DN_DELETE;
  if (renamed_here)
    result |= DN_RENAME;
  return result;
}

} // namespace

DirectoryNotice::DirectoryNotice(File &file, Ref<Inode> directory, const void *table)
    : file_(file), directory_(std::move(directory)), table_(table) {
  watchers_of(*directory_).notices.push_back(this);
}

DirectoryNotice::~DirectoryNotice() {
  std::erase(watchers_of(*directory_).notices, this);
  drop_unused_watchers(*directory_);
}

void DirectoryNotice::happened(u32 event, bool renamed_here) {
  if ((events_ & notice_of(event, renamed_here)) == 0)
    return;
  file_.async->send(fd_, POLL_MSG);
  // "Directory notifications are normally 'one-shot', and the application must reregister".
  if ((events_ & DN_MULTISHOT) == 0)
    file_.async->notice = nullptr;
}

std::unique_ptr<DirectoryNotice> DirectoryNotice::copy(File &made, const void *table) const {
  auto copied = std::make_unique<DirectoryNotice>(made, made.inode(), table);
  copied->add(fd_, events_);
  return copied;
}

} // namespace tine::fs
