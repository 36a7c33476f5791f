#include "daemon/output_log.hpp"

#include <gtest/gtest.h>

namespace tine::daemon {
namespace {

std::string all_from(const OutputLog &log, u64 offset) {
  std::string text;
  while (const auto piece = log.piece_at(offset)) {
    text += piece->bytes;
    offset = piece->end;
  }
  return text;
}

TEST(OutputLog, KeepsTheOrderOfBothStreams) {
  OutputLog log(65536);
  log.append(LogStream::output, "a");
  log.append(LogStream::output, "b");
  log.append(LogStream::error, "c");
  log.append(LogStream::output, "d");
  auto piece = log.piece_at(0);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->bytes, "ab");
  EXPECT_EQ(piece->stream, LogStream::output);
  piece = log.piece_at(piece->end);
  ASSERT_TRUE(piece);
  EXPECT_EQ(piece->bytes, "c");
  EXPECT_EQ(piece->stream, LogStream::error);
  EXPECT_EQ(log.piece_at(1)->bytes, "b");
  EXPECT_FALSE(log.piece_at(log.end()));
}

TEST(OutputLog, DropsTheOldestBeyondItsLimit) {
  OutputLog log(16384);
  std::string written;
  for (int line = 0; line < 10'000; ++line) {
    const std::string text = std::to_string(line) + "\n";
    const u64 before = log.room_after(log.begin());
    log.append(line % 7 == 0 ? LogStream::error : LogStream::output, text);
    written += text;
    ASSERT_LE(log.end() - log.begin(), 16384U);
    if (before >= text.size()) {
      ASSERT_EQ(log.begin(), written.size() - (log.end() - log.begin()));
    }
  }
  EXPECT_EQ(log.end(), written.size());
  EXPECT_GT(log.end() - log.begin(), 8192U);
  EXPECT_EQ(all_from(log, 0), written.substr(log.begin()));
}

TEST(OutputLog, NothingIsDroppedWithinTheRoomAfterAnOffset) {
  OutputLog log(16384);
  log.append(LogStream::output, std::string(5000, 'x'));
  const u64 offset = log.end();
  log.append(LogStream::output, std::string(log.room_after(offset), 'y'));
  EXPECT_EQ(log.room_after(offset), 0U);
  EXPECT_LE(log.begin(), offset);
  EXPECT_EQ(all_from(log, offset).find_first_not_of('y'), std::string::npos);
}

TEST(OutputLog, FindsTheLastLines) {
  OutputLog log(65536);
  EXPECT_EQ(log.tail(3), 0U);
  log.append(LogStream::output, "one\ntwo\n");
  log.append(LogStream::error, "three\n");
  EXPECT_EQ(all_from(log, log.tail(1)), "three\n");
  EXPECT_EQ(all_from(log, log.tail(2)), "two\nthree\n");
  EXPECT_EQ(all_from(log, log.tail(9)), "one\ntwo\nthree\n");
  EXPECT_EQ(all_from(log, log.tail(0)), "");
  log.append(LogStream::output, "half");
  EXPECT_EQ(all_from(log, log.tail(1)), "half");
}

} // namespace
} // namespace tine::daemon
