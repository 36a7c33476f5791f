#include "daemon/protocol.hpp"

#include <cstring>
#include <poll.h>
#include <sys/socket.h>

namespace tine::daemon {
namespace {

constexpr std::size_t header_size = 5;

bool is_known(u8 type) {
  switch (static_cast<FrameType>(type)) {
  case FrameType::message:
  case FrameType::input:
  case FrameType::output:
  case FrameType::error:
  case FrameType::data:
    return true;
  }
  return false;
}

/// Takes the descriptors out of a message that was received.
bool take_descriptors(msghdr &message, std::vector<UniqueFd> &descriptors) {
  for (cmsghdr *part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS)
      continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t index = 0; index < count; ++index) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + index * sizeof fd, sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
  return descriptors.size() <= most_descriptors && (message.msg_flags & MSG_CTRUNC) == 0;
}

} // namespace

std::string encode(FrameType type, std::string_view payload) {
  if (payload.size() > largest_payload)
    throw std::length_error("a message is too long");
  std::string bytes;
  bytes.reserve(header_size + payload.size());
  for (unsigned shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<char>(payload.size() >> shift & 0xff));
  bytes.push_back(static_cast<char>(type));
  bytes.append(payload);
  return bytes;
}

std::string text_of(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<u8>(c);
    if (byte >= 0x80) {
      text.push_back(static_cast<char>(0xc0 | byte >> 6));
      text.push_back(static_cast<char>(0x80 | (byte & 0x3f)));
    } else {
      text.push_back(c);
    }
  }
  return text;
}

std::string bytes_of(std::string_view text) {
  std::string bytes;
  for (std::size_t index = 0; index < text.size(); ++index) {
    const auto first = static_cast<u8>(text[index]);
    if (first < 0x80) {
      bytes.push_back(text[index]);
      continue;
    }
    if ((first & 0xfc) != 0xc0 || ++index == text.size())
      throw Failure("a text has characters that bytes don't have");
    bytes.push_back(static_cast<char>((first & 3) << 6 | (static_cast<u8>(text[index]) & 0x3f)));
  }
  return bytes;
}

/// A message that isn't UTF-8 (it says what somebody else said) is made so.
std::string encode(const json &message) {
  return encode(FrameType::message, message.dump(-1, ' ', false, json::error_handler_t::replace));
}

Result<std::optional<Frame>> FrameReader::next() {
  const std::size_t size = bytes_.size() - start_;
  if (size < header_size)
    return std::optional<Frame>();
  std::size_t length = 0;
  for (std::size_t index = 0; index < 4; ++index)
    length |= static_cast<std::size_t>(static_cast<u8>(bytes_[start_ + index])) << (8 * index);
  const auto type = static_cast<u8>(bytes_[start_ + 4]);
  if (length > largest_payload || !is_known(type))
    return Errno{EPROTO};
  if (size < header_size + length)
    return std::optional<Frame>();
  std::optional<Frame> frame(
      Frame{static_cast<FrameType>(type), bytes_.substr(start_ + header_size, length)});
  start_ += header_size + length;
  if (start_ == bytes_.size() || start_ > largest_payload) {
    bytes_.erase(0, start_);
    start_ = 0;
  }
  return frame;
}

Result<json> parse_message(const Frame &frame) {
  if (frame.type != FrameType::message)
    return Errno{EPROTO};
  json message = json::parse(frame.payload, nullptr, false);
  if (!message.is_object())
    return Errno{EPROTO};
  return message;
}

Result<bool> receive_some(int socket, FrameReader &frames, std::vector<UniqueFd> &descriptors) {
  char bytes[piece_size];
  iovec piece{bytes, sizeof bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_descriptors)];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (count < 0)
    return errno == EAGAIN || errno == EINTR;
  if (!take_descriptors(message, descriptors))
    return Errno{EPROTO};
  frames.append({bytes, static_cast<std::size_t>(count)});
  return count > 0;
}

bool Connection::send(FrameType type, std::string_view payload, std::span<const int> descriptors) {
  const std::string bytes = encode(type, payload);
  std::string_view rest = bytes;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * most_descriptors)] = {};
  while (!rest.empty()) {
    iovec piece{const_cast<char *>(rest.data()), rest.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!descriptors.empty()) { // with the first byte
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
      cmsghdr *part = CMSG_FIRSTHDR(&message);
      part->cmsg_level = SOL_SOCKET;
      part->cmsg_type = SCM_RIGHTS;
      part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
      std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
    }
    const ssize_t count = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return false;
    rest.remove_prefix(static_cast<std::size_t>(count));
    descriptors = {};
  }
  return true;
}

bool Connection::send(const json &message, std::span<const int> descriptors) {
  return send(FrameType::message, message.dump(-1, ' ', false, json::error_handler_t::replace),
              descriptors);
}

std::optional<Frame> Connection::receive() {
  for (;;) {
    auto frame = frames_.next();
    if (!frame)
      return std::nullopt;
    if (*frame)
      return std::move(*frame);
    std::vector<UniqueFd> none;
    const auto more = receive_some(socket_.get(), frames_, none);
    if (!more || !*more) {
      ended_ = true;
      return std::nullopt;
    }
  }
}

std::optional<Frame> Connection::receive_ready() {
  for (;;) {
    auto frame = frames_.next();
    if (!frame) {
      ended_ = true;
      return std::nullopt;
    }
    if (*frame)
      return std::move(*frame);
    pollfd entry{socket_.get(), POLLIN, 0};
    if (ended_ || ::poll(&entry, 1, 0) <= 0)
      return std::nullopt;
    std::vector<UniqueFd> none;
    const auto more = receive_some(socket_.get(), frames_, none);
    ended_ = !more || !*more;
  }
}

json checked(json message) {
  if (const auto error = message.find("error"); error != message.end() && error->is_string()) {
    const auto status = message.find("status");
    throw Failure(error->get<std::string>(), status != message.end() && status->is_number_integer()
                                                 ? status->get<int>()
                                                 : own_failure);
  }
  return message;
}

json Connection::receive_message() {
  const auto frame = receive();
  if (!frame)
    throw Failure("the background process of the box has gone away");
  auto message = parse_message(*frame);
  if (!message)
    throw Failure("the background process of the box sent something that can't be understood");
  return checked(std::move(*message));
}

json Connection::request(const json &message, std::span<const int> descriptors) {
  send(message, descriptors); // if it is gone, the answer says so
  return receive_message();
}

} // namespace tine::daemon
