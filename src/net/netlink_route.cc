// What rtnetlink(7) says of the box: one link, its two addresses, no route beyond it.
#include "net/interface.hpp"
#include "net/netlink_socket.hpp"

#include <cstring>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

namespace tine::net {
namespace {

/// Builds one datagram of netlink messages.
class MessageBuilder {
public:
  MessageBuilder(const nlmsghdr &request, u32 port) : sequence_(request.nlmsg_seq), port_(port) {}

  template <typename Body> void begin(u16 type, u16 flags, const Body &body) {
    start_ = bytes_.size();
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    header.nlmsg_seq = sequence_;
    header.nlmsg_pid = port_;
    append(&header, sizeof header);
    append(&body, sizeof body);
  }
  void attribute(u16 type, const void *data, std::size_t size) {
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<u16>(RTA_LENGTH(size));
    append(&header, sizeof header);
    append(data, size);
  }
  template <typename T> void attribute(u16 type, const T &value) {
    attribute(type, &value, sizeof value);
  }
  void end() {
    nlmsghdr header;
    std::memcpy(&header, bytes_.data() + start_, sizeof header);
    header.nlmsg_len = static_cast<u32>(bytes_.size() - start_);
    std::memcpy(bytes_.data() + start_, &header, sizeof header);
  }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::vector<std::byte> take() { return std::move(bytes_); }

private:
  void append(const void *data, std::size_t size) {
    const auto *from = static_cast<const std::byte *>(data);
    bytes_.insert(bytes_.end(), from, from + size);
    bytes_.resize(NLMSG_ALIGN(bytes_.size()));
  }

  std::vector<std::byte> bytes_;
  std::size_t start_ = 0;
  u32 sequence_;
  u32 port_;
};

void add_link(const Network &network, MessageBuilder &builder, u16 flags) {
  ifinfomsg link{};
  link.ifi_family = AF_UNSPEC;
  link.ifi_type = ARPHRD_LOOPBACK;
  link.ifi_index = loopback_index;
  link.ifi_flags = loopback_flags(network) | (network.loopback_up ? u32{IFF_LOWER_UP} : 0U);
  builder.begin(RTM_NEWLINK, flags, link);
  builder.attribute(IFLA_IFNAME, "lo", 3);
  builder.attribute(IFLA_TXQLEN, u32{1000});
  builder.attribute(IFLA_OPERSTATE, u8{0});
  builder.attribute(IFLA_LINKMODE, u8{0});
  builder.attribute(IFLA_MTU, u32{loopback_mtu});
  builder.attribute(IFLA_QDISC, "noqueue", 8);
  const u8 hardware[6] = {};
  builder.attribute(IFLA_ADDRESS, hardware);
  builder.attribute(IFLA_BROADCAST, hardware);
  builder.end();
}

void add_address(MessageBuilder &builder, u8 family) {
  ifaddrmsg address{};
  address.ifa_family = family;
  address.ifa_prefixlen = family == AF_INET ? 8 : 128;
  address.ifa_flags = IFA_F_PERMANENT;
  address.ifa_scope = RT_SCOPE_HOST;
  address.ifa_index = loopback_index;
  builder.begin(RTM_NEWADDR, NLM_F_MULTI, address);
  if (family == AF_INET) {
    const u8 loopback[4] = {127, 0, 0, 1};
    builder.attribute(IFA_ADDRESS, loopback);
    builder.attribute(IFA_LOCAL, loopback);
    builder.attribute(IFA_LABEL, "lo", 3);
  } else {
    const u8 loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    builder.attribute(IFA_ADDRESS, loopback);
  }
  const ifa_cacheinfo forever{~u32{0}, ~u32{0}, 0, 0};
  builder.attribute(IFA_CACHEINFO, forever);
  builder.attribute(IFA_FLAGS, u32{IFA_F_PERMANENT});
  builder.end();
}

std::vector<std::byte> error_answer(const nlmsghdr &request, u32 port, int error) {
  MessageBuilder builder(request, port);
  nlmsgerr body{};
  body.error = -error;
  body.msg = request;
  builder.begin(NLMSG_ERROR, 0, body);
  builder.end();
  return builder.take();
}

/// The link that RTM_GETLINK without NLM_F_DUMP asks for, by index or name.
bool asks_for_loopback(std::span<const std::byte> message) {
  if (message.size() < NLMSG_LENGTH(sizeof(ifinfomsg)))
    return false;
  ifinfomsg wanted;
  std::memcpy(&wanted, message.data() + NLMSG_HDRLEN, sizeof wanted);
  if (wanted.ifi_index != 0)
    return wanted.ifi_index == loopback_index;
  for (std::size_t at = NLMSG_SPACE(sizeof wanted); at + sizeof(rtattr) <= message.size();) {
    rtattr header;
    std::memcpy(&header, message.data() + at, sizeof header);
    if (header.rta_len < sizeof header || header.rta_len > message.size() - at)
      return false;
    const char *text = reinterpret_cast<const char *>(message.data() + at + sizeof header);
    const std::size_t length = header.rta_len - sizeof header;
    if (header.rta_type == IFLA_IFNAME && std::string(text, ::strnlen(text, length)) == "lo")
      return true;
    at += RTA_ALIGN(header.rta_len);
  }
  return false;
}

using Answers = std::vector<std::vector<std::byte>>;

/// Who asks, in which network.
struct Asker {
  Network &network;
  u32 port;
};

void dump(Answers &answers, const nlmsghdr &request, u8 family, const Asker &asker) {
  const auto &[network, port] = asker;
  MessageBuilder builder(request, port);
  if (request.nlmsg_type == RTM_GETLINK)
    add_link(network, builder, NLM_F_MULTI);
  if (request.nlmsg_type == RTM_GETADDR && network.has_address &&
      (family == AF_UNSPEC || family == AF_INET))
    add_address(builder, AF_INET);
  if (request.nlmsg_type == RTM_GETADDR && network.loopback_up &&
      (family == AF_UNSPEC || family == AF_INET6))
    add_address(builder, AF_INET6);
  if (!builder.empty())
    answers.push_back(builder.take());
  MessageBuilder done(request, port);
  done.begin(NLMSG_DONE, NLM_F_MULTI, i32{0});
  done.end();
  answers.push_back(done.take());
}

/// RTM_NEWLINK: "ip link set lo up", by index or name. Other changes: EOPNOTSUPP.
Status change_link(Network &network, std::span<const std::byte> message) {
  if (!asks_for_loopback(message))
    return Errno{ENODEV};
  ifinfomsg wanted;
  std::memcpy(&wanted, message.data() + NLMSG_HDRLEN, sizeof wanted);
  const u32 now = loopback_flags(network);
  const u32 mask = wanted.ifi_change != 0 ? wanted.ifi_change : ~u32{0};
  return set_loopback_flags(network, (now & ~mask) | (wanted.ifi_flags & mask));
}

/// RTM_NEWADDR: 127.0.0.1 for an lo that has none yet.
Status add_loopback_address(Network &network, std::span<const std::byte> message) {
  ifaddrmsg wanted;
  if (message.size() < NLMSG_LENGTH(sizeof wanted))
    return Errno{EINVAL};
  std::memcpy(&wanted, message.data() + NLMSG_HDRLEN, sizeof wanted);
  if (wanted.ifa_index != loopback_index)
    return Errno{ENODEV};
  // Who may change the flags may add an address.
  TINE_TRY(set_loopback_flags(network, loopback_flags(network)));
  if (wanted.ifa_family != AF_INET)
    return Errno{EOPNOTSUPP};
  return std::exchange(network.has_address, true) ? Status{Errno{EEXIST}} : Status{Done{}};
}

void answer_change(Answers &answers, const nlmsghdr &request, std::span<const std::byte> message,
                   const Asker &asker) {
  Status done = Errno{EPERM};
  if (request.nlmsg_type == RTM_NEWLINK || request.nlmsg_type == RTM_SETLINK)
    done = change_link(asker.network, message);
  else if (request.nlmsg_type == RTM_NEWADDR)
    done = add_loopback_address(asker.network, message);
  if (!done.ok() || (request.nlmsg_flags & NLM_F_ACK) != 0)
    answers.push_back(
        error_answer(request, asker.port, done.ok() ? 0 : static_cast<int>(done.error())));
}

void answer_message(Answers &answers, const nlmsghdr &request, std::span<const std::byte> message,
                    const Asker &asker) {
  const u32 port = asker.port;
  const bool dumps = (request.nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
  const bool is_query = request.nlmsg_type == RTM_GETLINK || request.nlmsg_type == RTM_GETADDR ||
                        request.nlmsg_type == RTM_GETROUTE || request.nlmsg_type == RTM_GETNEIGH ||
                        request.nlmsg_type == RTM_GETRULE;
  const u8 family = message.size() > NLMSG_HDRLEN ? static_cast<u8>(message[NLMSG_HDRLEN]) : u8{0};
  if (is_query && dumps) {
    dump(answers, request, family, asker);
  } else if (request.nlmsg_type == RTM_GETLINK) {
    if (asks_for_loopback(message)) {
      MessageBuilder builder(request, port);
      add_link(asker.network, builder, 0);
      answers.push_back(builder.take());
    } else {
      answers.push_back(error_answer(request, port, ENODEV));
    }
  } else if (request.nlmsg_type == RTM_GETROUTE) {
    answers.push_back(error_answer(request, port, ENETUNREACH));
  } else if (is_query) {
    answers.push_back(error_answer(request, port, EOPNOTSUPP));
  } else {
    answer_change(answers, request, message, asker);
  }
}

} // namespace

std::vector<std::vector<std::byte>> answer_netlink(Network &network,
                                                   std::span<const std::byte> request, u32 port) {
  std::vector<std::vector<std::byte>> answers;
  while (request.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header;
    std::memcpy(&header, request.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > request.size())
      break;
    const auto message = request.first(header.nlmsg_len);
    // Control messages (NOOP, DONE) need no answer.
    if (header.nlmsg_type >= NLMSG_MIN_TYPE && (header.nlmsg_flags & NLM_F_REQUEST) != 0)
      answer_message(answers, header, message, {network, port});
    else if ((header.nlmsg_flags & NLM_F_ACK) != 0)
      answers.push_back(error_answer(header, port, 0));
    request = request.subspan(std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), request.size()));
  }
  return answers;
}

} // namespace tine::net
