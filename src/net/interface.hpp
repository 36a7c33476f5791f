// The box's only network interface: lo.
#pragma once

#include "fs/file.hpp"

namespace tine::net {

inline constexpr int loopback_index = 1;
inline constexpr int loopback_mtu = 65536;

/// The requests of netdevice(7), on any socket. ENOTTY for other requests.
[[nodiscard]] Result<u64> interface_ioctl(const fs::IoctlCall &call);

} // namespace tine::net
