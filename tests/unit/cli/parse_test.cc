#include "cli/parse.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <stdexcept>

namespace tine::cli {
namespace {

TEST(ParseSize, takes_plain_numbers_and_units) {
  EXPECT_EQ(parse_size("4096"), 4096U);
  EXPECT_EQ(parse_size("64K"), u64{64} << 10);
  EXPECT_EQ(parse_size("512m"), u64{512} << 20);
  EXPECT_EQ(parse_size("4G"), u64{4} << 30);
  EXPECT_EQ(parse_size("1T"), u64{1} << 40);
}

TEST(ParseSize, refuses_what_is_no_size) {
  for (const char *text : {"", "G", "-1", "1.5G", "12Q", "99999999999T", "1", "1 G"})
    EXPECT_THROW((void)parse_size(text), std::invalid_argument) << text;
}

TEST(ParseBind, is_read_only_at_the_same_place_by_default) {
  const box::Bind bind = parse_bind("/usr");
  EXPECT_EQ(bind.source, "/usr");
  EXPECT_EQ(bind.target, "/usr");
  EXPECT_FALSE(bind.writable);
}

TEST(ParseBind, takes_target_and_mode) {
  const box::Bind bind = parse_bind("/usr:/somewhere:rw");
  EXPECT_EQ(bind.source, "/usr");
  EXPECT_EQ(bind.target, "/somewhere");
  EXPECT_TRUE(bind.writable);
  EXPECT_FALSE(parse_bind("/usr:/somewhere:ro").writable);
}

TEST(ParseBind, refuses_missing_sources_and_relative_targets) {
  EXPECT_THROW((void)parse_bind("/no/such/directory"), std::invalid_argument);
  EXPECT_THROW((void)parse_bind("/usr:relative"), std::invalid_argument);
  EXPECT_THROW((void)parse_bind(""), std::invalid_argument);
  EXPECT_THROW((void)parse_bind(":rw"), std::invalid_argument);
}

TEST(ParseUser, takes_numbers_and_names) {
  box::BoxOptions options;
  parse_user("1000:100", options);
  EXPECT_EQ(options.uid, 1000U);
  EXPECT_EQ(options.gid, 100U);
  parse_user("7", options);
  EXPECT_EQ(options.gid, 7U);
  parse_user("root", options);
  EXPECT_EQ(options.uid, 0U);
  EXPECT_THROW(parse_user("no-such-user-here", options), std::invalid_argument);
  EXPECT_THROW(parse_user("7:x", options), std::invalid_argument);
}

TEST(MakeEnvironment, replaces_and_takes_over) {
  ASSERT_EQ(::setenv("TINE_TEST_VARIABLE", "outer", 1), 0);
  const auto cleared = make_environment(true, {"A=1", "A=2", "TINE_TEST_VARIABLE", "TINE_NOT_SET"});
  EXPECT_EQ(cleared, (std::vector<std::string>{"A=2", "TINE_TEST_VARIABLE=outer"}));
  const auto inherited = make_environment(false, {"TINE_TEST_VARIABLE=inner"});
  EXPECT_EQ(std::count(inherited.begin(), inherited.end(), "TINE_TEST_VARIABLE=inner"), 1);
  EXPECT_EQ(std::count(inherited.begin(), inherited.end(), "TINE_TEST_VARIABLE=outer"), 0);
}

} // namespace
} // namespace tine::cli
