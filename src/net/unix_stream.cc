// SOCK_STREAM of AF_UNIX: bytes, with descriptors and credentials that belong to a place among
// them.
#include "net/unix_socket.hpp"

#include <algorithm>

namespace tine::net {
namespace {

/// What unix_stream_sendmsg puts into one sk_buff: SKB_MAX_HEAD(0) and 32 KiB of pages.
constexpr u64 largest_piece = 3776 + 32768;
/// Small writes are gathered up to this, so that many of them don't cost an allocation each. They
/// are charged as if they weren't.
constexpr u64 small_write_limit = 4096;

/// Appends to the last message if a reader could not tell; how many bytes it took.
Result<u64> gather(UnixEndpoint &from, UnixEndpoint &to, const UnixCredentials &credentials,
                   memory::IoBuffer &data) {
  if (to.queue.empty())
    return u64{0};
  UnixMessage &last = to.queue.back();
  const u64 size = last.data.size();
  if (!last.files.empty() || last.credentials != credentials || last.sender.get() != &from ||
      size + data.remaining() > small_write_limit)
    return u64{0};
  const u64 count = data.remaining();
  last.data.resize(size + count);
  const Result<u64> copied = data.copy_in(std::span(last.data).subspan(size));
  last.data.resize(size + (copied ? *copied : 0));
  if (copied) {
    const u64 charge = UnixEndpoint::charge_of(*copied);
    last.charge += charge;
    from.sent += charge;
    to.wait.wake_all();
  }
  return copied;
}

Result<u64> enqueue_piece(const Ref<UnixEndpoint> &from, UnixEndpoint &to, SendRequest &request,
                          const UnixCredentials &credentials) {
  const u64 half = std::max<u64>(from->options.send_buffer / 2, 128) - 64;
  UnixMessage message;
  message.data.resize(std::min({request.data.remaining(), largest_piece, half}));
  const u64 copied = TINE_TRY(request.data.copy_in(message.data));
  message.data.resize(copied);
  message.files = std::exchange(request.files, {});
  message.credentials = credentials;
  message.sender = from;
  message.charge = UnixEndpoint::charge_of(copied);
  to.enqueue(std::move(message));
  return copied;
}

} // namespace

Result<u64> UnixSocket::send_stream(SendRequest &request) {
  if (request.to)
    return Errno{endpoint_->state == UnixEndpoint::State::connected ? EISCONN : EOPNOTSUPP};
  if (!endpoint_->peer)
    return Errno{ENOTCONN};
  if (endpoint_->no_more_sends)
    return Errno{EPIPE};
  const UnixCredentials credentials = sender_credentials(request);
  u64 total = 0;
  while (request.data.remaining() != 0) {
    UnixEndpoint &peer = *endpoint_->peer;
    if (peer.state == UnixEndpoint::State::closed || peer.no_more_receives)
      return total != 0 ? Result<u64>{total} : Errno{EPIPE};
    if (!endpoint_->has_room())
      return total != 0 ? Result<u64>{total} : Errno{EAGAIN};
    Result<u64> count{u64{0}};
    if (request.files.empty())
      count = gather(*endpoint_, peer, credentials, request.data);
    if (count && *count == 0)
      count = enqueue_piece(endpoint_, peer, request, credentials);
    if (!count)
      return total != 0 ? Result<u64>{total} : count;
    total += *count;
  }
  return total;
}

Result<u64> UnixSocket::receive_stream(ReceiveRequest &request) {
  if (endpoint_->state != UnixEndpoint::State::connected)
    return Errno{EINVAL};
  const bool peek = (request.flags & MSG_PEEK) != 0;
  const bool with_credentials = endpoint_->options.pass_credentials != 0;
  std::optional<UnixCredentials> writer;
  u64 total = 0;
  std::size_t index = 0; // of a peek, which goes on without removing
  while (request.data.remaining() != 0 && index < endpoint_->queue.size()) {
    UnixMessage &message = endpoint_->queue[index];
    // Never glue messages from different writers together.
    if (with_credentials && writer && *writer != message.credentials)
      break;
    writer = message.credentials;
    if (total == 0 && endpoint_->peer)
      request.from = endpoint_->peer->name.to_socket_address();
    const Result<u64> copied = request.data.copy_out(message.rest());
    if (!copied) {
      if (total != 0)
        break;
      return copied.error();
    }
    total += *copied;
    const bool had_files = !message.files.empty();
    if (had_files)
      request.files = peek ? message.files : std::exchange(message.files, {});
    const bool whole = *copied == message.rest().size();
    if (!peek)
      message.consumed += *copied;
    if (whole && peek)
      ++index;
    else if (whole)
      endpoint_->pop_message();
    if (had_files || !whole)
      break;
  }
  if (with_credentials && writer)
    request.credentials = writer;
  if (total != 0 || request.data.remaining() == 0)
    return total;
  if (const int error = endpoint_->take_error())
    return Errno{error};
  if (endpoint_->no_more_receives)
    return u64{0};
  return Errno{EAGAIN};
}

} // namespace tine::net
