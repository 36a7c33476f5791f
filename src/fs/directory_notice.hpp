// F_NOTIFY of fcntl(2): a signal when something in a directory changes.
#pragma once

#include "fs/inode.hpp"

namespace tine::fs {

/// What one description of a directory is to tell. Owned by the description's AsyncSignals; its
/// inode's watchers know it (inotify.hpp).
class DirectoryNotice {
public:
  /// `table` is the descriptor table that asked, with `fd`: closing one of its descriptors of the
  /// description ends the notice.
  DirectoryNotice(File &file, Ref<Inode> directory, const void *table);
  ~DirectoryNotice();
  DirectoryNotice(const DirectoryNotice &) = delete;
  DirectoryNotice &operator=(const DirectoryNotice &) = delete;

  /// DN_*: "a series of F_NOTIFY requests is cumulative".
  void add(int fd, u32 events) {
    fd_ = fd;
    events_ |= events;
  }
  /// IN_* happened to a child, or to the list of them. The notice may be gone afterwards.
  void happened(u32 event, bool renamed_here);
  [[nodiscard]] const void *table() const { return table_; }
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] u32 events() const { return events_; }
  /// The same for the description in the copy of a box.
  [[nodiscard]] std::unique_ptr<DirectoryNotice> copy(File &made, const void *table) const;

private:
  File &file_;
  Ref<Inode> directory_;
  const void *table_;
  int fd_ = -1;
  u32 events_ = 0;
};

} // namespace tine::fs
