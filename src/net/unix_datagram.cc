// SOCK_DGRAM and SOCK_SEQPACKET of AF_UNIX: messages that arrive whole, in order, or not at all.
#include "net/unix_socket.hpp"

namespace tine::net {

Result<Ref<UnixEndpoint>> UnixSocket::datagram_destination(SendRequest &request) {
  if (type() == SOCK_SEQPACKET) {
    // The address is ignored: unix_seqpacket_sendmsg.
    if (endpoint_->state != UnixEndpoint::State::connected)
      return Errno{ENOTCONN};
    return endpoint_->peer;
  }
  if (request.to) {
    if (!request.caller)
      return Errno{EINVAL};
    const Ref<UnixEndpoint> other = TINE_TRY(find(*request.to, *request.caller));
    if (other->peer && other->peer != endpoint_)
      return Errno{EPERM};
    return other;
  }
  if (!endpoint_->peer)
    return Errno{ENOTCONN};
  return endpoint_->peer;
}

Result<u64> UnixSocket::send_datagram(SendRequest &request) {
  const Ref<UnixEndpoint> other = TINE_TRY(datagram_destination(request));
  const u64 size = request.data.remaining();
  if (size > endpoint_->options.send_buffer - 32)
    return Errno{EMSGSIZE};
  if (endpoint_->no_more_sends)
    return Errno{EPIPE};
  if (other->state == UnixEndpoint::State::closed) {
    if (type() == SOCK_SEQPACKET)
      return Errno{EPIPE};
    if (endpoint_->peer == other)
      endpoint_->disconnect_datagram();
    return Errno{ECONNREFUSED};
  }
  if (other->no_more_receives)
    return Errno{EPIPE};
  if (!endpoint_->has_room())
    return Errno{EAGAIN};
  if (type() == SOCK_DGRAM && other->is_full_for(*endpoint_)) {
    request.wait_for = &other->wait;
    return Errno{EAGAIN};
  }
  UnixMessage message;
  message.data.resize(size);
  if (size != 0 && TINE_TRY(request.data.copy_in(message.data)) != size)
    return Errno{EFAULT};
  message.files = std::exchange(request.files, {});
  message.credentials = sender_credentials(request);
  message.sender = endpoint_;
  message.charge = UnixEndpoint::charge_of(size);
  other->enqueue(std::move(message));
  return size;
}

Result<u64> UnixSocket::receive_datagram(ReceiveRequest &request) {
  if (type() == SOCK_SEQPACKET && endpoint_->state != UnixEndpoint::State::connected)
    return Errno{ENOTCONN};
  if (const int error = endpoint_->take_error())
    return Errno{error};
  if (endpoint_->queue.empty()) {
    const bool waits = (request.flags & MSG_DONTWAIT) == 0;
    if (endpoint_->no_more_receives && (waits || type() == SOCK_SEQPACKET))
      return u64{0};
    return Errno{EAGAIN};
  }
  UnixMessage &message = endpoint_->queue.front();
  const u64 size = message.data.size();
  if (!message.sender->name.is_unnamed())
    request.from = message.sender->name.to_socket_address();
  u64 copied = 0;
  if (size != 0 && request.data.remaining() != 0) {
    copied = TINE_TRY(request.data.copy_out(message.data));
    if (copied != size && request.data.remaining() != 0)
      return Errno{EFAULT};
  }
  if (copied < size)
    request.result_flags |= MSG_TRUNC;
  if (type() == SOCK_SEQPACKET)
    request.result_flags |= MSG_EOR;
  if (endpoint_->options.pass_credentials != 0)
    request.credentials = message.credentials;
  if (request.flags & MSG_PEEK) {
    request.files = message.files;
  } else {
    request.files = std::exchange(message.files, {});
    endpoint_->pop_message();
  }
  return (request.flags & MSG_TRUNC) != 0 ? size : copied;
}

} // namespace tine::net
