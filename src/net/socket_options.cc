// Options at SOL_SOCKET: socket(7).
#include "net/socket.hpp"

#include <algorithm>
#include <cstring>
#include <linux/capability.h>
#include <sys/time.h>

namespace tine::net {
namespace {

constexpr u32 maximum_buffer = 212992; ///< net.core.wmem_max and rmem_max
constexpr u32 minimum_send_buffer = 4608, minimum_receive_buffer = 2304;
constexpr Nanoseconds nanoseconds_per_second = 1'000'000'000;

/// The options that are an int or a truth value and are only remembered.
i32 *plain_option(SocketOptions &options, int name) {
  switch (name) {
  case SO_REUSEADDR:
    return &options.reuse_address;
  case SO_REUSEPORT:
    return &options.reuse_port;
  case SO_KEEPALIVE:
    return &options.keep_alive;
  case SO_BROADCAST:
    return &options.broadcast;
  case SO_DONTROUTE:
    return &options.dont_route;
  case SO_OOBINLINE:
    return &options.oob_inline;
  case SO_PRIORITY:
    return &options.priority;
  case SO_MARK:
    return &options.mark;
  case SO_TIMESTAMP:
    return &options.timestamp;
  case SO_TIMESTAMPNS:
    return &options.timestamp_ns;
  case SO_PASSCRED:
    return &options.pass_credentials;
  case SO_PASSSEC:
    return &options.pass_security;
  case SO_RCVLOWAT:
    return &options.receive_low_water;
  case SO_NO_CHECK:
    return &options.no_check;
  case SO_INCOMING_CPU:
    return &options.incoming_cpu;
  case SO_BUSY_POLL:
    return &options.busy_poll;
  case SO_LOCK_FILTER:
    return &options.lock_filter;
  case SO_PEEK_OFF:
    return &options.peek_offset;
  default:
    return nullptr;
  }
}

bool is_number(int name) {
  return name == SO_PRIORITY || name == SO_MARK || name == SO_RCVLOWAT || name == SO_INCOMING_CPU ||
         name == SO_BUSY_POLL || name == SO_PEEK_OFF;
}

/// EDOM for microseconds out of range, as socket(7) and sock_set_timeout have it.
Status set_timeout(std::optional<Nanoseconds> &timeout, std::span<const std::byte> value) {
  timeval time{};
  if (value.size() < sizeof time)
    return Errno{EINVAL};
  std::memcpy(&time, value.data(), sizeof time);
  if (time.tv_usec < 0 || time.tv_usec >= 1'000'000)
    return Errno{EDOM};
  constexpr i64 longest = i64{1} << 33; // seconds; beyond it a timeout is no timeout
  if ((time.tv_sec == 0 && time.tv_usec == 0) || time.tv_sec >= longest)
    timeout.reset();
  else
    timeout = std::max<Nanoseconds>(
        time.tv_sec < 0 ? 0 : time.tv_sec * nanoseconds_per_second + time.tv_usec * 1000, 1);
  return Done{};
}

timeval timeout_value(const std::optional<Nanoseconds> &timeout) {
  const Nanoseconds time = timeout.value_or(0);
  return {time / nanoseconds_per_second, time % nanoseconds_per_second / 1000};
}

u32 buffer_size(int requested, u32 maximum, u32 minimum) {
  const u32 size = std::min(static_cast<u32>(std::max(requested, 0)), maximum);
  return std::max(size * 2, minimum);
}

} // namespace

Status Socket::set_option(int level, int name, std::span<const std::byte> value,
                          const Caller &caller) {
  if (level != SOL_SOCKET)
    return Errno{ENOPROTOOPT};
  SocketOptions &current = options();
  switch (name) {
  case SO_TYPE:
  case SO_PROTOCOL:
  case SO_DOMAIN:
  case SO_ERROR:
  case SO_ACCEPTCONN:
  case SO_PEERCRED:
  case SO_SNDLOWAT:
    return Errno{ENOPROTOOPT};
  case SO_RCVTIMEO:
    return set_timeout(current.receive_timeout, value);
  case SO_SNDTIMEO:
    return set_timeout(current.send_timeout, value);
  case SO_LINGER: {
    struct linger linger {};
    if (value.size() < sizeof linger)
      return Errno{EINVAL};
    std::memcpy(&linger, value.data(), sizeof linger);
    current.linger = linger.l_onoff != 0;
    current.linger_seconds = linger.l_linger;
    return Done{};
  }
  case SO_BINDTODEVICE: {
    const char *text = reinterpret_cast<const char *>(value.data());
    const std::string device(text, ::strnlen(text, value.size()));
    return device.empty() || device == "lo" ? Status{Done{}} : Errno{ENODEV};
  }
  case SO_ATTACH_FILTER:
  case SO_ATTACH_BPF:
    return Errno{EOPNOTSUPP};
  default:
    break;
  }
  const int number = TINE_TRY(option_int(value));
  const bool is_admin = caller.credentials.capable_in(network().owner.get(), CAP_NET_ADMIN);
  switch (name) {
  case SO_SNDBUFFORCE:
  case SO_RCVBUFFORCE:
    if (!is_admin)
      return Errno{EPERM};
    [[fallthrough]];
  case SO_SNDBUF:
  case SO_RCVBUF: {
    const bool forced = name == SO_SNDBUFFORCE || name == SO_RCVBUFFORCE;
    const u32 maximum = forced ? u32{1} << 30 : maximum_buffer;
    if (name == SO_SNDBUF || name == SO_SNDBUFFORCE) {
      current.send_buffer = buffer_size(number, maximum, minimum_send_buffer);
      current.send_buffer_set = true;
    } else {
      current.receive_buffer = buffer_size(number, maximum, minimum_receive_buffer);
      current.receive_buffer_set = true;
    }
    return Done{};
  }
  case SO_PRIORITY:
    if ((number < 0 || number > 6) && !is_admin)
      return Errno{EPERM};
    current.priority = number;
    return Done{};
  case SO_MARK:
    if (!is_admin)
      return Errno{EPERM};
    current.mark = number;
    return Done{};
  case SO_RCVLOWAT:
    current.receive_low_water = std::max(number < 0 ? INT32_MAX : number, 1);
    return Done{};
  default: {
    i32 *option = plain_option(current, name);
    if (!option)
      return Errno{ENOPROTOOPT};
    *option = is_number(name) ? number : number != 0;
    return Done{};
  }
  }
}

Result<std::vector<std::byte>> Socket::option(int level, int name) {
  if (level != SOL_SOCKET)
    return Errno{ENOPROTOOPT};
  SocketOptions &current = options();
  switch (name) {
  case SO_TYPE:
    return option_bytes(type_);
  case SO_DOMAIN:
    return option_bytes(domain_);
  case SO_PROTOCOL:
    return option_bytes(protocol_);
  case SO_ERROR:
    return option_bytes(take_error());
  case SO_ACCEPTCONN:
    return option_bytes(i32{is_listening()});
  case SO_SNDBUF:
    return option_bytes(current.send_buffer);
  case SO_RCVBUF:
    return option_bytes(current.receive_buffer);
  case SO_SNDLOWAT:
    return option_bytes(i32{1});
  case SO_RCVTIMEO:
    return option_bytes(timeout_value(current.receive_timeout));
  case SO_SNDTIMEO:
    return option_bytes(timeout_value(current.send_timeout));
  case SO_LINGER:
    return option_bytes(linger{current.linger, current.linger_seconds});
  case SO_BINDTODEVICE:
    return std::vector<std::byte>{};
  case SO_PEERCRED:
    return option_bytes(UnixCredentials{}); // nobody, unless the family knows better
  default:
    if (const i32 *option = plain_option(current, name))
      return option_bytes(*option);
    return Errno{ENOPROTOOPT};
  }
}

} // namespace tine::net
