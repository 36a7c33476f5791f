// What a client and the host process of a family say to each other.
//
//   frame:    length (4 bytes, little endian, of what follows the type) | type (1 byte) | bytes
//   client    {"command": "fork", "box": "base", "count": 3}      the request, with descriptors of
//                                                                 the client's (SCM_RIGHTS) or none
//   server    {"names": ["base-1", ...]}                          or {"error": TEXT, "status": 125}
//
// What follows depends on the command: output, input, files, and at the end {"exit": STATUS}.
// Each side takes what it gets from the other for untrusted: what is malformed ends the connection.
#pragma once

#include "base/result.hpp"
#include "base/types.hpp"
#include "base/unique_fd.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tine::daemon {

using nlohmann::json;

enum class FrameType : u8 {
  message = 'J', ///< JSON, one object
  input = 'I',   ///< bytes for a standard input
  output = 'O',  ///< bytes of a standard output
  error = 'E',   ///< bytes of a standard error
  data = 'D',    ///< bytes of a file; none: its end
};

struct Frame {
  FrameType type = FrameType::message;
  std::string payload;
};

constexpr std::size_t largest_payload = std::size_t{1} << 20;
/// Bytes of output and of files come in frames of at most this.
constexpr std::size_t piece_size = std::size_t{64} << 10;
constexpr std::size_t most_descriptors = 3;
/// tine's own failure, for the one who asked.
constexpr int own_failure = 125;

/// What the server answered instead of what was asked for.
class Failure : public std::runtime_error {
public:
  Failure(const std::string &message, int exit_status_ = own_failure)
      : std::runtime_error(message), exit_status(exit_status_) {}
  int exit_status;
};

/// Names of files, arguments and the like are bytes, JSON's strings are Unicode: each byte becomes
/// the code point of its value. Failure if a text can't come from bytes.
[[nodiscard]] std::string text_of(std::string_view bytes);
[[nodiscard]] std::string bytes_of(std::string_view text);

/// The frame as bytes. Payloads over `largest_payload` are a mistake of the caller:
/// std::length_error.
[[nodiscard]] std::string encode(FrameType type, std::string_view payload);
[[nodiscard]] std::string encode(const json &message);

/// Bytes of a stream become frames.
class FrameReader {
public:
  void append(std::string_view bytes) { bytes_.append(bytes); }
  /// Nothing: there is no whole frame yet. EPROTO: what came is no frame.
  [[nodiscard]] Result<std::optional<Frame>> next();

private:
  std::string bytes_;
  std::size_t start_ = 0; ///< bytes before it are used up
};

/// The object in a message; EPROTO if it is none.
[[nodiscard]] Result<json> parse_message(const Frame &frame);

/// recvmsg(2): adds bytes and descriptors; false at the end and after an error, EAGAIN apart.
/// EPROTO for more descriptors than `most_descriptors`: they are closed.
[[nodiscard]] Result<bool> receive_some(int socket, FrameReader &frames,
                                        std::vector<UniqueFd> &descriptors);

/// A client's end. Blocks.
class Connection {
public:
  explicit Connection(UniqueFd socket) : socket_(std::move(socket)) {}
  /// False if the server is gone.
  bool send(FrameType type, std::string_view payload, std::span<const int> descriptors = {});
  bool send(const json &message, std::span<const int> descriptors = {});
  /// The next frame; nothing if the server is gone.
  [[nodiscard]] std::optional<Frame> receive();
  /// A frame that has come already, without waiting for more bytes than are there.
  [[nodiscard]] std::optional<Frame> receive_ready();
  /// The next message; Failure if it is an error or if the server is gone.
  [[nodiscard]] json receive_message();
  /// The same after sending.
  [[nodiscard]] json request(const json &message, std::span<const int> descriptors = {});
  [[nodiscard]] int socket() const { return socket_.get(); }
  [[nodiscard]] bool ended() const { return ended_; }

private:
  UniqueFd socket_;
  FrameReader frames_;
  bool ended_ = false;
};

/// `message` as it is, or Failure if it says that there was an error.
[[nodiscard]] json checked(json message);

} // namespace tine::daemon
