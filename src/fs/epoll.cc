#include "fs/epoll.hpp"

#include <algorithm>
#include <fcntl.h>
#include <poll.h>

namespace tine::fs {
namespace {

constexpr int nesting_limit = 5; // "The maximum nesting depth is 5" (epoll_ctl(2))
constexpr u32 always_reported = EPOLLERR | EPOLLHUP;

} // namespace

EpollItem::EpollItem(EpollFile &owner, File &file, int fd, const epoll_event &event)
    : owner_(owner), file_(&file), fd_(fd), event_(event) {
  file.epoll_items.push_back(this);
}

EpollItem::~EpollItem() {
  std::erase(file_->epoll_items, this);
  owner_.unlist(*this);
}

void EpollItem::woken(sched::WaitQueue &) {
  owner_.list(*this);
}

bool EpollItem::is_exclusive() const {
  return (event_.events & EPOLLEXCLUSIVE) != 0 && !owner_.changed_.empty();
}

void EpollItem::file_closed() {
  owner_.items_.erase({file_, fd_});
}

EpollFile::EpollFile() : File(O_RDWR) {}
EpollFile::~EpollFile() {
  items_.clear();
}

void EpollFile::list(EpollItem &item) {
  if (item.disabled_)
    return;
  if (!item.listed_) {
    item.listed_ = true;
    ready_.push_back(&item);
  }
  changed_.wake_all();
}

void EpollFile::unlist(EpollItem &item) {
  if (!item.listed_)
    return;
  item.listed_ = false;
  ready_.remove(&item);
}

void EpollFile::watch(EpollItem &item) {
  if (sched::WaitQueue *queue = item.file_->wait_queue())
    item.wait_on(*queue);
  item.file_->prepare_wait(item.event_.events);
  if ((item.file_->poll() & (item.event_.events | always_reported)) != 0)
    list(item);
}

bool EpollFile::contains(const EpollFile &other, int depth) const {
  if (this == &other || depth > nesting_limit)
    return true;
  return std::any_of(items_.begin(), items_.end(), [&](const auto &entry) {
    const auto *inner = dynamic_cast<const EpollFile *>(entry.first.first);
    return inner && inner->contains(other, depth + 1);
  });
}

int EpollFile::depth() const {
  int deepest = 0;
  for (const auto &[key, item] : items_)
    if (const auto *inner = dynamic_cast<const EpollFile *>(key.first))
      deepest = std::max(deepest, inner->depth());
  return deepest + 1;
}

/// Instances above this one, on the longest way up.
int EpollFile::height() const {
  int highest = 0;
  for (const EpollItem *item : epoll_items)
    highest = std::max(highest, item->owner_.height() + 1);
  return highest;
}

Status EpollFile::add(File &file, int fd, const epoll_event &event) {
  if (&file == this)
    return Errno{EINVAL};
  if (!file.wait_queue())
    return Errno{EPERM}; // "The target file fd does not support epoll": regular files, directories
  auto *inner = dynamic_cast<EpollFile *>(&file);
  if ((event.events & EPOLLEXCLUSIVE) != 0) {
    constexpr u32 allowed =
        EPOLLEXCLUSIVE | EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET;
    if (inner || (event.events & ~allowed) != 0)
      return Errno{EINVAL};
  }
  if (inner && (inner->contains(*this, 0) || height() + inner->depth() >= nesting_limit))
    return Errno{ELOOP};
  if (items_.contains({&file, fd}))
    return Errno{EEXIST};
  auto item = std::make_unique<EpollItem>(*this, file, fd, event);
  EpollItem &added = *item;
  items_.emplace(Key{&file, fd}, std::move(item));
  watch(added);
  return Done{};
}

Status EpollFile::modify(File &file, int fd, const epoll_event &event) {
  const auto found = items_.find({&file, fd});
  if (found == items_.end())
    return Errno{ENOENT};
  EpollItem &item = *found->second;
  if (((event.events | item.event_.events) & EPOLLEXCLUSIVE) != 0)
    return Errno{EINVAL};
  item.event_ = event;
  item.disabled_ = false;
  watch(item);
  return Done{};
}

Status EpollFile::remove(File &file, int fd) {
  return items_.erase({&file, fd}) != 0 ? Status(Done{}) : Errno{ENOENT};
}

std::vector<epoll_event> EpollFile::take_ready(std::size_t limit) {
  std::vector<epoll_event> events;
  std::list<EpollItem *> candidates;
  candidates.swap(ready_);
  std::list<EpollItem *> again;
  while (!candidates.empty() && events.size() < limit) {
    EpollItem &item = *candidates.front();
    candidates.pop_front();
    item.listed_ = false;
    const u32 ready = item.file_->poll() & (item.event_.events | always_reported);
    if (ready == 0) {
      item.file_->prepare_wait(item.event_.events);
      continue;
    }
    events.push_back({ready, item.event_.data});
    if ((item.event_.events & EPOLLONESHOT) != 0) {
      item.disabled_ = true;
    } else if ((item.event_.events & EPOLLET) == 0) {
      item.listed_ = true; // level-triggered: reported again while it holds
      again.push_back(&item);
    } else {
      item.file_->prepare_wait(item.event_.events);
    }
  }
  // What wasn't looked at comes first the next time, so that no file starves.
  candidates.splice(candidates.end(), ready_);
  candidates.splice(candidates.end(), again);
  ready_ = std::move(candidates);
  return events;
}

u32 EpollFile::poll() {
  for (auto at = ready_.begin(); at != ready_.end();) {
    EpollItem &item = **at;
    if ((item.file_->poll() & (item.event_.events | always_reported)) != 0)
      return POLLIN | POLLRDNORM;
    item.listed_ = false;
    at = ready_.erase(at);
    item.file_->prepare_wait(item.event_.events);
  }
  return 0;
}

void EpollFile::prepare_wait(u32) {
  for (const auto &[key, item] : items_)
    if (!item->disabled_)
      item->file_->prepare_wait(item->event_.events);
}

std::string EpollFile::information() const {
  std::string text;
  for (const auto &[key, item] : items_) {
    char line[96];
    std::snprintf(line, sizeof line, "tfd: %8d events: %8x data: %16llx\n", item->fd_,
                  item->event_.events, static_cast<unsigned long long>(item->event_.data.u64));
    text += line;
  }
  return text;
}

} // namespace tine::fs
