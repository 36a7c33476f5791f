#include "syscall/table.hpp"

#include <gtest/gtest.h>
#include <string>
#include <sys/syscall.h>

namespace tine::syscall {
namespace {

TEST(Table, is_ascending_and_found_by_number) {
  u32 previous = 0;
  for (const Row &row : rows()) {
    if (&row != &rows().front()) {
      EXPECT_GT(row.number, previous) << row.name;
    }
    previous = row.number;
    EXPECT_EQ(find_row(row.number), &row) << row.name;
  }
}

TEST(Table, agrees_with_the_host_about_numbers) {
  EXPECT_EQ(find_row(SYS_read)->name, "read");
  EXPECT_EQ(find_row(SYS_clone3)->name, "clone3");
  EXPECT_EQ(find_row(SYS_futex_waitv)->name, "futex_waitv");
}

TEST(Table, has_a_handler_exactly_where_it_says_so) {
  for (const Row &row : rows())
    EXPECT_EQ(row.handler == nullptr, row.support == Support::none) << row.name;
}

TEST(Table, says_what_is_missing) {
  for (const Row &row : rows()) {
    if (row.support == Support::partial) {
      EXPECT_FALSE(row.note.empty()) << row.name;
    }
  }
}

TEST(Table, has_no_row_beyond_its_end) {
  EXPECT_EQ(find_row(511), nullptr);
  EXPECT_EQ(find_row(512), nullptr);
  EXPECT_EQ(find_row(~u64{0}), nullptr);
}

} // namespace
} // namespace tine::syscall
