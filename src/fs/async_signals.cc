#include "fs/async_signals.hpp"

#include "fs/directory_notice.hpp"
#include "fs/file.hpp"

#include <csignal>
#include <poll.h>
#include <utility>

namespace tine::fs {

/// Hears of a file's changes, and says which of them make something possible.
class AsyncSignals::Readiness final : public sched::WakeTarget {
public:
  Readiness(AsyncSignals &signals, int fd) : signals_(signals), fd_(fd) {
    was_ready_ = signals.file_.poll();
    if (sched::WaitQueue *queue = signals.file_.wait_queue())
      wait_on(*queue);
  }

  void woken(sched::WaitQueue &) override {
    const u32 ready = signals_.file_.poll();
    const u32 before = std::exchange(was_ready_, ready);
    // More input is news each time; room for output only after there was none.
    if ((ready & POLLIN) != 0)
      signals_.send(fd_, POLL_IN);
    else if ((ready & POLLHUP) != 0)
      signals_.send(fd_, POLL_HUP);
    else if ((ready & POLLOUT) != 0 && (before & POLLOUT) == 0)
      signals_.send(fd_, POLL_OUT);
  }
  [[nodiscard]] int fd() const { return fd_; }

private:
  AsyncSignals &signals_;
  int fd_;
  u32 was_ready_ = 0;
};

AsyncSignals::AsyncSignals(File &file, AsyncSender &sender) : file_(file), sender_(sender) {}
AsyncSignals::~AsyncSignals() = default;

void AsyncSignals::tell_readiness(int fd) {
  readiness_ = std::make_unique<Readiness>(*this, fd);
}

void AsyncSignals::end_readiness() {
  readiness_ = nullptr;
}

void AsyncSignals::descriptor_closed(const void *table) {
  if (notice && notice->table() == table)
    notice = nullptr;
}

std::unique_ptr<AsyncSignals> AsyncSignals::copy(Copier &copier, File &made) const {
  AsyncSender *sender = copier.counterpart(sender_);
  if (sender == nullptr)
    return nullptr;
  auto copied = std::make_unique<AsyncSignals>(made, *sender);
  copied->owner = owner;
  copied->signal = signal;
  if (readiness_)
    copied->tell_readiness(readiness_->fd());
  if (notice)
    copier.at_end([this, &copier, &made]() -> Status {
      // The table may have been copied later than the description.
      if (const void *table = copier.find_address(notice->table()))
        made.async->notice = notice->copy(made, table);
      return Done{};
    });
  return copied;
}

void AsyncSignals::archive(Archive &archive) {
  std::optional<i32> ready_fd;
  if (readiness_)
    ready_fd = readiness_->fd();
  archive.choice(owner.kind, AsyncOwner::Kind::group);
  archive(owner.id, owner.uid, owner.euid, signal, ready_fd);
  if (signal < 0 || signal > 64)
    archive.fail("it has a signal that can't be");
  bool notifies = notice != nullptr;
  archive(notifies);
  if (notifies) // the table may come later than the description
    archive.at_end([keep = Ref<File>(&file_)](Archive &end) {
      if (keep->async)
        keep->async->archive_notice(end);
    });
  if (archive.is_reading() && ready_fd) // when there is somebody whole to get signals
    archive.at_end([keep = Ref<File>(&file_), fd = *ready_fd](Archive &) {
      if (keep->async)
        keep->async->tell_readiness(fd);
    });
}

void AsyncSignals::archive_notice(Archive &archive) {
  const void *table = notice ? notice->table() : nullptr;
  i32 fd = notice ? notice->fd() : -1;
  u32 events = notice ? notice->events() : 0;
  archive.weak_address(table);
  archive(fd, events);
  if (!archive.is_reading() || table == nullptr || !archive.ok())
    return;
  const Ref<Inode> directory = file_.inode();
  if (!directory || !directory->is_directory())
    return archive.fail("it has a notification of no directory");
  notice = std::make_unique<DirectoryNotice>(file_, directory, table);
  notice->add(fd, events);
}

} // namespace tine::fs
