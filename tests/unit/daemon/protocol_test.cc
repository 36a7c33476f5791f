#include "daemon/directory.hpp"
#include "daemon/protocol.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace tine::daemon {
namespace {

TEST(FrameReader, GivesWholeFramesWhateverThePieces) {
  const std::string bytes = encode({{"command", "list"}}) + encode(FrameType::output, "") +
                            encode(FrameType::data, "xyz");
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      reader.append(std::string_view(bytes).substr(at, step));
      for (;;) {
        auto frame = reader.next();
        ASSERT_TRUE(frame.ok());
        if (!*frame)
          break;
        frames.push_back(std::move(**frame));
      }
    }
    ASSERT_EQ(frames.size(), 3U);
    EXPECT_EQ(parse_message(frames[0])->at("command"), "list");
    EXPECT_EQ(frames[1].payload, "");
    EXPECT_EQ(frames[2].payload, "xyz");
  }
}

TEST(FrameReader, RefusesWhatIsNoFrame) {
  for (const std::string &bytes : {std::string("\xff\xff\xff\xffJ"), std::string("\1\0\0\0Z", 5),
                                   std::string("\1\0\x10\0J", 5)}) {
    FrameReader reader;
    reader.append(bytes);
    const auto frame = reader.next();
    ASSERT_FALSE(frame.ok());
    EXPECT_EQ(frame.error(), Errno{EPROTO});
  }
}

TEST(Protocol, AMessageIsAnObject) {
  for (const char *text : {"", "{", "[]", "7", "\"x\"", "{\"a\":\"\xff\"}"})
    EXPECT_FALSE(parse_message({FrameType::message, text}).ok()) << text;
  EXPECT_FALSE(parse_message({FrameType::data, "{}"}).ok());
}

TEST(Protocol, BytesSurviveAsText) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte)
    bytes.push_back(static_cast<char>(byte));
  EXPECT_EQ(bytes_of(json::parse(json(text_of(bytes)).dump()).get<std::string>()), bytes);
  EXPECT_THROW(static_cast<void>(bytes_of("\xe2\x82\xac")), Failure);
  EXPECT_THROW(static_cast<void>(bytes_of("\xc3")), Failure);
}

TEST(Names, SayWhichFamily) {
  EXPECT_EQ(family_of("base"), "base");
  EXPECT_EQ(family_of("base-12"), "base");
  EXPECT_EQ(family_of("a-b-3"), "a-b");
  EXPECT_EQ(family_of("a-b"), "a-b");
  EXPECT_EQ(family_of("v1.2"), "v1.2");
  EXPECT_NO_THROW(check_family_name("a.b_c-d"));
  for (const char *name : {"", "-a", "a/b", "..", "a b", "base-1", "a\n"})
    EXPECT_THROW(check_family_name(name), std::invalid_argument) << name;
  EXPECT_THROW(check_family_name(std::string(65, 'x')), std::invalid_argument);
  EXPECT_NO_THROW(check_box_name("base-1"));
  EXPECT_THROW(check_box_name("base-12345678901"), std::invalid_argument);
}

} // namespace
} // namespace tine::daemon
