// epoll(7): a set of files, and the list of those that may be ready.
#pragma once

#include "fs/file.hpp"

#include <list>
#include <map>
#include <sys/epoll.h>

namespace tine::fs {

class EpollFile;

/// One registration: a file, by the descriptor it was added with. Owned by its epoll instance;
/// known to its file, which it doesn't keep alive ("closing the last descriptor removes it").
class EpollItem final : public sched::WakeTarget {
public:
  EpollItem(EpollFile &owner, File &file, int fd, const epoll_event &event);
  ~EpollItem() override;

  void woken(sched::WaitQueue &queue) override;
  /// With EPOLLEXCLUSIVE, if somebody waits for its epoll instance.
  [[nodiscard]] bool is_exclusive() const override;
  /// The file is about to be destroyed: destroys this item.
  void file_closed();

private:
  friend class EpollFile;
  EpollFile &owner_;
  File *file_;
  int fd_;
  epoll_event event_;
  bool disabled_ = false; ///< EPOLLONESHOT has fired
  bool listed_ = false;   ///< on the owner's ready list
};

/// Guarded by the kernel lock.
class EpollFile final : public File {
public:
  EpollFile();
  ~EpollFile() override;

  /// epoll_ctl: EEXIST, ENOENT, EINVAL, ELOOP, EPERM.
  [[nodiscard]] Status add(File &file, int fd, const epoll_event &event);
  [[nodiscard]] Status modify(File &file, int fd, const epoll_event &event);
  [[nodiscard]] Status remove(File &file, int fd);
  /// What is ready now, at most `limit` events; edge-triggered and one-shot items are used up.
  [[nodiscard]] std::vector<epoll_event> take_ready(std::size_t limit);

  [[nodiscard]] u32 poll() override;
  [[nodiscard]] sched::WaitQueue *wait_queue() override { return &changed_; }
  void prepare_wait(u32 events) override;
  [[nodiscard]] bool can_splice(Splice) const override { return false; }
  [[nodiscard]] std::string description() override { return "anon_inode:[eventpoll]"; }
  /// Lines of /proc/PID/fdinfo/N: "tfd: ...".
  [[nodiscard]] std::string information() const;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, EpollFile *saved);
  void archive_body(Archive &archive);

private:
  friend class EpollItem;
  [[nodiscard]] Result<Ref<File>> make_copy(Copier &copier) override;
  void copy_items(const EpollFile &original, const Copier &copier);
  void archive_items(Archive &archive);
  void restore_item(File &file, int fd, const epoll_event &event, bool disabled, bool listed);
  using Key = std::pair<File *, int>;
  void list(EpollItem &item);
  void unlist(EpollItem &item);
  void watch(EpollItem &item);
  [[nodiscard]] bool contains(const EpollFile &other, int depth) const;
  /// How deep epoll instances are nested below this one.
  [[nodiscard]] int depth() const;
  [[nodiscard]] int height() const;

  std::map<Key, std::unique_ptr<EpollItem>> items_;
  std::list<EpollItem *> ready_;
  sched::WaitQueue changed_;
};

} // namespace tine::fs
