// inotify(7): events of files and directories, for those who watch them.
#pragma once

#include "fs/dentry.hpp"

#include <deque>
#include <map>
#include <string>
#include <sys/inotify.h>

namespace tine::fs {

class InotifyFile;

/// One watch. It keeps its inode; the inode knows it by InodeWatchers.
struct Watch {
  InotifyFile *owner;
  i32 descriptor;
  u32 mask;
  Ref<FileSystem> file_system;
  Ref<Inode> inode;
};

class DirectoryNotice;

/// The watches of an inode, in Inode::watchers. Owned by the inode; the watches and the notices are
/// the files'.
class InodeWatchers final : public RefCounted {
public:
  std::vector<Watch *> watches;
  std::vector<DirectoryNotice *> notices; ///< F_NOTIFY
};
/// Made on first use.
[[nodiscard]] InodeWatchers &watchers_of(Inode &inode);
/// Nothing is left of them if nobody watches the inode.
void drop_unused_watchers(Inode &inode);

/// An inotify instance. Guarded by the kernel lock.
class InotifyFile final : public File {
public:
  explicit InotifyFile(u32 flags) : File(flags) {}
  ~InotifyFile() override;

  /// The inode's watch descriptor: a new one, or the one that there is with its mask replaced
  /// (IN_MASK_ADD: extended). EEXIST with IN_MASK_CREATE.
  [[nodiscard]] Result<i32> add(const Ref<Inode> &inode, u32 mask);
  /// EINVAL. IN_IGNORED follows.
  [[nodiscard]] Status remove(i32 descriptor);

  struct Event {
    i32 descriptor;
    u32 mask, cookie;
    std::string name;
    bool operator==(const Event &) const = default;
    void archive(Archive &archive) { archive(descriptor, mask, cookie, name); }
  };
  void add_event(Event event);

  [[nodiscard]] Result<u64> read(memory::IoBuffer &to) override;
  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &changed_; }
  [[nodiscard]] bool tells_readiness() const override { return true; }
  [[nodiscard]] Result<u64> ioctl(const IoctlCall &call) override;
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] std::string description() override { return "anon_inode:inotify"; }
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, InotifyFile *saved);
  void archive_body(Archive &archive);

private:
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;
  void add_watch(i32 descriptor, const Ref<Inode> &inode, u32 mask);

  std::map<i32, Watch> watches_;
  i32 last_descriptor_ = 0;
  std::deque<Event> events_;
  sched::WaitQueue changed_;
};

/// Whether anybody watches anything: what the functions below ask first.
[[nodiscard]] bool is_watching();

/// Something happened to the file that the name stands for (IN_ACCESS, IN_MODIFY, IN_ATTRIB,
/// IN_OPEN, IN_CLOSE_*): its watchers learn it, and those of the directory, by name.
void notify(const Dentry &dentry, u32 event);
/// The same for the file of a description, if it has a place in the tree.
void notify(const File &file, u32 event);
/// To the inode's own watchers: IN_ATTRIB, IN_MOVE_SELF; IN_DELETE_SELF ends the watches.
void notify_self(Inode &inode, u32 event);
/// An entry of the directory came or went: IN_CREATE, IN_DELETE, IN_MOVED_*. `child` says whether
/// it is a directory.
void notify_entry(Inode &directory, std::string_view name, const Inode &child, u32 event,
                  u32 cookie = 0);
/// An entry of the directory got another name in it: DN_RENAME, which inotify doesn't have.
void notify_renamed_in(Inode &directory);
/// A name went, by unlink, rmdir or under a rename: if it was the last, and nobody has the file
/// open, the file is gone.
void notify_unlinked(const Dentry &dentry);
/// Connects the two events of a rename.
[[nodiscard]] u32 next_move_cookie();

} // namespace tine::fs
