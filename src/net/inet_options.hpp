// Options of the levels IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP and IPPROTO_UDP: ip(7), ipv6(7),
// tcp(7). Over lo almost none has an effect; they are checked and remembered.
#pragma once

#include "net/socket.hpp"

#include <map>

namespace tine::net {

class InetOptions {
public:
  /// ENOPROTOOPT for an option that `protocol` doesn't have, EINVAL for a value out of range.
  [[nodiscard]] Status set(int level, int name, std::span<const std::byte> value, int protocol);
  [[nodiscard]] Result<std::vector<std::byte>> get(int level, int name, int protocol) const;
  /// The value that was set, or the default.
  [[nodiscard]] i32 value(int level, int name) const;
  void archive(Archive &archive);

private:
  std::map<std::pair<int, int>, i32> values_;
};

} // namespace tine::net
