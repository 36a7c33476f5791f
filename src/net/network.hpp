// The network of one box: who is bound to what. There is one interface, lo.
#pragma once

#include "base/ref.hpp"
#include "fs/user_namespace.hpp"
#include "net/socket_address.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace tine::net {

class UnixEndpoint;
class Socket;

/// The local end of a TCP or UDP socket, as the port table knows it. Owned by its socket.
/// Invariant: in_table says whether a PortTable has it.
struct InetBinding {
  int family = 0;       ///< AF_INET or AF_INET6
  bool v6_only = false; ///< IPV6_V6ONLY
  InetAddress local;
  InetAddress remote; ///< port 0: not connected
  bool reuse_address = false;
  bool reuse_port = false;
  bool listening = false; ///< TCP
  bool in_table = false;
  u32 owner = 0; ///< effective uid that bound it

  void archive(Archive &archive) {
    archive(family, v6_only, local.bytes, local.port, remote.bytes, remote.port, reuse_address,
            reuse_port, listening, owner);
  }
  [[nodiscard]] bool takes(bool is_v4) const {
    return is_v4 ? family == AF_INET || !v6_only : family == AF_INET6;
  }
};

/// Which local ports of one protocol are taken, and who gets what arrives.
class PortTable {
public:
  /// Ports that bind(2) to port 0 and connect(2) choose from: ip_local_port_range.
  static constexpr u16 first_ephemeral = 32768, last_ephemeral = 60999;

  explicit PortTable(bool is_stream) : is_stream_(is_stream) {}

  /// Gives `binding` its local address; a port of 0 chooses a free one. EADDRINUSE.
  [[nodiscard]] Status bind(InetBinding &binding, const InetAddress &local);
  /// Enters a binding that shares its port with a listener (an accepted connection).
  void add(InetBinding &binding);
  void remove(InetBinding &binding);
  /// EADDRINUSE if another socket listens where `binding` wants to.
  [[nodiscard]] Status check_listen(const InetBinding &binding) const;

  /// The listener for a connection to `to`.
  [[nodiscard]] InetBinding *find_listener(const InetAddress &to);
  /// The socket that a datagram from `from` to `to` goes to.
  [[nodiscard]] InetBinding *find_receiver(const InetAddress &from, const InetAddress &to);
  [[nodiscard]] std::vector<const InetBinding *> bindings() const;

private:
  [[nodiscard]] bool conflicts(const InetBinding &binding, const InetAddress &local) const;
  [[nodiscard]] u16 choose_port(const InetBinding &binding, InetAddress local) const;
  [[nodiscard]] InetBinding *spread(const std::vector<InetBinding *> &best);

  bool is_stream_;
  std::multimap<u16, InetBinding *> by_port_;
  u32 turn_ = 0; ///< SO_REUSEPORT: who is next
};

/// What CLONE_NEWNET separates: network_namespaces(7). AF_UNIX names that are paths are the box's:
/// all its networks have one table. Kept by its sockets, too. Guarded by the kernel lock.
class Network final : public RefCounted {
public:
  using PathNames = std::map<const RefCounted *, UnixEndpoint *>; ///< by the inode of the name

  Network() : shared_path_names_(std::make_shared<PathNames>()) {}
  /// A further one of the box that `first` is of: its interface is down.
  Network(const Network &first, u64 id_, Ref<fs::UserNamespace> owner_)
      : id(id_), owner(std::move(owner_)), loopback_up(false), has_address(false),
        shared_path_names_(first.shared_path_names_), next_inode_((id_ & 0xffff) << 32 | 10000) {}

  /// Of a saved box: the first of it, or a further one.
  Network(std::shared_ptr<PathNames> path_names, u64 id_, Ref<fs::UserNamespace> owner_)
      : id(id_), owner(std::move(owner_)), shared_path_names_(std::move(path_names)) {}

  /// Numbers of sockets, as in "socket:[N]".
  [[nodiscard]] u64 allocate_inode() { return next_inode_++; }
  /// The copy of a box numbers its sockets on from where the original is. After its sockets have
  /// been copied.
  void number_like(const Network &original) {
    next_inode_ = original.next_inode_;
    next_autobind_ = original.next_autobind_;
  }
  /// The first network of a box is copied into that of the copy's kernel.
  void note_first(Copier &copier, const Ref<Network> &made) const;
  /// A further one.
  [[nodiscard]] Result<Ref<Network>> copy(Copier &copier) const;

  const u64 id = 0;                   ///< inode number of /proc/PID/ns/net; 0: the box's first
  const Ref<fs::UserNamespace> owner; ///< null: the box's first
  bool loopback_up = true;            ///< else nothing can be reached
  bool has_address = true;            ///< 127.0.0.1; lo gets it when it goes up

  PortTable tcp{true};
  PortTable udp{false};

  // ---- AF_UNIX names; the endpoints leave when they are closed ----
  std::map<std::string, UnixEndpoint *> abstract_names;
  [[nodiscard]] PathNames &path_names() { return *shared_path_names_; }
  /// A free abstract name of five hexadecimal digits (unix(7), autobind).
  [[nodiscard]] std::string free_abstract_name();

  /// All sockets, for /proc/net.
  std::set<Socket *> sockets;
  // ---- a saved box ----
  static Ref<RefCounted> archive_head(Archive &archive, Network *saved);
  void archive_body(Archive &archive);

private:
  Network(const Network &original, Ref<fs::UserNamespace> owner_,
          std::shared_ptr<PathNames> path_names)
      : id(original.id), owner(std::move(owner_)), loopback_up(original.loopback_up),
        has_address(original.has_address), shared_path_names_(std::move(path_names)) {}

  std::shared_ptr<PathNames> shared_path_names_;
  u64 next_inode_ = 10000;
  u32 next_autobind_ = 0;
};

/// ENETUNREACH unless packets to `to` stay in the box; an unspecified address means loopback.
[[nodiscard]] Result<InetAddress> route(const Network &network, const InetAddress &to);
/// The address that a socket gets when it talks to `to` without having chosen one.
[[nodiscard]] InetAddress source_for(const InetAddress &to);
/// EADDRNOTAVAIL if the box has no such address.
[[nodiscard]] Status check_local(const Network &network, const InetAddress &local);

} // namespace tine::net
