// The box's only network interface: lo.
#pragma once

#include "fs/file.hpp"
#include "net/network.hpp"

namespace tine::net {

inline constexpr int loopback_index = 1;
inline constexpr int loopback_mtu = 65536;

/// The requests of netdevice(7), on any socket. ENOTTY for other requests.
[[nodiscard]] Result<u64> interface_ioctl(Network &network, const fs::IoctlCall &call);
/// IFF_* of lo.
[[nodiscard]] u32 loopback_flags(const Network &network);
/// Sets IFF_UP; the other flags stay. EPERM without CAP_NET_ADMIN in the network's user namespace.
[[nodiscard]] Status set_loopback_flags(Network &network, u32 flags);

} // namespace tine::net
