#include "net/interface.hpp"

#include "fs/caller.hpp"
#include "fs/credentials.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

namespace tine::net {
namespace {

constexpr const char *loopback_name = "lo";

void set_address(ifreq &request, u32 address) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = htonl(address);
  std::memcpy(&request.ifr_addr, &in, sizeof in);
}

/// SIOCGIFCONF: the list of interfaces that have an IPv4 address.
Result<u64> list_interfaces(const fs::IoctlCall &call) {
  ifconf list = TINE_TRY(call.space.read_object<ifconf>(GuestAddress{call.argument}));
  ifreq entry{};
  std::strcpy(entry.ifr_name, loopback_name);
  set_address(entry, INADDR_LOOPBACK);
  if (list.ifc_buf == nullptr) {
    list.ifc_len = sizeof entry;
  } else if (list.ifc_len < static_cast<int>(sizeof entry)) {
    list.ifc_len = 0;
  } else {
    list.ifc_len = sizeof entry;
    TINE_TRY(call.space.write_object(GuestAddress{reinterpret_cast<u64>(list.ifc_buf)}, entry));
  }
  TINE_TRY(call.space.write_object(GuestAddress{call.argument}, list));
  return u64{0};
}

/// Fills in what `request` asks for. ENODEV, ENOTTY.
Status describe_loopback(const Network &network, u32 request, ifreq &entry) {
  entry.ifr_name[IFNAMSIZ - 1] = '\0';
  if (request == SIOCGIFNAME) {
    if (entry.ifr_ifindex != loopback_index)
      return Errno{ENODEV};
    std::strcpy(entry.ifr_name, loopback_name);
    return Done{};
  }
  if (std::strcmp(entry.ifr_name, loopback_name) != 0)
    return Errno{ENODEV};
  switch (request) {
  case SIOCGIFFLAGS:
    entry.ifr_flags = static_cast<short>(loopback_flags(network) & 0xffff);
    return Done{};
  case SIOCGIFADDR:
    if (!network.has_address)
      return Errno{EADDRNOTAVAIL};
    set_address(entry, INADDR_LOOPBACK);
    return Done{};
  case SIOCGIFNETMASK:
    set_address(entry, 0xff000000);
    return Done{};
  case SIOCGIFBRDADDR:
  case SIOCGIFDSTADDR:
    set_address(entry, request == SIOCGIFDSTADDR ? INADDR_LOOPBACK : INADDR_ANY);
    return Done{};
  case SIOCGIFHWADDR:
    entry.ifr_hwaddr = {};
    entry.ifr_hwaddr.sa_family = ARPHRD_LOOPBACK;
    return Done{};
  case SIOCGIFINDEX:
    entry.ifr_ifindex = loopback_index;
    return Done{};
  case SIOCGIFMTU:
    entry.ifr_mtu = loopback_mtu;
    return Done{};
  case SIOCGIFMETRIC:
    entry.ifr_metric = 0;
    return Done{};
  case SIOCGIFTXQLEN:
    entry.ifr_qlen = 1000;
    return Done{};
  default:
    return Errno{ENOTTY};
  }
}

} // namespace

u32 loopback_flags(const Network &network) {
  return network.loopback_up ? IFF_UP | IFF_LOOPBACK | IFF_RUNNING : u32{IFF_LOOPBACK};
}

Status set_loopback_flags(Network &network, u32 flags) {
  const fs::Caller *caller = fs::current_caller();
  if (!caller || !caller->credentials().capable_in(network.owner.get(), CAP_NET_ADMIN))
    return Errno{EPERM};
  if (network.id == 0) // the box's programs rely on it
    return (flags & IFF_UP) != 0 ? Status{Done{}} : Status{Errno{EPERM}};
  network.loopback_up = (flags & IFF_UP) != 0;
  network.has_address = network.has_address || network.loopback_up; // inetdev_event: NETDEV_UP
  return Done{};
}

Result<u64> interface_ioctl(Network &network, const fs::IoctlCall &call) {
  switch (call.request) {
  case SIOCGIFCONF:
    return list_interfaces(call);
  case SIOCGIFNAME:
  case SIOCGIFFLAGS:
  case SIOCGIFADDR:
  case SIOCGIFNETMASK:
  case SIOCGIFBRDADDR:
  case SIOCGIFDSTADDR:
  case SIOCGIFHWADDR:
  case SIOCGIFINDEX:
  case SIOCGIFMTU:
  case SIOCGIFMETRIC:
  case SIOCGIFTXQLEN: {
    ifreq entry = TINE_TRY(call.space.read_object<ifreq>(GuestAddress{call.argument}));
    TINE_TRY(describe_loopback(network, call.request, entry));
    TINE_TRY(call.space.write_object(GuestAddress{call.argument}, entry));
    return u64{0};
  }
  case SIOCSIFFLAGS: {
    const auto entry = TINE_TRY(call.space.read_object<ifreq>(GuestAddress{call.argument}));
    if (std::strncmp(entry.ifr_name, loopback_name, IFNAMSIZ) != 0)
      return Errno{ENODEV};
    TINE_TRY(set_loopback_flags(network, static_cast<u16>(entry.ifr_flags)));
    return u64{0};
  }
  case SIOCSIFADDR:
  case SIOCSIFNETMASK:
  case SIOCSIFMTU:
  case SIOCSIFHWADDR:
    return Errno{EPERM};
  default:
    return Errno{ENOTTY};
  }
}

} // namespace tine::net
