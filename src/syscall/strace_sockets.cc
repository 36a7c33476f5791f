// Addresses, messages and options of sockets as strace prints them.
#include "syscall/strace_flags.hpp"
#include "syscall/strace_structs.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace tine::syscall {
namespace {

using memory::AddressSpace;

union AnyAddress {
  sa_family_t family;
  sockaddr_un unix_name;
  sockaddr_in inet;
  sockaddr_in6 inet6;
  sockaddr_nl netlink;
  std::array<std::byte, sizeof(sockaddr_storage)> bytes;
};

std::string print_unix_name(const sockaddr_un &address, u64 length) {
  const u64 size = length - std::min<u64>(length, offsetof(sockaddr_un, sun_path));
  if (size == 0)
    return "{sa_family=AF_UNIX}";
  if (address.sun_path[0] == '\0')
    return fmt::format("{{sa_family=AF_UNIX, sun_path=@{}}}",
                       quote({address.sun_path + 1, size - 1}, false));
  return fmt::format("{{sa_family=AF_UNIX, sun_path={}}}",
                     quote({address.sun_path, ::strnlen(address.sun_path, size)}, false));
}

std::string print_inet6(const sockaddr_in6 &address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
  return fmt::format("{{sa_family=AF_INET6, sin6_port=htons({}), sin6_flowinfo=htonl({}), "
                     "inet_pton(AF_INET6, \"{}\", &sin6_addr), sin6_scope_id={}}}",
                     ntohs(address.sin6_port), ntohl(address.sin6_flowinfo), text.data(),
                     address.sin6_scope_id);
}

std::string print_address(AddressSpace &space, u64 at, u64 length) {
  AnyAddress address{};
  const auto part = std::span(address.bytes).first(std::min(length, sizeof address.bytes));
  if (at == 0 || length < sizeof(sa_family_t) || !space.read(GuestAddress{at}, part))
    return print_pointer(at);
  if (address.family == AF_UNIX)
    return print_unix_name(address.unix_name, std::min(length, sizeof(sockaddr_un)));
  if (address.family == AF_INET && length >= sizeof(sockaddr_in)) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address.inet.sin_addr, text.data(), text.size());
    return fmt::format("{{sa_family=AF_INET, sin_port=htons({}), sin_addr=inet_addr(\"{}\")}}",
                       ntohs(address.inet.sin_port), text.data());
  }
  if (address.family == AF_INET6 && length >= sizeof(sockaddr_in6))
    return print_inet6(address.inet6);
  if (address.family == AF_NETLINK && length >= sizeof(sockaddr_nl))
    return fmt::format("{{sa_family=AF_NETLINK, nl_pid={}, nl_groups={:#010x}}}",
                       address.netlink.nl_pid, address.netlink.nl_groups);
  return fmt::format("{{sa_family={}, ...}}",
                     *print_constant(ArgumentKind::socket_domain, address.family));
}

/// Where a call that filled an address says how long it is; what was there before is unknown.
u64 length_at(AddressSpace &space, u64 address) {
  const auto length = space.read_object<socklen_t>(GuestAddress{address});
  return address != 0 && length ? *length : 0;
}

std::string print_length_at(AddressSpace &space, u64 address) {
  const auto length = space.read_object<socklen_t>(GuestAddress{address});
  return address != 0 && length ? fmt::format("[{}]", *length) : print_pointer(address);
}

/// `limit`: how many of its bytes were transferred.
std::string print_message(AddressSpace &space, u64 at, u64 limit) {
  const auto message = space.read_object<msghdr>(GuestAddress{at});
  if (at == 0 || !message)
    return print_pointer(at);
  const u64 name = reinterpret_cast<u64>(message->msg_name);
  return fmt::format(
      "{{msg_name={}, msg_namelen={}, msg_iov={}, msg_iovlen={}, "
      "msg_controllen={}, msg_flags={}}}",
      print_address(space, name, message->msg_namelen), message->msg_namelen,
      print_iovec(space, reinterpret_cast<u64>(message->msg_iov), message->msg_iovlen, limit),
      message->msg_iovlen, message->msg_controllen,
      *print_constant(ArgumentKind::message_flags, static_cast<u32>(message->msg_flags)));
}

std::string print_option_value(AddressSpace &space, u64 address, u64 length) {
  if (length != sizeof(int))
    return print_bytes(space, address, length);
  const auto value = space.read_object<int>(GuestAddress{address});
  return value ? fmt::format("[{}]", *value) : print_pointer(address);
}

} // namespace

std::optional<std::string> print_socket_structure(const PrintedCall &call, u8 index) {
  using enum ArgumentKind;
  AddressSpace &space = call.space;
  const u64 argument = call.argument(index);
  const u64 next = call.argument(index + 1U);
  switch (call.row.arguments[index]) {
  case socket_protocol:
    return print_protocol(call.argument(0), argument);
  case socket_option:
    return print_socket_option(call.argument(1), argument);
  case option_value:
    return print_option_value(space, argument, next);
  case out_option_value:
    return call.succeeded() ? print_option_value(space, argument, length_at(space, next))
                            : print_pointer(argument);
  case sockaddr:
    return print_address(space, argument, next);
  case out_sockaddr:
    return call.succeeded() ? print_address(space, argument, length_at(space, next))
                            : print_pointer(argument);
  case inout_length:
    return print_length_at(space, argument);
  case message:
    return print_message(space, argument, ~u64{0});
  case out_message:
    return call.succeeded() ? print_message(space, argument, static_cast<u64>(call.value))
                            : print_pointer(argument);
  default:
    return std::nullopt;
  }
}

} // namespace tine::syscall
