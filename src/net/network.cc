#include "net/network.hpp"

#include <algorithm>
#include <random>

namespace tine::net {
namespace {

/// Whether a socket bound to `a` could get what is meant for one bound to `b`: one of them is the
/// wildcard of a family that the other takes, or they are the same.
bool overlap(const InetBinding &a, const InetAddress &a_local, const InetBinding &b,
             const InetAddress &b_local) {
  if (a_local.is_any())
    return b_local.is_any() ? (a.takes(true) && b.takes(true)) || (a.takes(false) && b.takes(false))
                            : a.takes(b_local.is_v4());
  if (b_local.is_any())
    return b.takes(a_local.is_v4());
  return a_local.same_host(b_local);
}

bool receives(const InetBinding &binding, const InetAddress &to) {
  if (binding.local.is_any())
    return binding.takes(to.is_v4());
  return binding.local.same_host(to);
}

} // namespace

Status PortTable::bind(InetBinding &binding, const InetAddress &local) {
  InetAddress chosen = local;
  if (chosen.port == 0) {
    chosen.port = choose_port(binding, local);
    if (chosen.port == 0)
      return Errno{EADDRINUSE};
  } else if (conflicts(binding, chosen)) {
    return Errno{EADDRINUSE};
  }
  binding.local = chosen;
  add(binding);
  return Done{};
}

void PortTable::add(InetBinding &binding) {
  by_port_.emplace(binding.local.port, &binding);
  binding.in_table = true;
}

void PortTable::remove(InetBinding &binding) {
  binding.in_table = false;
  auto [entry, end] = by_port_.equal_range(binding.local.port);
  for (; entry != end; ++entry)
    if (entry->second == &binding) {
      by_port_.erase(entry);
      return;
    }
}

bool PortTable::conflicts(const InetBinding &binding, const InetAddress &local) const {
  auto [entry, end] = by_port_.equal_range(local.port);
  for (; entry != end; ++entry) {
    const InetBinding &other = *entry->second;
    if (&other == &binding || !overlap(binding, local, other, other.local))
      continue;
    // socket(7): both have SO_REUSEADDR and (TCP) no one listens; or both have SO_REUSEPORT and
    // the same effective uid.
    if (binding.reuse_address && other.reuse_address && !(is_stream_ && other.listening))
      continue;
    if (binding.reuse_port && other.reuse_port && binding.owner == other.owner)
      continue;
    return true;
  }
  return false;
}

Status PortTable::check_listen(const InetBinding &binding) const {
  auto [entry, end] = by_port_.equal_range(binding.local.port);
  for (; entry != end; ++entry) {
    const InetBinding &other = *entry->second;
    if (&other == &binding || !other.listening ||
        !overlap(binding, binding.local, other, other.local))
      continue;
    if (!(binding.reuse_port && other.reuse_port && binding.owner == other.owner))
      return Errno{EADDRINUSE};
  }
  return Done{};
}

u16 PortTable::choose_port(const InetBinding &binding, InetAddress local) const {
  static std::minstd_rand random{std::random_device{}()};
  constexpr u32 count = last_ephemeral - first_ephemeral + 1;
  const u32 start = static_cast<u32>(random()) % count;
  InetBinding exclusive = binding;
  exclusive.reuse_address = exclusive.reuse_port = false;
  for (u32 i = 0; i < count; ++i) {
    local.port = static_cast<u16>(first_ephemeral + (start + i) % count);
    if (!conflicts(exclusive, local))
      return local.port;
  }
  return 0;
}

InetBinding *PortTable::spread(const std::vector<InetBinding *> &best) {
  return best.empty() ? nullptr : best[turn_++ % best.size()];
}

InetBinding *PortTable::find_listener(const InetAddress &to) {
  std::vector<InetBinding *> exact, wildcard;
  auto [entry, end] = by_port_.equal_range(to.port);
  for (; entry != end; ++entry)
    if (entry->second->listening && receives(*entry->second, to))
      (entry->second->local.is_any() ? wildcard : exact).push_back(entry->second);
  return spread(exact.empty() ? wildcard : exact);
}

InetBinding *PortTable::find_receiver(const InetAddress &from, const InetAddress &to) {
  std::vector<InetBinding *> best;
  int best_score = -1;
  auto [entry, end] = by_port_.equal_range(to.port);
  for (; entry != end; ++entry) {
    InetBinding &binding = *entry->second;
    const bool connected = binding.remote.port != 0;
    if (!receives(binding, to) || (connected && binding.remote != from))
      continue;
    const int score = (binding.local.is_any() ? 0 : 1) + (connected ? 2 : 0);
    if (score > best_score)
      best.clear();
    // Without SO_REUSEPORT the last one bound gets it all.
    if (score == best_score && !binding.reuse_port)
      best.clear();
    if (score >= best_score)
      best.push_back(&binding);
    best_score = std::max(score, best_score);
  }
  return spread(best);
}

std::vector<const InetBinding *> PortTable::bindings() const {
  std::vector<const InetBinding *> all;
  for (const auto &[port, binding] : by_port_)
    all.push_back(binding);
  return all;
}

std::string Network::free_abstract_name() {
  constexpr u32 limit = 0x100000;
  for (u32 i = 0; i < limit; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string name(6, '\0');
    u32 number = next_autobind_++ % limit;
    for (std::size_t digit = 5; digit > 0; --digit, number >>= 4)
      name[digit] = digits[number & 15];
    if (!abstract_names.contains(name))
      return name;
  }
  return {};
}

void Network::note_first(Copier &copier, const Ref<Network> &made) const {
  copier.note(*this, made);
  copier.note_counterpart(*shared_path_names_, made->shared_path_names_);
}

Result<Ref<Network>> Network::copy(Copier &copier) const {
  const Ref<Network> made(new Network(*this, TINE_TRY(copier.copy(owner)),
                                      copier.shared_counterpart(*shared_path_names_)));
  copier.at_end([this, made]() -> Status {
    made->number_like(*this);
    return Done{};
  });
  return made;
}

Result<InetAddress> route(const Network &network, const InetAddress &to) {
  if (!network.loopback_up)
    return Errno{ENETUNREACH};
  if (to.is_any())
    return InetAddress::loopback(to.is_v4() ? AF_INET : AF_INET6, to.port);
  if (!to.is_loopback())
    return Errno{ENETUNREACH};
  return to;
}

InetAddress source_for(const InetAddress &to) {
  return InetAddress::loopback(to.is_v4() ? AF_INET : AF_INET6, 0);
}

Status check_local(const Network &network, const InetAddress &local) {
  if (local.is_any() || (local.is_loopback() && network.has_address))
    return Done{};
  return Errno{EADDRNOTAVAIL};
}

} // namespace tine::net
