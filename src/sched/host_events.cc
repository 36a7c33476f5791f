#include "sched/host_events.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>

namespace tine::sched {

HostEvents::HostEvents()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), wakeup_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wakeup_.get();
  if (!epoll_ || !wakeup_ || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wakeup_.get(), &event) != 0)
    throw std::runtime_error("the host gives no epoll descriptor");
}

void HostEvents::watch(int host_fd, u32 events, WaitQueue &queue) {
  auto [entry, is_new] = watches_.try_emplace(host_fd);
  Watch &watch = entry->second;
  watch.events |= events;
  if (std::find(watch.queues.begin(), watch.queues.end(), &queue) == watch.queues.end())
    watch.queues.push_back(&queue);
  epoll_event event{};
  event.events = watch.events | EPOLLONESHOT;
  event.data.fd = host_fd;
  const int operation = is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), operation, host_fd, &event) != 0) {
    // A regular file or a directory is always ready, and epoll refuses it.
    watches_.erase(entry);
    queue.wake_all();
  }
}

void HostEvents::unwatch(int host_fd, const WaitQueue &queue) {
  const auto found = watches_.find(host_fd);
  if (found == watches_.end())
    return;
  std::erase(found->second.queues, &queue);
  if (!found->second.queues.empty())
    return;
  watches_.erase(found);
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, host_fd, nullptr);
}

int HostEvents::wait(Nanoseconds timeout) {
  std::array<epoll_event, 64> events;
  timespec limit{timeout / 1'000'000'000, timeout % 1'000'000'000};
  const int count = ::epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   timeout < 0 ? nullptr : &limit, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event &event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == wakeup_.get()) {
      u64 value;
      [[maybe_unused]] ssize_t size = ::read(wakeup_.get(), &value, sizeof value);
    } else {
      ready_.push_back(event.data.fd);
    }
  }
  return static_cast<int>(ready_.size());
}

void HostEvents::dispatch() {
  for (const int fd : ready_) {
    auto entry = watches_.find(fd);
    if (entry == watches_.end())
      continue;
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    const std::vector<WaitQueue *> queues = std::move(entry->second.queues);
    watches_.erase(entry);
    for (WaitQueue *queue : queues)
      queue->wake_all();
  }
  ready_.clear();
}

void HostEvents::interrupt() {
  const u64 one = 1;
  [[maybe_unused]] ssize_t size = ::write(wakeup_.get(), &one, sizeof one);
}

} // namespace tine::sched
