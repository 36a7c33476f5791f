#include "net/socket_address.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <netinet/in.h>
#include <sys/un.h>

namespace tine::net {
namespace {

constexpr std::size_t v4_offset = 12;
constexpr std::array<u8, v4_offset> v4_mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/// sizeof(struct sockaddr_in6) without sin6_scope_id: RFC 2133's, which Linux still takes.
constexpr u32 in6_minimum = 24;

} // namespace

Result<SocketAddress> SocketAddress::from_bytes(std::span<const std::byte> bytes) {
  SocketAddress address;
  if (bytes.size() > sizeof address.storage)
    return Errno{EINVAL};
  std::memcpy(&address.storage, bytes.data(), bytes.size());
  address.length = static_cast<u32>(bytes.size());
  return address;
}

int SocketAddress::family() const {
  return length < sizeof(sa_family_t) ? AF_UNSPEC : storage.ss_family;
}

Result<UnixName> UnixName::from(const SocketAddress &address) {
  constexpr u32 header = offsetof(sockaddr_un, sun_path);
  if (address.length < header || address.length > sizeof(sockaddr_un) ||
      address.family() != AF_UNIX)
    return Errno{EINVAL};
  const char *path = reinterpret_cast<const char *>(&address.storage) + header;
  const std::size_t length = address.length - header;
  UnixName name;
  if (length == 0)
    return name;
  if (path[0] == '\0')
    name.text.assign(path, length);
  else
    name.text.assign(path, ::strnlen(path, length));
  return name;
}

SocketAddress UnixName::to_socket_address() const {
  constexpr std::size_t header = offsetof(sockaddr_un, sun_path);
  SocketAddress address;
  address.storage.ss_family = AF_UNIX;
  std::memcpy(reinterpret_cast<char *>(&address.storage) + header, text.data(), text.size());
  address.length = static_cast<u32>(header + text.size());
  if (!is_unnamed() && !is_abstract())
    ++address.length; // the terminating NUL counts: unix(7)
  return address;
}

InetAddress InetAddress::v4(u32 address, u16 port_number) {
  InetAddress result;
  std::copy(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), result.bytes.begin());
  for (std::size_t i = 0; i < 4; ++i)
    result.bytes[v4_offset + i] = static_cast<u8>(address >> (24 - 8 * i));
  result.port = port_number;
  return result;
}

InetAddress InetAddress::any(int family, u16 port_number) {
  if (family == AF_INET)
    return v4(INADDR_ANY, port_number);
  InetAddress result;
  result.port = port_number;
  return result;
}

InetAddress InetAddress::loopback(int family, u16 port_number) {
  if (family == AF_INET)
    return v4(INADDR_LOOPBACK, port_number);
  InetAddress result;
  result.bytes[15] = 1;
  result.port = port_number;
  return result;
}

Result<InetAddress> InetAddress::from(const SocketAddress &address, int family) {
  if (address.length < sizeof(sa_family_t))
    return Errno{EINVAL};
  if (address.length < (family == AF_INET ? sizeof(sockaddr_in) : in6_minimum))
    return Errno{EINVAL};
  if (address.family() != family)
    return Errno{EAFNOSUPPORT};
  if (family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &address.storage, sizeof in);
    return v4(ntohl(in.sin_addr.s_addr), ntohs(in.sin_port));
  }
  sockaddr_in6 in6;
  std::memcpy(&in6, &address.storage, sizeof in6);
  InetAddress result;
  std::memcpy(result.bytes.data(), &in6.sin6_addr, result.bytes.size());
  result.port = ntohs(in6.sin6_port);
  return result;
}

SocketAddress InetAddress::to_socket_address(int family) const {
  SocketAddress result;
  if (family == AF_INET) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(v4_address());
    std::memcpy(&result.storage, &in, sizeof in);
    result.length = sizeof in;
    return result;
  }
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  std::memcpy(&in6.sin6_addr, bytes.data(), bytes.size());
  std::memcpy(&result.storage, &in6, sizeof in6);
  result.length = sizeof in6;
  return result;
}

bool InetAddress::is_v4() const {
  return std::equal(v4_mapped_prefix.begin(), v4_mapped_prefix.end(), bytes.begin());
}

u32 InetAddress::v4_address() const {
  u32 address = 0;
  for (std::size_t i = 0; i < 4; ++i)
    address = address << 8 | bytes[v4_offset + i];
  return address;
}

bool InetAddress::is_any() const {
  return is_v4() ? v4_address() == INADDR_ANY : bytes == std::array<u8, 16>{};
}

bool InetAddress::is_loopback() const {
  return is_v4() ? bytes[v4_offset] == 127 : bytes == loopback(AF_INET6, 0).bytes;
}

} // namespace tine::net
