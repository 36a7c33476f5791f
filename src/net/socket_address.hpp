// Addresses of sockets: the bytes of a struct sockaddr, and IP addresses as both families see them.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"

#include <array>
#include <span>
#include <string>
#include <sys/socket.h>

namespace tine::net {

/// A struct sockaddr of any family, as a system call takes or returns it.
/// Invariant: length is at most sizeof(sockaddr_storage); 0 means "no address".
struct SocketAddress {
  sockaddr_storage storage{};
  u32 length = 0;

  /// EINVAL if it is longer than any address.
  [[nodiscard]] static Result<SocketAddress> from_bytes(std::span<const std::byte> bytes);
  [[nodiscard]] std::span<const std::byte> bytes() const {
    return std::as_bytes(std::span(&storage, 1)).first(length);
  }
  /// AF_UNSPEC if it is too short to have a family.
  [[nodiscard]] int family() const;
};

/// The name of an AF_UNIX socket: none, a path, or (first byte NUL) an abstract name.
struct UnixName {
  std::string text;

  [[nodiscard]] bool is_unnamed() const { return text.empty(); }
  [[nodiscard]] bool is_abstract() const { return !text.empty() && text.front() == '\0'; }
  /// EINVAL if the address is of another family or too long. Unnamed if it has no more than the
  /// family.
  [[nodiscard]] static Result<UnixName> from(const SocketAddress &address);
  [[nodiscard]] SocketAddress to_socket_address() const;
};

/// An IP address and port. IPv4 addresses are kept v4-mapped (RFC 4291, 2.5.5.2), so that a
/// dual-stack socket compares both families alike.
struct InetAddress {
  std::array<u8, 16> bytes{};
  u16 port = 0;

  [[nodiscard]] static InetAddress v4(u32 address, u16 port_number);
  [[nodiscard]] static InetAddress any(int family, u16 port_number);
  [[nodiscard]] static InetAddress loopback(int family, u16 port_number);
  /// For a socket of `family`. EINVAL if it is too short, EAFNOSUPPORT if of another family. An
  /// AF_INET6 socket takes v4-mapped addresses.
  [[nodiscard]] static Result<InetAddress> from(const SocketAddress &address, int family);
  /// As a socket of `family` reports it.
  [[nodiscard]] SocketAddress to_socket_address(int family) const;

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] u32 v4_address() const; ///< host byte order
  [[nodiscard]] bool is_any() const;
  /// 127.0.0.0/8 or ::1.
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool same_host(const InetAddress &other) const { return bytes == other.bytes; }
  bool operator==(const InetAddress &) const = default;
};

} // namespace tine::net
