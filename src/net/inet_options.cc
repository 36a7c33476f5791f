#include "net/inet_options.hpp"

#include "net/interface.hpp"

#include <algorithm>
#include <cstring>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <netinet/in.h>

namespace tine::net {
namespace {

struct Known {
  int level;
  int name;
  i32 initial;
  i32 minimum;
  i32 maximum;
};

constexpr i32 any_minimum = INT32_MIN, any_maximum = INT32_MAX;

constexpr Known known_options[] = {
    {IPPROTO_TCP, TCP_NODELAY, 0, 0, 1},
    {IPPROTO_TCP, TCP_MAXSEG, 536, 0, 32767},
    {IPPROTO_TCP, TCP_CORK, 0, 0, 1},
    {IPPROTO_TCP, TCP_KEEPIDLE, 7200, 1, 32767},
    {IPPROTO_TCP, TCP_KEEPINTVL, 75, 1, 32767},
    {IPPROTO_TCP, TCP_KEEPCNT, 9, 1, 127},
    {IPPROTO_TCP, TCP_SYNCNT, 6, 1, 127},
    {IPPROTO_TCP, TCP_LINGER2, 60, any_minimum, any_maximum},
    {IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 0, any_maximum},
    {IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 0, any_maximum},
    {IPPROTO_TCP, TCP_QUICKACK, 1, any_minimum, any_maximum},
    {IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 0, any_maximum},
    {IPPROTO_TCP, TCP_FASTOPEN, 0, 0, any_maximum},
    {IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 0, 0, 1},
    {IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, any_minimum, any_maximum},
    {IPPROTO_UDP, UDP_CORK, 0, 0, 1},
    {IPPROTO_IP, IP_TOS, 0, 0, 255},
    {IPPROTO_IP, IP_TTL, 64, -1, 255},
    {IPPROTO_IP, IP_PKTINFO, 0, 0, 1},
    {IPPROTO_IP, IP_RECVTTL, 0, 0, 1},
    {IPPROTO_IP, IP_RECVTOS, 0, 0, 1},
    {IPPROTO_IP, IP_RECVERR, 0, 0, 1},
    {IPPROTO_IP, IP_FREEBIND, 0, 0, 1},
    {IPPROTO_IP, IP_MTU_DISCOVER, 1, 0, 5},
    {IPPROTO_IP, IP_MULTICAST_TTL, 1, -1, 255},
    {IPPROTO_IP, IP_MULTICAST_LOOP, 1, 0, 1},
    {IPPROTO_IP, IP_MULTICAST_ALL, 1, 0, 1},
    {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, 0, 1},
    {IPPROTO_IPV6, IPV6_V6ONLY, 0, 0, 1},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, 64, -1, 255},
    {IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 1, -1, 255},
    {IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 1, 0, 1},
    {IPPROTO_IPV6, IPV6_RECVPKTINFO, 0, 0, 1},
    {IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 0, 0, 1},
    {IPPROTO_IPV6, IPV6_RECVTCLASS, 0, 0, 1},
    {IPPROTO_IPV6, IPV6_TCLASS, 0, -1, 255},
    {IPPROTO_IPV6, IPV6_RECVERR, 0, 0, 1},
    {IPPROTO_IPV6, IPV6_MTU_DISCOVER, 1, 0, 5},
    {IPPROTO_IPV6, IPV6_FREEBIND, 0, 0, 1},
    {IPPROTO_IPV6, IPV6_DONTFRAG, 0, 0, 1},
};

const Known *find_known(int level, int name) {
  const auto *found =
      std::find_if(std::begin(known_options), std::end(known_options),
                   [&](const Known &known) { return known.level == level && known.name == name; });
  return found == std::end(known_options) ? nullptr : found;
}

bool is_membership(int level, int name) {
  if (level == IPPROTO_IP)
    return name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP ||
           name == IP_ADD_SOURCE_MEMBERSHIP || name == MCAST_JOIN_GROUP || name == IP_MULTICAST_IF;
  return level == IPPROTO_IPV6 && (name == IPV6_ADD_MEMBERSHIP || name == IPV6_DROP_MEMBERSHIP ||
                                   name == IPV6_MULTICAST_IF || name == MCAST_JOIN_GROUP);
}

bool level_applies(int level, int protocol) {
  return level == IPPROTO_IP || level == IPPROTO_IPV6 || level == protocol;
}

constexpr std::string_view congestion_control = "cubic";

} // namespace

Status InetOptions::set(int level, int name, std::span<const std::byte> value, int protocol) {
  if (!level_applies(level, protocol))
    return Errno{ENOPROTOOPT};
  if (is_membership(level, name)) { // lo doesn't do multicast
    const bool is_interface = name == IP_MULTICAST_IF || name == IPV6_MULTICAST_IF;
    return Errno{is_interface || value.size() > sizeof(i32) ? ENODEV : EINVAL};
  }
  if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
    const std::string_view wanted(reinterpret_cast<const char *>(value.data()), value.size());
    return wanted.substr(0, wanted.find('\0')) == congestion_control ? Status{Done{}}
                                                                     : Errno{ENOENT};
  }
  const Known *known = find_known(level, name);
  if (!known)
    return Errno{ENOPROTOOPT};
  i32 number = 0;
  // ip(7) takes a single byte, too.
  if (level == IPPROTO_IP && !value.empty() && value.size() < sizeof number)
    number = static_cast<u8>(value.front());
  else
    number = TINE_TRY(option_int(value));
  if (known->minimum == 0 && known->maximum == 1)
    number = number != 0;
  const bool no_ttl = level == IPPROTO_IP && name == IP_TTL && number == 0;
  if (number < known->minimum || number > known->maximum || no_ttl)
    return Errno{EINVAL};
  values_[{level, name}] = number;
  return Done{};
}

i32 InetOptions::value(int level, int name) const {
  const auto entry = values_.find({level, name});
  if (entry != values_.end())
    return entry->second;
  const Known *known = find_known(level, name);
  return known ? known->initial : 0;
}

Result<std::vector<std::byte>> InetOptions::get(int level, int name, int protocol) const {
  if (!level_applies(level, protocol))
    return Errno{EOPNOTSUPP};
  if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
    std::vector<std::byte> text(16);
    std::memcpy(text.data(), congestion_control.data(), congestion_control.size());
    return text;
  }
  if ((level == IPPROTO_IP && name == IP_MTU) || (level == IPPROTO_IPV6 && name == IPV6_MTU))
    return option_bytes(i32{loopback_mtu});
  if (!find_known(level, name))
    return Errno{ENOPROTOOPT};
  return option_bytes(value(level, name));
}

} // namespace tine::net
