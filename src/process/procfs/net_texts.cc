// /proc/net: the box's sockets and its interface.
#include "net/tcp_socket.hpp"
#include "net/udp_socket.hpp"
#include "net/unix_socket.hpp"
#include "process/namespaces.hpp"
#include "process/procfs/subject.hpp"

#include <cstring>
#include <fmt/format.h>
#include <netinet/tcp.h>

namespace tine::process {
namespace {

constexpr u8 state_close = 7; ///< TCP_CLOSE, what an unconnected UDP socket shows

/// Hexadecimal words as they lie in memory, and the port: the format of proc_net_tcp.
std::string show(const net::InetAddress &address, int family) {
  std::string text;
  const std::size_t first = family == AF_INET ? 3 : 0;
  for (std::size_t word = first; word < 4; ++word) {
    u32 value;
    std::memcpy(&value, address.bytes.data() + word * 4, sizeof value);
    text += fmt::format("{:08X}", value);
  }
  return text + fmt::format(":{:04X}", address.port);
}

struct Row {
  const net::InetBinding &binding;
  u8 state;
  u64 sent, received, inode;
};

void add_row(std::string &text, std::size_t number, const Row &row) {
  const int family = row.binding.family;
  net::InetAddress remote = row.binding.remote;
  if (remote.port == 0)
    remote = net::InetAddress::any(family, 0);
  std::string line = fmt::format(
      "{:4}: {} {} {:02X} {:08X}:{:08X} 00:00000000 00000000 {:5}        0 {} 1 0000000000000000",
      number, show(row.binding.local, family), show(remote, family), row.state, row.sent,
      row.received, row.binding.owner, row.inode);
  if (family == AF_INET) {
    constexpr std::size_t width = 149; // TMPSZ of tcp_ipv4.c
    line.resize(std::max(line.size(), width), ' ');
  }
  text += line + "\n";
}

std::string header(int family) {
  if (family == AF_INET6)
    return "  sl  local_address                         remote_address                        st "
           "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
  std::string line =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   "
      "uid  timeout inode";
  line.resize(149, ' ');
  return line + "\n";
}

std::string tcp_text(const net::Network &network, int family) {
  std::string text = header(family);
  std::size_t number = 0;
  for (const net::InetBinding *binding : network.tcp.bindings()) {
    if (binding->family != family)
      continue;
    const auto &endpoint = static_cast<const net::TcpEndpoint &>(*binding);
    const u64 unread = endpoint.listening ? endpoint.accept_queue.size() : endpoint.received.size();
    add_row(text, number++,
            {*binding, endpoint.state_number(), endpoint.listening ? endpoint.backlog : 0, unread,
             endpoint.inode_number});
  }
  return text;
}

std::string udp_text(const net::Network &network, int family) {
  std::string text = header(family);
  std::size_t number = 0;
  for (const net::Socket *socket : network.sockets) {
    const auto *udp = dynamic_cast<const net::UdpSocket *>(socket);
    if (!udp || socket->domain() != family || !udp->binding().in_table)
      continue;
    const u8 state = udp->binding().remote.port != 0 ? u8{TCP_ESTABLISHED} : state_close;
    add_row(text, number++,
            {udp->binding(), state, 0, udp->queued_bytes(), socket->inode_number()});
  }
  return text;
}

std::string unix_text(const net::Network &network) {
  std::string text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  constexpr u32 accepts = 0x10000; // SO_ACCEPTCON
  for (const net::Socket *socket : network.sockets) {
    const auto *named = dynamic_cast<const net::UnixSocket *>(socket);
    if (!named)
      continue;
    const net::UnixEndpoint &endpoint = named->endpoint();
    const bool listening = endpoint.state == net::UnixEndpoint::State::listening;
    const bool connected = endpoint.state == net::UnixEndpoint::State::connected;
    // SS_UNCONNECTED 1, SS_CONNECTED 3.
    std::string name = endpoint.name.text;
    for (char &c : name)
      if (c == '\0')
        c = '@';
    text += fmt::format("{:016x}: {:08X} {:08X} {:08X} {:04X} {:02X} {:>5}{}{}\n", 0,
                        endpoint.reference_count() + 1, 0, listening ? accepts : 0, socket->type(),
                        connected ? 3 : 1, socket->inode_number(), name.empty() ? "" : " ", name);
  }
  return text;
}

constexpr const char *dev_text =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop "
    "fifo "
    "colls carrier compressed\n"
    "    lo:       0       0    0    0    0     0          0         0        0       0    0    0  "
    "  0 "
    "    0       0          0\n";

std::string route_text() {
  std::string line =
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT";
  line.resize(std::max<std::size_t>(line.size(), 127), ' ');
  return line + "\n";
}

std::string sockstat_text(const net::Network &network) {
  std::size_t tcp = 0, udp = 0;
  for (const net::Socket *socket : network.sockets)
    if (socket->domain() == AF_INET)
      ++(socket->type() == SOCK_STREAM ? tcp : udp);
  return fmt::format(
      "sockets: used {}\nTCP: inuse {} orphan 0 tw 0 alloc {} mem 0\n"
      "UDP: inuse {} mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
      network.sockets.size(), tcp, tcp, udp);
}

} // namespace

Ref<fs::PseudoDirectory> make_net_directory(fs::PseudoFs &fs, const Subject &subject) {
  Ref<fs::PseudoDirectory> directory = fs.directory();
  const auto add = [&](const char *name, std::function<std::string(const net::Network &)> text) {
    directory->add(name, fs.file({}, [subject, text = std::move(text)]() -> Result<std::string> {
      const Result<Thread *> thread = subject.thread();
      return text(thread ? network_of(**thread) : subject.kernel.network);
    }));
  };
  add("tcp", [](const net::Network &network) { return tcp_text(network, AF_INET); });
  add("tcp6", [](const net::Network &network) { return tcp_text(network, AF_INET6); });
  add("udp", [](const net::Network &network) { return udp_text(network, AF_INET); });
  add("udp6", [](const net::Network &network) { return udp_text(network, AF_INET6); });
  add("unix", unix_text);
  add("sockstat", sockstat_text);
  add("route", [](const net::Network &) { return route_text(); });
  directory->add("dev", fs.text(dev_text));
  directory->add("if_inet6", fs.text("00000000000000000000000000000001 01 80 10 80       lo\n"));
  directory->add("arp", fs.text("IP address       HW type     Flags       HW address            "
                                "Mask     Device\n"));
  directory->add("ipv6_route", fs.text(""));
  directory->add("packet", fs.text("sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"));
  directory->add("netlink",
                 fs.text("sk               Eth Pid        Groups   Rmem     Wmem     Dump  "
                         "Locks    Drops    Inode\n"));
  return directory;
}

} // namespace tine::process
