// What the tests of sockets share: a caller, and sends and receives of strings.
#pragma once

#include "fs/namespace.hpp"
#include "net/network.hpp"
#include "net/socket.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <string>
#include <string_view>

namespace tine::net::test {

class NetTest : public ::testing::Test {
protected:
  const Ref<Network> own_network = make_ref<Network>();
  Network &network = *own_network;
  fs::Credentials credentials;
  Ref<fs::FileSystemContext> context = make_ref<fs::FileSystemContext>();
  Caller caller{Pid{7}, credentials, *context};

  static Result<u64> send(Socket &socket, std::string_view text, u32 flags = MSG_DONTWAIT) {
    memory::IoBuffer data(std::as_bytes(std::span(text)));
    SendRequest request{data, flags, {}, {}, {}};
    return socket.send(request);
  }

  struct Received {
    Result<u64> count;
    std::string text;
    u32 flags = 0;
    SocketAddress from;
    std::vector<Ref<fs::File>> files;
    std::optional<UnixCredentials> credentials;
  };
  static Received receive(Socket &socket, std::size_t size = 100, u32 flags = MSG_DONTWAIT) {
    std::string text(size, '\0');
    memory::IoBuffer data(std::as_writable_bytes(std::span(text)));
    ReceiveRequest request{data, flags, {}, {}, {}, {}};
    const Result<u64> count = socket.receive(request);
    text.resize(data.transferred());
    return {count, text, request.result_flags, request.from, request.files, request.credentials};
  }
  Status connect(Socket &socket, const SocketAddress &to, bool nonblocking = false) {
    ConnectRequest request{to, caller, nonblocking};
    return socket.connect(request);
  }
  static SocketAddress abstract(std::string_view name) {
    std::string text(1, '\0');
    text.append(name);
    return UnixName{text}.to_socket_address();
  }
  static SocketAddress loopback(u16 port, int family = AF_INET) {
    return InetAddress::loopback(family, port).to_socket_address(family);
  }
  static u16 port_of(Socket &socket) {
    const SocketAddress local = *socket.local_address();
    return InetAddress::from(local, local.family())->port;
  }
};

#define EXPECT_ERRNO(expression, number)                                                           \
  do {                                                                                             \
    const auto result_ = (expression);                                                             \
    ASSERT_FALSE(result_.ok());                                                                    \
    EXPECT_EQ(static_cast<int>(result_.error()), number);                                          \
  } while (false)

} // namespace tine::net::test
