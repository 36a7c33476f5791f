#include "unit/net/net_test.hpp"

#include <arpa/inet.h>
#include <sys/un.h>

namespace tine::net::test {
namespace {

TEST(SocketAddress, RefusesWhatIsLongerThanAnyAddress) {
  const std::vector<std::byte> bytes(sizeof(sockaddr_storage) + 1);
  EXPECT_ERRNO(SocketAddress::from_bytes(bytes), EINVAL);
}

TEST(UnixName, APathEndsAtItsNul) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/tmp/x");
  const auto bytes = std::as_bytes(std::span(&address, 1));
  const UnixName name = *UnixName::from(*SocketAddress::from_bytes(bytes));
  EXPECT_EQ(name.text, "/tmp/x");
  EXPECT_FALSE(name.is_abstract());
  // unix(7): offsetof(struct sockaddr_un, sun_path) + strlen(sun_path) + 1.
  EXPECT_EQ(name.to_socket_address().length, offsetof(sockaddr_un, sun_path) + 7);
}

TEST(UnixName, AnAbstractNameIsAllItsBytes) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, "\0a\0b", 4);
  const auto bytes =
      std::as_bytes(std::span(&address, 1)).first(offsetof(sockaddr_un, sun_path) + 4);
  const UnixName name = *UnixName::from(*SocketAddress::from_bytes(bytes));
  EXPECT_EQ(name.text, std::string("\0a\0b", 4));
  EXPECT_TRUE(name.is_abstract());
  EXPECT_EQ(name.to_socket_address().length, bytes.size());
}

TEST(InetAddress, MapsV4IntoV6) {
  const InetAddress address = InetAddress::v4(0x7f000001, 80);
  EXPECT_TRUE(address.is_v4());
  EXPECT_TRUE(address.is_loopback());
  const SocketAddress as_v6 = address.to_socket_address(AF_INET6);
  sockaddr_in6 in6;
  std::memcpy(&in6, &as_v6.storage, sizeof in6);
  EXPECT_TRUE(IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr));
  EXPECT_EQ(*InetAddress::from(as_v6, AF_INET6), address);
  EXPECT_EQ(*InetAddress::from(address.to_socket_address(AF_INET), AF_INET), address);
}

TEST(InetAddress, RefusesOtherFamilies) {
  const SocketAddress v4 = InetAddress::v4(1, 1).to_socket_address(AF_INET);
  EXPECT_ERRNO(InetAddress::from(v4, AF_INET6), EINVAL); // too short for sockaddr_in6
  const SocketAddress v6 = InetAddress::any(AF_INET6, 1).to_socket_address(AF_INET6);
  EXPECT_ERRNO(InetAddress::from(v6, AF_INET), EAFNOSUPPORT);
}

TEST(Route, OnlyLoopbackCanBeReached) {
  EXPECT_ERRNO(route(*make_ref<Network>(), InetAddress::v4(0x08080808, 53)), ENETUNREACH);
  EXPECT_ERRNO(route(*make_ref<Network>(), InetAddress::v4(0xe0000001, 53)),
               ENETUNREACH); // multicast
  EXPECT_TRUE(route(*make_ref<Network>(), InetAddress::v4(0x7f010203, 53)).ok());
  EXPECT_EQ(*route(*make_ref<Network>(), InetAddress::any(AF_INET6, 9)),
            InetAddress::loopback(AF_INET6, 9));
  EXPECT_ERRNO(check_local(*make_ref<Network>(), InetAddress::v4(0x08080808, 0)), EADDRNOTAVAIL);
}

} // namespace
} // namespace tine::net::test
