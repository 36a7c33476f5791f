// poll, select and epoll as strace prints them.
#include "syscall/strace_flags.hpp"
#include "syscall/strace_structs.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>

namespace tine::syscall {
namespace {

using memory::AddressSpace;

constexpr u64 shown_entries = 32;

std::string print_poll_fds(AddressSpace &space, u64 address, u64 count) {
  if (address == 0)
    return "NULL";
  std::string text = "[";
  for (u64 i = 0; i < std::min(count, shown_entries); ++i) {
    const auto entry = space.read_object<pollfd>(GuestAddress{address + i * sizeof(pollfd)});
    if (!entry)
      return print_pointer(address);
    text += fmt::format("{}{{fd={}, events={}}}", i != 0 ? ", " : "", entry->fd,
                        print_poll_events(static_cast<u16>(entry->events)));
  }
  return text + (count > shown_entries ? ", ...]" : "]");
}

std::string print_ready_fds(AddressSpace &space, u64 address, u64 count) {
  std::string text;
  for (u64 i = 0; i < count && text.size() < 1024; ++i) {
    const auto entry = space.read_object<pollfd>(GuestAddress{address + i * sizeof(pollfd)});
    if (entry && entry->revents != 0)
      text += fmt::format("{}{{fd={}, revents={}}}", text.empty() ? "" : ", ", entry->fd,
                          print_poll_events(static_cast<u16>(entry->revents)));
  }
  return "([" + text + "])";
}

std::string print_fd_set(AddressSpace &space, u64 address, u64 count) {
  if (address == 0)
    return "NULL";
  std::string text = "[";
  for (u64 fd = 0; fd < std::min<u64>(count, FD_SETSIZE); ++fd) {
    const auto byte = space.read_object<u8>(GuestAddress{address + fd / 8});
    if (!byte)
      return print_pointer(address);
    if ((*byte >> (fd % 8) & 1U) != 0)
      text += fmt::format("{}{}", text.size() > 1 ? " " : "", fd);
  }
  return text + "]";
}

std::string print_ready_sets(const PrintedCall &call) {
  std::string text;
  for (unsigned set = 1; set <= 3; ++set) {
    const std::string fds = print_fd_set(call.space, call.argument(set), call.argument(0));
    constexpr const char *names[] = {"", "in", "out", "except"};
    if (fds != "NULL" && fds != "[]")
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", names[set], fds);
  }
  return "(" + text + ")";
}

std::string print_epoll_event(AddressSpace &space, u64 address) {
  const auto event = space.read_object<epoll_event>(GuestAddress{address});
  if (address == 0 || !event)
    return print_pointer(address);
  return fmt::format("{{events={}, data={{u32={}, u64={}}}}}", print_epoll_events(event->events),
                     u32{event->data.u32}, u64{event->data.u64});
}

std::string print_epoll_events_of(AddressSpace &space, u64 address, i64 count) {
  if (count < 0 || address == 0)
    return print_pointer(address);
  std::string text = "[";
  const u64 shown = std::min(static_cast<u64>(count), shown_entries);
  for (u64 i = 0; i < shown; ++i)
    text += (i != 0 ? ", " : "") + print_epoll_event(space, address + i * sizeof(epoll_event));
  return text + (static_cast<u64>(count) > shown ? ", ...]" : "]");
}

} // namespace

std::optional<std::string> print_poll_structure(const PrintedCall &call, u8 index) {
  using enum ArgumentKind;
  const u64 address = call.argument(index);
  switch (call.row.arguments[index]) {
  case pollfds:
    return print_poll_fds(call.space, address, call.argument(index + 1U));
  case fd_set:
    return print_fd_set(call.space, address, call.argument(0));
  case epoll_event:
    return print_epoll_event(call.space, address);
  case out_epoll_events:
    return print_epoll_events_of(call.space, address, call.value);
  default:
    return std::nullopt;
  }
}

std::string print_ready(const PrintedCall &call) {
  switch (call.row.number) {
  case SYS_poll:
  case SYS_ppoll:
    return call.value == 0 ? "(Timeout)"
                           : print_ready_fds(call.space, call.argument(0), call.argument(1));
  case SYS_select:
  case SYS_pselect6:
    return call.value == 0 ? "(Timeout)" : print_ready_sets(call);
  default:
    return "";
  }
}

} // namespace tine::syscall
