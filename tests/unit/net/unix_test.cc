#include "net/unix_socket.hpp"
#include "unit/net/net_test.hpp"

#include <poll.h>

namespace tine::net::test {
namespace {

class UnixTest : public NetTest {
protected:
  struct Pair {
    Ref<UnixSocket> a, b;
  };
  Ref<UnixSocket> make(int type) { return *UnixSocket::create(network, type, 0, 0, caller); }
  Pair pair(int type) {
    Pair ends{make(type), make(type)};
    UnixSocket::connect_pair(*ends.a, *ends.b, caller);
    return ends;
  }
  Pair connected(int type, std::string_view name) {
    const Ref<UnixSocket> listener = make(type);
    EXPECT_TRUE(listener->bind(abstract(name), caller).ok());
    EXPECT_TRUE(listener->listen(5, caller).ok());
    const Ref<UnixSocket> client = make(type);
    EXPECT_TRUE(connect(*client, abstract(name)).ok());
    return {client, ref_cast<UnixSocket>(*listener->accept(0))};
  }
};

TEST_F(UnixTest, AStreamHasNoBoundaries) {
  const Pair ends = pair(SOCK_STREAM);
  EXPECT_EQ(*send(*ends.a, "one"), 3U);
  EXPECT_EQ(*send(*ends.a, "two"), 3U);
  EXPECT_EQ(receive(*ends.b).text, "onetwo");
  EXPECT_ERRNO(receive(*ends.b).count, EAGAIN);
}

TEST_F(UnixTest, PeekLeavesWhatItReads) {
  const Pair ends = pair(SOCK_STREAM);
  ASSERT_TRUE(send(*ends.a, "hello").ok());
  EXPECT_EQ(receive(*ends.b, 2, MSG_PEEK).text, "he");
  EXPECT_EQ(receive(*ends.b, 9, MSG_PEEK).text, "hello");
  EXPECT_EQ(receive(*ends.b, 2).text, "he");
  EXPECT_EQ(receive(*ends.b).text, "llo");
}

TEST_F(UnixTest, MessagesKeepTheirBoundariesAndAreCut) {
  for (const int type : {SOCK_DGRAM, SOCK_SEQPACKET}) {
    const Pair ends = pair(type);
    ASSERT_TRUE(send(*ends.a, "first").ok());
    ASSERT_TRUE(send(*ends.a, "").ok());
    ASSERT_TRUE(send(*ends.a, "third").ok());
    const Received cut = receive(*ends.b, 2);
    EXPECT_EQ(cut.text, "fi");
    EXPECT_TRUE((cut.flags & MSG_TRUNC) != 0);
    EXPECT_EQ(*receive(*ends.b).count, 0U);
    EXPECT_EQ(*receive(*ends.b, 2, MSG_TRUNC | MSG_PEEK).count, 5U);
    EXPECT_EQ(receive(*ends.b).text, "third");
  }
}

TEST_F(UnixTest, AWriterWithoutReaderGetsEpipeAndTheReaderTheRest) {
  Pair ends = pair(SOCK_STREAM);
  ASSERT_TRUE(send(*ends.a, "rest").ok());
  ends.a = nullptr;
  EXPECT_EQ(ends.b->poll() & (POLLIN | POLLHUP | POLLRDHUP), u32{POLLIN | POLLHUP | POLLRDHUP});
  EXPECT_ERRNO(send(*ends.b, "x"), EPIPE);
  EXPECT_EQ(receive(*ends.b).text, "rest");
  EXPECT_EQ(*receive(*ends.b).count, 0U);
}

TEST_F(UnixTest, ClosingWithUnreadDataResetsThePeer) {
  Pair ends = pair(SOCK_STREAM);
  ASSERT_TRUE(send(*ends.a, "unread").ok());
  ends.b = nullptr;
  EXPECT_TRUE((ends.a->poll() & POLLERR) != 0);
  EXPECT_ERRNO(receive(*ends.a).count, ECONNRESET);
  EXPECT_EQ(*receive(*ends.a).count, 0U);
}

TEST_F(UnixTest, ShutdownClosesOneDirection) {
  const Pair ends = pair(SOCK_STREAM);
  ASSERT_TRUE(ends.a->shutdown(SHUT_WR).ok());
  EXPECT_ERRNO(send(*ends.a, "x"), EPIPE);
  EXPECT_EQ(*receive(*ends.b).count, 0U);
  ASSERT_TRUE(send(*ends.b, "back").ok());
  EXPECT_EQ(receive(*ends.a).text, "back");
}

TEST_F(UnixTest, ABufferFillsAndEmpties) {
  const Pair ends = pair(SOCK_STREAM);
  const std::string block(1000, 'x');
  u64 sent = 0;
  while (const Result<u64> count = send(*ends.a, block))
    sent += *count;
  EXPECT_GT(sent, 50'000U);
  EXPECT_LT(sent, 500'000U);
  EXPECT_TRUE((ends.a->poll() & POLLOUT) == 0);
  u64 received = 0;
  for (Received part = receive(*ends.b, 4096); part.count.ok(); part = receive(*ends.b, 4096))
    received += part.text.size();
  EXPECT_EQ(received, sent);
  EXPECT_TRUE((ends.a->poll() & POLLOUT) != 0);
}

TEST_F(UnixTest, FilesTravelWithTheirByteAndStopTheRead) {
  const Pair ends = pair(SOCK_STREAM);
  const Pair cargo = pair(SOCK_STREAM);
  ASSERT_TRUE(send(*ends.a, "a").ok());
  const std::string_view text = "b";
  memory::IoBuffer data(std::as_bytes(std::span(text)));
  SendRequest request{data, MSG_DONTWAIT, {}, {Ref<fs::File>(cargo.a)}, {}};
  ASSERT_TRUE(ends.a->send(request).ok());
  ASSERT_TRUE(send(*ends.a, "c").ok());
  const Received first = receive(*ends.b);
  EXPECT_EQ(first.text, "ab");
  ASSERT_EQ(first.files.size(), 1U);
  EXPECT_EQ(first.files[0], Ref<fs::File>(cargo.a));
  EXPECT_EQ(receive(*ends.b).text, "c");
}

TEST_F(UnixTest, CredentialsComeWithPasscred) {
  const Pair ends = pair(SOCK_DGRAM);
  const int on = 1;
  ASSERT_TRUE(ends.b->set_option(SOL_SOCKET, SO_PASSCRED, option_bytes(on), caller).ok());
  ASSERT_TRUE(send(*ends.a, "x").ok());
  const Received received = receive(*ends.b);
  ASSERT_TRUE(received.credentials.has_value());
  EXPECT_EQ(*received.credentials, caller.unix_credentials());
}

TEST_F(UnixTest, AbstractNamesAreFoundWhileTheyAreBound) {
  Ref<UnixSocket> listener = make(SOCK_STREAM);
  ASSERT_TRUE(listener->bind(abstract("name"), caller).ok());
  const Ref<UnixSocket> other = make(SOCK_STREAM);
  EXPECT_ERRNO(other->bind(abstract("name"), caller), EADDRINUSE);
  EXPECT_ERRNO(connect(*other, abstract("name")), ECONNREFUSED); // it doesn't listen
  ASSERT_TRUE(listener->listen(1, caller).ok());
  EXPECT_ERRNO(listener->accept(0), EAGAIN);
  EXPECT_ERRNO(connect(*make(SOCK_SEQPACKET), abstract("name")), EPROTOTYPE);
  listener = nullptr;
  EXPECT_ERRNO(connect(*other, abstract("name")), ECONNREFUSED);
  EXPECT_TRUE(network.abstract_names.empty());
}

TEST_F(UnixTest, AnAcceptedSocketOutlivesItsListener) {
  const Pair ends = connected(SOCK_SEQPACKET, "short-lived");
  EXPECT_TRUE(network.abstract_names.empty());
  ASSERT_TRUE(send(*ends.a, "still here").ok());
  EXPECT_EQ(receive(*ends.b).text, "still here");
  EXPECT_EQ(UnixName::from(*ends.a->peer_address())->text.substr(1), "short-lived");
}

TEST_F(UnixTest, ABacklogIsFullAtOneMoreThanItSays) {
  const Ref<UnixSocket> listener = make(SOCK_STREAM);
  ASSERT_TRUE(listener->bind(abstract("busy"), caller).ok());
  ASSERT_TRUE(listener->listen(1, caller).ok());
  std::vector<Ref<UnixSocket>> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(make(SOCK_STREAM));
    ASSERT_TRUE(connect(*clients.back(), abstract("busy")).ok());
  }
  const Ref<UnixSocket> late = make(SOCK_STREAM);
  EXPECT_ERRNO(connect(*late, abstract("busy")), EAGAIN);
  ASSERT_TRUE(listener->accept(0).ok());
  EXPECT_TRUE(connect(*late, abstract("busy")).ok());
}

TEST_F(UnixTest, ClosingAListenerResetsThoseThatWait) {
  Ref<UnixSocket> listener = make(SOCK_STREAM);
  ASSERT_TRUE(listener->bind(abstract("closing"), caller).ok());
  ASSERT_TRUE(listener->listen(5, caller).ok());
  const Ref<UnixSocket> client = make(SOCK_STREAM);
  ASSERT_TRUE(connect(*client, abstract("closing")).ok());
  listener = nullptr;
  EXPECT_ERRNO(receive(*client).count, ECONNRESET);
}

TEST_F(UnixTest, ADatagramSocketTakesElevenFromStrangers) {
  const Ref<UnixSocket> receiver = make(SOCK_DGRAM), sender = make(SOCK_DGRAM);
  ASSERT_TRUE(receiver->bind(abstract("inbox"), caller).ok());
  ASSERT_TRUE(connect(*sender, abstract("inbox")).ok());
  int sent = 0;
  while (send(*sender, "x").ok())
    ++sent;
  EXPECT_EQ(sent, 11); // max_dgram_qlen is 10, and it is full when there are more
  EXPECT_TRUE((sender->poll() & POLLOUT) == 0);
  ASSERT_TRUE(receive(*receiver).count.ok());
  EXPECT_TRUE((sender->poll() & POLLOUT) != 0);
}

TEST_F(UnixTest, AClosedDatagramPeerRefuses) {
  Ref<UnixSocket> receiver = make(SOCK_DGRAM);
  const Ref<UnixSocket> sender = make(SOCK_DGRAM);
  ASSERT_TRUE(receiver->bind(abstract("gone"), caller).ok());
  ASSERT_TRUE(connect(*sender, abstract("gone")).ok());
  receiver = nullptr;
  EXPECT_ERRNO(send(*sender, "x"), ECONNREFUSED);
  EXPECT_ERRNO(send(*sender, "x"), ENOTCONN);
}

TEST_F(UnixTest, AutobindChoosesFiveHexadecimalDigits) {
  const Ref<UnixSocket> socket = make(SOCK_STREAM);
  SocketAddress family_only;
  family_only.storage.ss_family = AF_UNIX;
  family_only.length = sizeof(sa_family_t);
  ASSERT_TRUE(socket->bind(family_only, caller).ok());
  const UnixName name = *UnixName::from(*socket->local_address());
  ASSERT_EQ(name.text.size(), 6U);
  EXPECT_EQ(name.text.find_first_not_of("0123456789abcdef", 1), std::string::npos);
}

} // namespace
} // namespace tine::net::test
