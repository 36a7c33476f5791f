// What comes over the socket of a host process: frames, whole whatever the pieces they come in, and
// messages.
//
// The input: the size of a piece, then the stream.
#include "daemon/protocol.hpp"
#include "fuzz/input.hpp"

using namespace tine;

namespace {

/// The frames of a stream that comes in such pieces; one more, empty, for a stream that is none.
std::vector<daemon::Frame> frames_of(std::string_view stream, std::size_t piece) {
  std::vector<daemon::Frame> frames;
  daemon::FrameReader reader;
  while (!stream.empty()) {
    const std::string_view next = stream.substr(0, piece);
    stream.remove_prefix(next.size());
    reader.append(next);
    for (;;) {
      Result<std::optional<daemon::Frame>> frame = reader.next();
      if (!frame.ok())
        return frames;
      if (!*frame)
        break;
      frames.push_back(std::move(**frame));
    }
  }
  return frames;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, std::size_t size) {
  fuzz::Input input({data, size});
  const std::size_t piece = 1 + input.take<u8>();
  const std::string stream = input.take_string(size);
  const std::vector<daemon::Frame> whole = frames_of(stream, stream.size() + 1);
  const std::vector<daemon::Frame> pieces = frames_of(stream, piece);
  fuzz::require(whole.size() == pieces.size(), "frames depend on the pieces that they come in");
  for (std::size_t i = 0; i < whole.size(); ++i) {
    fuzz::require(whole[i].type == pieces[i].type && whole[i].payload == pieces[i].payload,
                  "frame");
    const Result<daemon::json> message = daemon::parse_message(whole[i]);
    if (!message.ok())
      continue;
    fuzz::require(message->is_object(), "a message that is no object");
    const std::vector<daemon::Frame> again =
        frames_of(daemon::encode(*message), daemon::largest_payload);
    fuzz::require(again.size() == 1 && *daemon::parse_message(again[0]) == *message,
                  "a message that changes on its way");
  }
  return 0;
}
