#include "net/tcp_socket.hpp"
#include "net/udp_socket.hpp"
#include "unit/net/net_test.hpp"

#include <netinet/tcp.h>
#include <poll.h>

namespace tine::net::test {
namespace {

class TcpTest : public NetTest {
protected:
  Ref<TcpSocket> make(int family = AF_INET) {
    return TcpSocket::create(network, family, 0, caller);
  }
  Ref<TcpSocket> listener(u16 port = 0, int family = AF_INET, int backlog = 5) {
    Ref<TcpSocket> socket = make(family);
    EXPECT_TRUE(socket->bind(loopback(port, family), caller).ok());
    EXPECT_TRUE(socket->listen(backlog, caller).ok());
    return socket;
  }
  struct Pair {
    Ref<TcpSocket> client, server;
  };
  Pair connected() {
    const Ref<TcpSocket> listening = listener();
    const Ref<TcpSocket> client = make();
    EXPECT_TRUE(connect(*client, loopback(port_of(*listening))).ok());
    return {client, ref_cast<TcpSocket>(*listening->accept(0))};
  }
  void set(Socket &socket, int level, int name, int value) {
    EXPECT_TRUE(socket.set_option(level, name, option_bytes(value), caller).ok());
  }
  int get(Socket &socket, int level, int name) { return *option_int(*socket.option(level, name)); }
};

TEST_F(TcpTest, ConnectsAndTalksBothWays) {
  const Pair ends = connected();
  ASSERT_TRUE(send(*ends.client, "ping").ok());
  EXPECT_EQ(receive(*ends.server).text, "ping");
  ASSERT_TRUE(send(*ends.server, "pong").ok());
  EXPECT_EQ(receive(*ends.client).text, "pong");
  EXPECT_EQ(port_of(*ends.client), InetAddress::from(*ends.server->peer_address(), AF_INET)->port);
}

TEST_F(TcpTest, NobodyListensIsRefused) {
  const Ref<TcpSocket> socket = make();
  EXPECT_ERRNO(connect(*socket, loopback(4)), ECONNREFUSED);
  EXPECT_ERRNO(connect(*socket, InetAddress::v4(0x08080808, 80).to_socket_address(AF_INET)),
               ENETUNREACH);
}

TEST_F(TcpTest, ANonblockingConnectIsInProgressAndPollTellsTheRest) {
  const Ref<TcpSocket> listening = listener();
  const Ref<TcpSocket> client = make();
  EXPECT_ERRNO(connect(*client, loopback(port_of(*listening)), true), EINPROGRESS);
  EXPECT_TRUE((client->poll() & POLLOUT) != 0);
  EXPECT_EQ(get(*client, SOL_SOCKET, SO_ERROR), 0);
  EXPECT_TRUE(connect(*client, loopback(port_of(*listening)), true).ok());
  EXPECT_ERRNO(connect(*client, loopback(port_of(*listening)), true), EISCONN);

  const Ref<TcpSocket> refused = make();
  EXPECT_ERRNO(connect(*refused, loopback(4), true), EINPROGRESS);
  EXPECT_EQ(refused->poll() & (POLLOUT | POLLERR | POLLHUP), u32{POLLOUT | POLLERR | POLLHUP});
  EXPECT_EQ(get(*refused, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  EXPECT_EQ(get(*refused, SOL_SOCKET, SO_ERROR), 0);
}

TEST_F(TcpTest, AFullBacklogMakesClientsWait) {
  const Ref<TcpSocket> listening = listener(0, AF_INET, 0);
  const Ref<TcpSocket> first = make(), second = make();
  EXPECT_TRUE(connect(*first, loopback(port_of(*listening))).ok());
  EXPECT_ERRNO(connect(*second, loopback(port_of(*listening))), EAGAIN);
  EXPECT_TRUE((second->poll() & POLLOUT) == 0);
  ASSERT_TRUE(listening->accept(0).ok());
  EXPECT_TRUE(connect(*second, loopback(port_of(*listening))).ok());
}

TEST_F(TcpTest, EndOfFileAfterTheLastByte) {
  Pair ends = connected();
  ASSERT_TRUE(send(*ends.client, "last").ok());
  ends.client = nullptr;
  EXPECT_EQ(receive(*ends.server).text, "last");
  EXPECT_EQ(*receive(*ends.server).count, 0U);
  EXPECT_EQ(ends.server->poll() & (POLLIN | POLLRDHUP | POLLHUP), u32{POLLIN | POLLRDHUP});
  // The first write meets a closed socket and brings a reset back; the second fails.
  EXPECT_EQ(*send(*ends.server, "x"), 1U);
  EXPECT_ERRNO(send(*ends.server, "x"), EPIPE);
}

TEST_F(TcpTest, ClosingWithUnreadDataOrZeroLingerResets) {
  Pair unread = connected();
  ASSERT_TRUE(send(*unread.client, "unread").ok());
  unread.server = nullptr;
  EXPECT_ERRNO(receive(*unread.client).count, ECONNRESET);
  Pair lingering = connected();
  const linger none{1, 0};
  ASSERT_TRUE(lingering.client->set_option(SOL_SOCKET, SO_LINGER, option_bytes(none), caller).ok());
  lingering.client = nullptr;
  EXPECT_TRUE((lingering.server->poll() & POLLERR) != 0);
  EXPECT_ERRNO(receive(*lingering.server).count, ECONNRESET);
}

TEST_F(TcpTest, HalfCloseKeepsTheOtherHalf) {
  const Pair ends = connected();
  ASSERT_TRUE(ends.client->shutdown(SHUT_WR).ok());
  EXPECT_EQ(*receive(*ends.server).count, 0U);
  ASSERT_TRUE(send(*ends.server, "answer").ok());
  EXPECT_EQ(receive(*ends.client).text, "answer");
  EXPECT_ERRNO(send(*ends.client, "x"), EPIPE);
  EXPECT_ERRNO(make()->shutdown(SHUT_RDWR), ENOTCONN);
}

TEST_F(TcpTest, APortIsInUseUntilItIsClosed) {
  Ref<TcpSocket> first = listener(5000);
  const Ref<TcpSocket> second = make();
  EXPECT_ERRNO(second->bind(loopback(5000), caller), EADDRINUSE);
  set(*second, SOL_SOCKET, SO_REUSEADDR, 1);
  EXPECT_ERRNO(second->bind(loopback(5000), caller), EADDRINUSE); // one listens
  first = nullptr;
  EXPECT_TRUE(second->bind(loopback(5000), caller).ok());
}

TEST_F(TcpTest, ReusePortSpreadsConnections) {
  const Ref<TcpSocket> a = make(), b = make();
  for (const Ref<TcpSocket> &socket : {a, b}) {
    set(*socket, SOL_SOCKET, SO_REUSEPORT, 1);
    ASSERT_TRUE(socket->bind(loopback(5001), caller).ok());
    ASSERT_TRUE(socket->listen(5, caller).ok());
  }
  const Ref<TcpSocket> clients[] = {make(), make()};
  for (const Ref<TcpSocket> &client : clients)
    ASSERT_TRUE(connect(*client, loopback(5001)).ok());
  EXPECT_TRUE(a->accept(0).ok());
  EXPECT_TRUE(b->accept(0).ok());
}

TEST_F(TcpTest, ADualStackListenerTakesV4) {
  const Ref<TcpSocket> listening = make(AF_INET6);
  const SocketAddress any = InetAddress::any(AF_INET6, 5002).to_socket_address(AF_INET6);
  ASSERT_TRUE(listening->bind(any, caller).ok());
  ASSERT_TRUE(listening->listen(5, caller).ok());
  const Ref<TcpSocket> client = make();
  ASSERT_TRUE(connect(*client, loopback(5002)).ok());
  const Ref<Socket> server = *listening->accept(0);
  EXPECT_TRUE(InetAddress::from(*server->peer_address(), AF_INET6)->is_v4());

  const Ref<TcpSocket> strict = make(AF_INET6);
  set(*strict, IPPROTO_IPV6, IPV6_V6ONLY, 1);
  const SocketAddress other = InetAddress::any(AF_INET6, 5003).to_socket_address(AF_INET6);
  ASSERT_TRUE(strict->bind(other, caller).ok());
  ASSERT_TRUE(strict->listen(5, caller).ok());
  EXPECT_ERRNO(connect(*make(), loopback(5003)), ECONNREFUSED);
}

TEST_F(TcpTest, OptionsAreCheckedAndRemembered) {
  const Ref<TcpSocket> socket = make();
  EXPECT_EQ(get(*socket, IPPROTO_TCP, TCP_NODELAY), 0);
  set(*socket, IPPROTO_TCP, TCP_NODELAY, 5);
  EXPECT_EQ(get(*socket, IPPROTO_TCP, TCP_NODELAY), 1);
  set(*socket, SOL_SOCKET, SO_RCVBUF, 8192);
  EXPECT_EQ(get(*socket, SOL_SOCKET, SO_RCVBUF), 16384); // socket(7): the kernel doubles it
  EXPECT_ERRNO(socket->set_option(IPPROTO_TCP, 12345, option_bytes(1), caller), ENOPROTOOPT);
  EXPECT_ERRNO(socket->set_option(IPPROTO_TCP, TCP_KEEPCNT, option_bytes(0), caller), EINVAL);
  EXPECT_ERRNO(socket->set_option(SOL_SOCKET, SO_KEEPALIVE, {}, caller), EINVAL);
}

class UdpTest : public NetTest {
protected:
  Ref<UdpSocket> make(int family = AF_INET) {
    return make_ref<UdpSocket>(network, family, 0U, caller);
  }
  Result<u64> send_to(Socket &socket, std::string_view text, const SocketAddress &to) {
    memory::IoBuffer data(std::as_bytes(std::span(text)));
    SendRequest request{data, MSG_DONTWAIT, to, {}, {}};
    return socket.send(request);
  }
};

TEST_F(UdpTest, ADatagramComesFromItsSender) {
  const Ref<UdpSocket> receiver = make(), sender = make();
  ASSERT_TRUE(receiver->bind(loopback(6000), caller).ok());
  EXPECT_EQ(*send_to(*sender, "hello", loopback(6000)), 5U);
  const Received received = receive(*receiver, 3);
  EXPECT_EQ(received.text, "hel");
  EXPECT_TRUE((received.flags & MSG_TRUNC) != 0);
  EXPECT_EQ(InetAddress::from(received.from, AF_INET)->port, port_of(*sender));
  EXPECT_ERRNO(receive(*receiver).count, EAGAIN);
}

TEST_F(UdpTest, AConnectedSocketHearsOnlyItsPeer) {
  const Ref<UdpSocket> a = make(), b = make(), stranger = make();
  ASSERT_TRUE(a->bind(loopback(6001), caller).ok());
  ASSERT_TRUE(b->bind(loopback(6002), caller).ok());
  ASSERT_TRUE(connect(*a, loopback(6002)).ok());
  ASSERT_TRUE(send_to(*stranger, "no", loopback(6001)).ok());
  ASSERT_TRUE(send_to(*b, "yes", loopback(6001)).ok());
  EXPECT_EQ(receive(*a).text, "yes");
}

TEST_F(UdpTest, AClosedPortComesBackAsRefusal) {
  const Ref<UdpSocket> socket = make();
  ASSERT_TRUE(connect(*socket, loopback(4)).ok());
  EXPECT_TRUE(send(*socket, "x").ok());
  EXPECT_TRUE((socket->poll() & POLLERR) != 0);
  EXPECT_ERRNO(receive(*socket).count, ECONNREFUSED);
  EXPECT_ERRNO(send(*make(), "x"), EDESTADDRREQ);
  EXPECT_ERRNO(send_to(*make(), std::string(65508, 'x'), loopback(4)), EMSGSIZE);
}

TEST_F(UdpTest, WhatDoesNotFitIsLost) {
  const Ref<UdpSocket> receiver = make(), sender = make();
  ASSERT_TRUE(receiver->bind(loopback(6003), caller).ok());
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(send_to(*sender, std::string(10'000, 'x'), loopback(6003)).ok());
  int received = 0;
  while (receive(*receiver).count.ok())
    ++received;
  EXPECT_GT(received, 5);
  EXPECT_LT(received, 50);
}

} // namespace
} // namespace tine::net::test
